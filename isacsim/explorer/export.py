"""Export of what the explorer shows: a scenario file, and the Python that makes the same."""

from __future__ import annotations

import json
from typing import Any

from isacsim import __version__
from isacsim.explorer.controls import Controls, explored
from isacsim.explorer.live import doppler_settings, fastest_of, reference_of, spectrum_settings
from isacsim.scenario.model import Scenario
from isacsim.simulation.realisation import realise

__all__ = ["exported"]

# Of a line of the program.
_WIDTH = 100


def exported(base: Scenario, controls: Controls, given: str) -> dict[str, str]:
    """Scenario file and Python program.

    Parameters
    ----------
    base : Scenario
        What the controls change.
    controls : Controls
        Their values.
    given : str
        Name of ``base``, or its path in the explorer's folder.

    Returns
    -------
    dict of str to str
        ``name`` of the scenario, ``yaml``, ``python``.
    """
    scenario, changes = explored(base, controls)
    head = f"# Written by isacsim {__version__}, explore {given}.\n"
    return {
        "name": scenario.name,
        "yaml": head + scenario.to_yaml(),
        "python": _program(scenario, changes, given),
    }


def _program(scenario: Scenario, changes: dict[str, Any], given: str) -> str:
    settings = spectrum_settings(scenario)
    streams = "csi"
    imports = ["import isacsim", "from isacsim.conditioning.conditioning import condition"]
    if "antennas" not in settings:
        streams = "csi[0]"
    elif len(scenario.radio.receivers) > 1:
        imports.append("from isacsim.conditioning.pairs import array_of")
        streams = "array_of(csi, 0)"
    lines = [
        f'"""Values of the two pictures that isacsim explore showed, scenario {given}."""',
        "",
        *imports,
        "",
    ]
    if given.endswith((".yaml", ".yml")):
        lines.append("# The file lies in the folder that the explorer was started in.")
    lines += [
        f"scenario = isacsim.load_scenario({_literal(given)}).with_(",
        *(f"    {name}={_literal(value, 4)}," for name, value in changes.items()),
        ")",
        "capture = isacsim.simulate(scenario)",
        f"csi = condition(capture, reference={_literal(reference_of(scenario))})",
        "spectrum = isacsim.aj_spectrum(",
        f"    {streams},",
        '    acceleration=scenario.spectrum.settings["acceleration"],',
        '    jerk=scenario.spectrum.settings["jerk"],',
        *(f"    {name}={_literal(value, 4)}," for name, value in settings.items()),
        ")",
        *(['spectrum = spectrum.mean("delay")'] if settings.get("combine") == "delay" else []),
        "doppler = isacsim.doppler_spectrogram(",
        f"    {streams},",
        *(f"    {n}={_literal(v, 4)}," for n, v in doppler_settings(scenario, _fastest(scenario)).items()),
        ")",
        "",
        "print(scenario)",
        'print("spectrum", dict(spectrum.sizes), "largest value", float(spectrum.max()))',
        'print("spectrogram", dict(doppler.sizes), "largest value", float(doppler.max()))',
    ]
    return "\n".join(lines) + "\n"


def _literal(value: Any, indent: int = 0) -> str:
    """Python of a plain value, on one line where it fits."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        items = [f"{_literal(key)}: " for key in value]
        inner, ends = list(value.values()), "{}"
    elif isinstance(value, list):
        items, inner, ends = [""] * len(value), value, "[]"
    else:
        return repr(value)
    one = ends[0] + ", ".join(key + _literal(item) for key, item in zip(items, inner, strict=True)) + ends[1]
    if len(one) + indent < _WIDTH - 20:
        return one
    pad = " " * (indent + 4)
    lines = [f"{pad}{key}{_literal(item, indent + 4)}," for key, item in zip(items, inner, strict=True)]
    return "\n".join([ends[0], *lines, " " * indent + ends[1]])


def _fastest(scenario: Scenario) -> float:
    """Highest speed of the targets in m/s, as the picture's truth has it."""
    import xarray as xr

    drawn = realise(scenario, seed=scenario.seed)
    first = next(i for i, r in enumerate(scenario.radio.receivers) if r.role == "surveillance")
    rows = drawn.kinematics[:, first, drawn.reference]
    names = ("path_length", "velocity", "acceleration", "jerk")
    truth = xr.Dataset({name: ("path", row) for name, row in zip(names, rows, strict=True)})
    return fastest_of(truth, scenario.radio.packets / scenario.radio.packet_rate_hz)
