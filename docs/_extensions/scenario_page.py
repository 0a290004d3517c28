"""A page of every field of a scenario, made of the JSON schema that ``isacsim scenarios schema`` prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isacsim.scenario.catalogue import scenario_json_schema

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DISTRIBUTIONS = ("Uniform", "Normal", "LogNormal", "Choice")
INTRODUCTION = """\
# Fields of a scenario

Every field of a scenario's YAML, section by section. Names end in their unit.
`isacsim scenarios schema` prints the same as a JSON schema, with which editors complete and check
the file.

**or a distribution** means that the value may also be `{uniform: [lo, hi]}`,
`{normal: [mean, std]}`, `{lognormal: [mu, sigma]}` (of the natural logarithm) or
`{choice: [values]}`. It is then drawn anew for each capture. Whole numbers are rounded.
"""


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]


def _heading(name: str, section: dict[str, Any]) -> str:
    kind = section["properties"].get("kind") or section["properties"].get("model") or {}
    return f"{name}: `{kind['const']}`" if "const" in kind else name


def _limits(field: dict[str, Any]) -> str:
    low = field.get("minimum", field.get("ge", field.get("exclusiveMinimum", field.get("gt"))))
    high = field.get("maximum", field.get("le", field.get("exclusiveMaximum", field.get("lt"))))
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    return f" from {low:g}" if low is not None else f" up to {high:g}" if high is not None else ""


def _kinds(field: dict[str, Any]) -> list[str]:
    """What a field may be, in words; a section as a link to it."""
    if "$ref" in field:
        name = _name(field["$ref"])
        return ["or a distribution"] if name in DISTRIBUTIONS else [f"[{name}](#section-{name.lower()})"]
    if "const" in field:
        return [f"`{field['const']}`"]
    if "enum" in field:
        return [f"`{json.dumps(value)}`".replace('"', "") for value in field["enum"]]
    for several in ("oneOf", "anyOf"):
        if several in field:
            return [kind for part in field[several] for kind in _kinds(part)]
    what = field.get("type")
    if what == "array":
        if "prefixItems" in field:
            return [f"list of {len(field['prefixItems'])}: {_choices(field['prefixItems'][0])}"]
        return [f"list of {_choices(field.get('items', {}))}"]
    if what == "object":
        return ["mapping"]
    words = {
        "number": "number",
        "integer": "whole number",
        "string": "text",
        "boolean": "true or false",
        "null": "null",
    }
    return [words[what] + _limits(field)] if what in words else ["any value"]


def _choices(field: dict[str, Any]) -> str:
    kinds = list(dict.fromkeys(kind for kind in _kinds(field) if kind != "null"))
    spread = "or a distribution" in kinds
    text = ", ".join(kind for kind in kinds if kind != "or a distribution")
    return f"{text} or a distribution" if spread else text


def _default(name: str, field: dict[str, Any], section: dict[str, Any]) -> str:
    if name in section.get("required", ()):
        return "required"
    value = field.get("default")
    if value is None or (isinstance(value, dict) and len(value) > 2):
        return ""
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _section(name: str, section: dict[str, Any]) -> str:
    lines = [
        f"(section-{name.lower()})=",
        f"## {_heading(name, section)}",
        "",
        section.get("description", ""),
        "",
    ]
    lines += ["| field | may be | default | meaning |", "|---|---|---|---|"]
    for field_name, field in section["properties"].items():
        meaning = field.get("description", "").replace("|", "\\|").replace("\n", " ")
        lines.append(
            f"| `{field_name}` | {_choices(field)} | {_default(field_name, field, section)} | {meaning} |"
        )
    return "\n".join(lines) + "\n"


def write_page(page: Path) -> None:
    """Write the page: the scenario's own fields first, then each section as it is first met."""
    schema = scenario_json_schema()
    parts, met, waiting = [INTRODUCTION], {"Scenario"}, [("Scenario", schema)]
    while waiting:
        name, section = waiting.pop(0)
        if "properties" not in section:
            continue
        parts.append(_section(name, section))
        text = json.dumps(section["properties"])
        for other in sorted(schema["$defs"], key=lambda known: text.find(f'/{known}"')):
            if f'"#/$defs/{other}"' in text and other not in met and other not in DISTRIBUTIONS:
                met.add(other)
                waiting.append((other, schema["$defs"][other]))
    text = "\n".join(parts)
    if not page.is_file() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect(
        "config-inited", lambda app, config: write_page(Path(app.srcdir) / "api" / "scenario_fields.md")
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
