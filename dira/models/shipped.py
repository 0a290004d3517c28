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
        If there is none; says what each differs in.
    """
    reasons = []
    for name, folder in shipped_detectors().items():
        own = validated(Axes, read_content(folder)["axes"], what=f"{folder}: axes")
        if not (differences := own.differences(axes, owner=name)):
            return folder
        reasons.append(", ".join(differences))
    raise InputError(
        f"dira comes with no detector for these spectra: {'; '.join(reasons) or 'there is none'}. Train one with "
        "dira train detector, or make the spectra as one of these has them."
    )
