"""Models that come with dira, several of a kind for different spectra: which there are, and which fits."""

from __future__ import annotations

from pathlib import Path

from dira.config import Axes, validated
from dira.models.files import read_content
from isacsim.errors import InputError

__all__ = ["fitting_model", "shipped_model", "shipped_models"]

_FOLDER = Path(__file__).parents[1] / "weights"


def shipped_models(kind: str) -> dict[str, Path]:
    """Folders of the models of a class by name."""
    return {config.parent.name: config.parent for config in sorted((_FOLDER / kind).glob("*/config.json"))}


def shipped_model(kind: str, name: str) -> Path:
    """Folder of one model.

    Raises
    ------
    InputError
        If there is none of that name; says which there are.
    """
    known = shipped_models(kind)
    if not known:
        raise InputError(f"dira comes with no trained {kind}; train one with fit.")
    if name not in known:
        raise InputError(f"dira comes with {kind} {', '.join(known)}, not {name!r}.")
    return known[name]


def fitting_model(kind: str, axes: Axes) -> Path:
    """Folder of the model of a class that is made for spectra of these axes and settings.

    Raises
    ------
    InputError
        If there is none; says what the one with the fewest differences differs in. Or if the spectra do not tell enough
        of their axes and settings to choose among several.
    """
    nearest: tuple[str, list[str]] | None = None
    fitting: dict[str, Axes] = {}
    for name, folder in shipped_models(kind).items():
        own = validated(Axes, read_content(folder)["axes"], what=f"{folder}: axes")
        if not (differences := own.differences(axes, owner="it")):
            fitting[name] = own
        elif nearest is None or len(differences) < len(nearest[1]):
            nearest = name, differences
    if fitting:
        first, *others = fitting.values()
        if any(first.differences(one, owner="it") for one in others):
            raise InputError(
                f"dira comes with {kind} {', '.join(fitting)}, and these spectra do not tell which of them fits: axes "
                "or settings are missing. Give the name of one."
            )
        return shipped_models(kind)[next(iter(fitting))]
    if nearest is None:
        raise InputError(f"dira comes with no trained {kind}; train one with fit.")
    raise InputError(
        f"dira comes with no {kind} for these spectra; the nearest is {nearest[0]}: {', '.join(nearest[1])}. "
        "Generate spectra with its settings, or train one (dira train)."
    )
