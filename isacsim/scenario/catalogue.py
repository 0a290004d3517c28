"""Scenarios by name or file: the shipped ones, their texts, the JSON schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from isacsim.errors import InputError
from isacsim.scenario import yaml_file
from isacsim.scenario.model import Scenario

__all__ = ["list_scenarios", "load_scenario", "scenario_json_schema", "scenario_text"]


def _shipped() -> dict[str, Path]:
    # In a wheel the files lie in isacsim/scenarios; in a checkout beside the package.
    package = Path(__file__).parents[1]
    folder = package / "scenarios" if (package / "scenarios").is_dir() else package.parent / "scenarios"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def list_scenarios() -> dict[str, str]:
    """Give name and description of every scenario that ships with the package, sorted by name."""
    texts = {name: yaml_file.read_text(path) for name, path in _shipped().items()}
    return {name: str(yaml_file.parse(text, name)[0]["description"]) for name, text in texts.items()}


def load_scenario(name_or_path: str | Path | Scenario) -> Scenario:
    """Load a shipped scenario by name, or any by path.

    Parameters
    ----------
    name_or_path : str or pathlib.Path
        A name out of `list_scenarios`, or the path of a ``.yaml`` file. A Scenario is given back as it is.

    Raises
    ------
    pydantic_core.ValidationError
        Naming file, line, field, what was passed and what is allowed.
    isacsim.InputError
        If there is no such scenario or file, or it is not a YAML mapping.
    """
    if isinstance(name_or_path, Scenario):
        return name_or_path
    if not isinstance(name_or_path, str | Path):
        raise InputError(
            f"scenario must be a shipped name, a .yaml file's path or a Scenario; got {name_or_path!r:.80}."
        )
    text = str(name_or_path)
    is_path = (
        isinstance(name_or_path, Path) or text.endswith((".yaml", ".yml")) or "/" in text or "\\" in text
    )
    path = Path(name_or_path) if is_path else _shipped_path(text)
    return Scenario.from_yaml(yaml_file.read_text(path), file=str(path))


def scenario_text(name: str) -> str:
    """Give a shipped scenario's YAML file as it is, comments included.

    Raises
    ------
    InputError
        If no scenario of that name is shipped.
    """
    return yaml_file.read_text(_shipped_path(name))


def _shipped_path(name: str) -> Path:
    shipped = _shipped()
    if name not in shipped:
        hint = yaml_file.did_you_mean(name, shipped)
        raise InputError(
            f"no scenario named {name!r}{hint or ';'} shipped are {', '.join(shipped)}; a file's path ends "
            "in .yaml"
        )
    return shipped[name]


def scenario_json_schema() -> dict[str, Any]:
    """Give the JSON schema of a scenario, with which editors complete and check the YAML."""
    schema = Scenario.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "isacsim scenario"}
