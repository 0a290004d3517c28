"""Overview of a capture file: what ``isacsim capture`` shows."""

from __future__ import annotations

import base64
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isacsim.capture.netcdf import looks_saved, open_capture
from isacsim.capture.packets import CaptureWarning
from isacsim.capture.reading import read_capture
from isacsim.checks import check_number, refusal
from isacsim.errors import InputError
from isacsim.survey.describe import describe_capture
from isacsim.survey.facts import RECEIVER_COLUMNS, facts, receiver_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["capture_overview"]

_OPTIONS = ("carrier", "bandwidth", "packet_rate", "chip", "format")


def capture_overview(path: Path, shown: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Describe the content of a capture, with pictures.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    shown : str
        What messages and page call it.
    asked : dict
        Arguments of :func:`isacsim.read_capture` for what the file does not say: ``carrier``, ``bandwidth``,
        ``packet_rate`` in Hz, ``chip``, ``format``. None of a saved capture.

    Returns
    -------
    dict
        As JSON has it: ``facts``, ``receivers``, ``reported``, ``kinds``, ``dropped``, ``assumed``, ``remarks``, and
        ``pictures`` (title and PNG in base64).

    Raises
    ------
    InputError
        If it is no capture, damaged, or lacks what must be given.
    """
    from isacsim.figures.captures import frequency_figure, map_figure, time_figure

    given = {name: asked[name] for name in _OPTIONS if asked.get(name) is not None}
    for name in given.keys() & {"carrier", "bandwidth", "packet_rate"}:
        check_number(name, given[name], above=0)
    for name in given.keys() & {"chip", "format"}:
        if not isinstance(given[name], str):
            raise refusal(name, "a text", given[name])
    try:
        if looks_saved(path):
            if given:
                raise InputError(f"{shown} is a saved capture, which says its {', '.join(given)} itself.")
            with open_capture(path) as capture:
                described = describe_capture(capture)
        else:
            with warnings.catch_warnings():
                # They are in the description too.
                warnings.simplefilter("ignore", CaptureWarning)
                described = describe_capture(read_capture(path, **given))
    except InputError as error:
        # Where the folder lies is nothing that a page need know.
        raise type(error)(str(error).replace(str(path), shown)) from error
    pictures = {
        "Over time": time_figure(described),
        "Amplitude": map_figure(described, "amplitude_db"),
        "Phase, packets aligned to the mean channel": map_figure(described, "phase"),
        "Over frequency": frequency_figure(described),
    }
    return {
        "name": shown,
        "facts": facts(described),
        "receivers": {"columns": RECEIVER_COLUMNS, "rows": receiver_rows(described)},
        "reported": [
            [f"{name} [{v['units']}]", *(f"{v[key]:.4g}" for key in ("least", "median", "most"))]
            for name, v in described.reported.items()
        ],
        "kinds": described.kinds,
        "dropped": described.dropped,
        "assumed": described.assumed,
        "remarks": described.remarks,
        "pictures": [{"title": title, "png": _encoded(figure)} for title, figure in pictures.items()],
    }


def _encoded(figure: Figure) -> str:
    from isacsim.figures.spectra import png

    return base64.b64encode(png(figure)).decode("ascii")
