"""Names that docstrings cite but no page describes: they have to exist, and stay without a link."""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from sphinx.pycode import ModuleAnalyzer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# Named without their module where the docstring's reader knows which is meant.
SHORT = {
    "NotFitted": "dira.models.model.NotFitted",
    "simulate_path_lengths": "isacsim.channel.paths.simulate_path_lengths",
}
HIDDEN = "\0"
PACKAGES = ("isacsim.", "dira.", "pydantic_core.")


# What a new kind of model overrides, and nobody calls: dira.models.model has it.
INTERNAL = frozenset(
    [
        "Settings",
        "build",
        "decoder",
        "examples",
        "identity",
        "initial",
        "labelled",
        "learn",
        "loss",
        "optimise",
        "run",
        "running",
        "scaled",
        "scaling",
        "shipped",
        "spectra_of_its_axes",
        "title",
        "training",
        "training_defaults",
        "variables",
    ]
)


def _exists(name: str) -> bool:
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        try:
            for part in parts[cut:]:
                found = getattr(found, part)
        except AttributeError:
            return False
        return True
    return False


def _missing(app: Sphinx, env: Any, node: Any, shown: Any) -> Any:
    name = SHORT.get(node["reftarget"], node["reftarget"])
    return shown if name.startswith(PACKAGES) and _exists(name) else None


def _hide_colons(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Keep napoleon from taking what stands before a colon in a field's description for its type."""
    if what == "attribute":
        lines[:] = [line.replace(":", HIDDEN) for line in lines]


def _show_colons(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    lines[:] = [line.replace(HIDDEN, ":") for line in lines]


def _signature(
    app: Sphinx, what: str, name: str, obj: object, options: object, signature: str, returned: str
) -> tuple[str, None] | None:
    """Sections of a scenario have their fields listed below, with what each may be."""
    return ("(**fields)", None) if isinstance(obj, type) and issubclass(obj, BaseModel) else None


def _described(settings: type[BaseModel], field: str) -> str:
    """What stands below a field in the source, in one line."""
    for one in settings.__mro__:
        if field in inspect.get_annotations(one):
            found = (
                ModuleAnalyzer.for_module(one.__module__).find_attr_docs().get((one.__qualname__, field), [])
            )
            return " ".join(line.strip() for line in found).strip()
    return ""


def _configuration(app: Sphinx, what: str, name: str, obj: Any, options: object, lines: list[str]) -> None:
    """List what a model of dira can be configured by, below its docstring."""
    settings = getattr(obj, "Settings", None)
    if what != "class" or not isinstance(settings, type) or not issubclass(settings, BaseModel):
        return
    lines += ["", ".. rubric:: Configuration", ""]
    for field, about in settings.model_fields.items():
        described = _described(settings, field)
        lines.append(f"- ``{field}={about.default!r}``" + (f": {described}" if described else ""))
    lines.append("")


def _skip(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: object) -> bool | None:
    home = getattr(obj, "__module__", None) or getattr(getattr(obj, "fget", None), "__module__", "") or ""
    within = home.startswith("dira.models") or not callable(obj)
    return True if what == "class" and name in INTERNAL and within else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("missing-reference", _missing)
    app.connect("autodoc-process-docstring", _hide_colons, priority=400)  # napoleon's is 500
    app.connect("autodoc-process-docstring", _show_colons, priority=600)
    app.connect("autodoc-process-docstring", _configuration, priority=700)
    app.connect("autodoc-skip-member", _skip)
    app.connect("autodoc-process-signature", _signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
