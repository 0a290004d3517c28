"""A scenario with some of its fields changed, from Python or from the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel

from isacsim.errors import InputError
from isacsim.scenario import yaml_errors, yaml_file
from isacsim.scenario.numbers import is_distribution

if TYPE_CHECKING:
    from isacsim.scenario.model import Scenario

__all__ = ["changed", "parse_settings"]


def changed(scenario: Scenario, changes: Mapping[str, Any]) -> Scenario:
    """Make a scenario with some of its fields changed; see :meth:`isacsim.Scenario.with_`."""
    data = _written(scenario)
    for name, value in changes.items():
        _put(data, str(name).split("."), _plain(value, str(name)), "")
    text = yaml_file.dump(data)
    parsed, node = yaml_file.parse(text, scenario.name)
    return yaml_errors.validate(
        type(scenario), parsed, node, f"{scenario.name} with {', '.join(changes)}", lines=False
    )


def parse_settings(settings: Iterable[str]) -> dict[str, Any]:
    """Parse ``field=value`` texts of the command line; a value is YAML.

    Raises
    ------
    InputError
        If a text has no field or no value, or the value is not YAML.

    Examples
    --------
    >>> parse_settings(["snr_db=20", "radio.packets=512"])
    {'snr_db': 20, 'radio.packets': 512}
    """
    changes: dict[str, Any] = {}
    for setting in settings:
        field, equals, text = setting.partition("=")
        if not equals or not field.strip() or not text.strip():
            raise InputError(f"--set takes FIELD=VALUE, such as snr_db=20; got {setting!r}.")
        try:
            # As in a file, so that 80e6 is a number here too.
            changes[field.strip()] = yaml_file.parse(f"value: {text.strip()}\n", f"--set {setting}")[0][
                "value"
            ]
        except (KeyError, InputError):
            raise InputError(f"--set {setting}: the value is not valid YAML.") from None
    return changes


def _written(value: Any) -> Any:
    """Give what was written of a scenario: fields that were set, and the tags that tell models apart."""
    if isinstance(value, BaseModel):
        written = value.model_fields_set | (set(yaml_errors.TAGS) & type(value).model_fields.keys())
        fields = [name for name in type(value).model_fields if name in written]
        return {name: _written(getattr(value, name)) for name in fields}
    if isinstance(value, tuple | list):
        return [_written(item) for item in value]
    if isinstance(value, dict):
        return {key: _written(item) for key, item in value.items()}
    return value


def _plain(value: Any, field: str) -> Any:
    """Turn what a user passes into what YAML holds."""
    if isinstance(value, BaseModel):
        return _written(value)
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist(), field)
    if isinstance(value, Mapping):
        return {key: _plain(item, field) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item, field) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise InputError(f"{field} must be a number, a text, a list or a mapping; got {value!r:.60}.")


def _put(data: Any, path: list[str], value: Any, above: str) -> None:
    """Put a value where a dotted field says; mappings merge into sections that are there."""
    name, *rest = path
    here = f"{above}.{name}" if above else name
    key: Any = int(name) if name.isdigit() else name  # no field is called by digits; a class is
    if isinstance(data, list):
        if not name.isdigit() or int(name) >= len(data):
            raise InputError(f"{here}: {above} is a list of {len(data)}; entries are 0 to {len(data) - 1}.")
    elif not isinstance(data, dict):
        raise InputError(f"{here}: {above} is {data!r}, which has no fields.")
    present = data[key] if isinstance(data, list) or key in data else None
    if rest:
        if present is None:
            present = data[key] = {}
        _put(present, rest, value, here)
    elif isinstance(value, dict) and _merges(present, value):
        for inner, item in value.items():
            _put(present, [str(inner)], item, here)
    else:
        data[key] = value


def _merges(present: Any, value: dict[Any, Any]) -> bool:
    """Say whether a mapping changes what is there; another kind, and a distribution, replace it."""
    if isinstance(present, list):
        return all(str(key).isdigit() for key in value)
    if not isinstance(present, dict) or is_distribution(present) or is_distribution(value):
        return False
    return all(value[tag] == present.get(tag) for tag in yaml_errors.TAGS if tag in value)
