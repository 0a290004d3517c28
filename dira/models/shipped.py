"""Detectors that come with dira, one for each kind of spectra: which there are, and which fits."""

from __future__ import annotations

from pathlib import Path

from dira.config import Axes, validated
from dira.models.files import read_content
from isacsim.errors import InputError

__all__ = ["fitting_detector", "shipped_detector", "shipped_detectors"]

_FOLDER = Path(__file__).parents[1] / "weights" / "PathDetector"


def shipped_detectors() -> dict[str, Path]:
    """Folders of the detectors by name."""
    return {config.parent.name: config.parent for config in sorted(_FOLDER.glob("*/config.json"))}


def shipped_detector(name: str) -> Path:
    """Folder of one detector.

    Raises
    ------
    InputError
        If there is none of that name; says which there are.
    """
    known = shipped_detectors()
    if name not in known:
        raise InputError(f"dira comes with the detectors {', '.join(known) or '(none)'}, not {name!r}.")
    return known[name]


def fitting_detector(axes: Axes) -> Path:
    """Folder of the first detector that is made for spectra of these axes and settings.

    Raises
    ------
    InputError
        If there is none; says what the one with the fewest differences differs in.
    """
    nearest: tuple[str, list[str]] | None = None
    for name, folder in shipped_detectors().items():
        own = validated(Axes, read_content(folder)["axes"], what=f"{folder}: axes")
        if not (differences := own.differences(axes, owner="it")):
            return folder
        if nearest is None or len(differences) < len(nearest[1]):
            nearest = name, differences
    if nearest is None:
        raise InputError("dira comes with no detector; train one with dira train detector.")
    raise InputError(
        f"dira comes with no detector for these spectra; the nearest is {nearest[0]}: {', '.join(nearest[1])}. "
        "Generate spectra with its settings, or train a detector (dira train detector)."
    )
