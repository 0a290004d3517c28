"""The scenario: one YAML file that says what is simulated, validated field by field.

``numbers`` are floats or distributions, ``section`` is the base of every model. ``radio``, ``motions``, ``bodies``,
``targets``, ``environments`` (with ``rooms`` and their ``materials``), ``impairments`` and ``outputs`` are the
sections, ``model`` puts them together and checks what concerns several. ``chance`` replaces distributions by numbers.
``yaml_file`` reads the text, ``yaml_errors`` names lines; ``catalogue`` finds scenarios by name.
"""

from isacsim.scenario.catalogue import (
    list_scenarios,
    load_scenario,
    scenario_json_schema,
    scenario_text,
)
from isacsim.scenario.model import Scenario

__all__ = ["Scenario", "list_scenarios", "load_scenario", "scenario_json_schema", "scenario_text"]
