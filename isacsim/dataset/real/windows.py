"""Windows of capture files: how files are opened and cut, and what each will give, before anything is computed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from isacsim.conditioning.choice import capture_coherence
from isacsim.conditioning.conditioning import Gain, Reference
from isacsim.conditioning.cutting import CaptureWindow, WindowCutter
from isacsim.conditioning.windows import common_axes
from isacsim.dataset.real.files import CaptureFile
from isacsim.errors import CaptureError, InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "CaptureCut",
    "CaptureSummary",
    "Receivers",
    "WindowingOptions",
    "cut_windows",
    "opened_capture",
    "parsed",
    "summarise",
]

Receivers = Literal["all", "one"]


@dataclass(frozen=True)
class WindowingOptions:
    """Options by which captures are read, cut and conditioned."""

    length_s: float | None
    hop_s: float | None
    receivers: Receivers
    reference: Reference
    gain: Gain
    reading: tuple[tuple[str, Any], ...]
    """Arguments of :func:`isacsim.read_capture`."""


@dataclass(frozen=True, eq=False)
class CaptureCut:
    """An opened capture file, and what cuts it into windows."""

    cutter: WindowCutter
    origin: float
    """First packet, s on the capture's clock."""
    notes: list[str]
    """Notes on what was repaired or assumed."""


@dataclass(frozen=True)
class CaptureSummary:
    """Summary of what a capture file will give."""

    n: int
    """Samples."""
    receivers: int
    rms: float
    """Root mean square of the conditioned CSI over all windows and receivers."""
    record: dict[str, Any] = field(repr=False)


@contextmanager
def cut_windows(windowing: WindowingOptions, file: CaptureFile) -> Iterator[CaptureCut]:
    """Open a capture file, to be cut into windows one after the other.

    A saved capture stays on the disk, whatever its length; a receiver's file is read whole.

    Raises
    ------
    InputError
        Naming the file, also for what goes wrong with its windows.
    """
    from isacsim.capture.netcdf import looks_saved

    if looks_saved(file.path):
        capture, notes = opened_capture(file, dict(windowing.reading), whole=False)
    else:
        capture, notes = parsed(file, windowing.reading)
    try:
        pair = None
        if windowing.receivers == "one" and capture.sizes["receiver"] > 1:
            pair = _coherent_pair(capture, windowing.gain)
        cutter = WindowCutter.of(
            capture,
            window_s=windowing.length_s,
            hop_s=windowing.hop_s,
            reference=windowing.reference,
            pair=pair,
            gain=windowing.gain,
        )
        yield CaptureCut(cutter, float(capture.coords["time"][0]), notes)
    except InputError as error:
        raise type(error)(f"{file.source}: {error}") from error
    except (OSError, RuntimeError) as error:  # of HDF5, at the place in the file that is damaged
        raise CaptureError(f"{file.source}: cannot be read ({str(error).splitlines()[0]})") from error


def summarise(
    files: Sequence[CaptureFile],
    windowing: WindowingOptions,
    settings: Mapping[str, Any],
    skipped: dict[str, str] | None = None,
) -> tuple[list[CaptureSummary], dict[str, Any]]:
    """Go through all files before anything is computed or written.

    Returns
    -------
    list of CaptureSummary
        One a file; those that cannot be read go to `skipped` by their source, where given.
    dict
        The settings, with axes: those given, else those that every file's packet rate allows.

    Raises
    ------
    InputError
        Naming the file whose packet rate cannot hold the axes, with the limit, or whose number of receivers differs.
    """
    ratio = settings.get("lag_ratio", 0.089)
    given: list[Any] = [settings.get("acceleration"), settings.get("jerk")]
    found: list[CaptureSummary] = []
    narrowest: Any = None
    for file in files:
        narrower = narrowest
        windows = _Seen()
        try:
            with cut_windows(windowing, file) as cut:
                for window in windows.used(cut.cutter):
                    if any(axis is None for axis in given):
                        axes = common_axes([window], lag_ratio=ratio)
                        narrower = axes if narrower is None else min(narrower, axes, key=_reach)
                    else:
                        window.grid(ratio).check(*(float(np.abs(axis).max()) for axis in given))
                found.append(windows.summary(file, cut))
        except InputError as error:
            if skipped is None:
                raise
            skipped[file.source] = str(error)
            continue
        narrowest = narrower
        if found[-1].receivers != found[0].receivers:
            raise InputError(
                f"{file.source} gives {found[-1].receivers} receivers, {files[0].source} {found[0].receivers}; within "
                "a data set the number must be the same: take the most coherent one of each file (--one-receiver)."
            )
    if not found:
        raise InputError(
            f"none of the {len(files)} files can be read: {next(iter((skipped or {'': ''}).values()))}"
        )
    if narrowest is not None:
        settings = {**dict(zip(("acceleration", "jerk"), narrowest, strict=True)), **settings}
    return found, dict(settings)


def _reach(axes: tuple[NDArray[np.float64], NDArray[np.float64]]) -> float:
    return float(axes[0][-1])


class _Seen:
    """Facts about the windows of a file, gathered while they go by."""

    def __init__(self) -> None:
        self._first: xr.DataArray | None = None
        self._power: list[float] = []
        self._skipped: list[str] = []

    def used(self, cutter: WindowCutter) -> Iterator[CaptureWindow]:
        """The windows that can be used."""
        for window in cutter:
            if isinstance(window, str):
                self._skipped.append(window)
                continue
            if self._first is None:
                # Its attributes and names; no packet of it is kept.
                self._first = window.csi.isel(packet=slice(0, 0)).copy()
            self._power.append(float(np.mean(np.abs(window.csi.values) ** 2, dtype=np.float64)))
            yield window

    def summary(self, file: CaptureFile, cut: CaptureCut) -> CaptureSummary:
        """Summary of the file after its last window."""
        assert self._first is not None
        csi, cutter, attrs = self._first, cut.cutter, cut.cutter.capture.attrs
        record = {
            "file": file.source,
            "sha256": file.sha256,
            "split": file.split,
            "samples": len(self._power),
            "window_s": cutter.window_s,
            "hop_s": cutter.hop_s,
            "packet_rate": cutter.packet_rate,
            "receiver": [str(name) for name in csi.coords["receiver"].values],
            "conditioning": str(csi.attrs["conditioning"]),
            "phase_sign": int(csi.attrs.get("phase_sign", -1)),
            **{n: attrs[n] for n in ("format", "chip", "carrier", "bandwidth") if n in attrs},
            "notes": [*cut.notes, *self._skipped],
        }
        # One number for all receivers: their relation is part of the measurement.
        rms = float(np.sqrt(np.mean(self._power)))
        return CaptureSummary(len(self._power), csi.sizes["receiver"], rms, record)


# Files are gone through twice, for the summaries and for the spectra; a single one is parsed once.
@lru_cache(maxsize=1)
def parsed(file: CaptureFile, reading: tuple[tuple[str, Any], ...]) -> tuple[xr.Dataset, list[str]]:
    """Read a receiver's file into memory, as `opened_capture`; `parsed.cache_clear` lets go of it."""
    return opened_capture(file, dict(reading))


def opened_capture(
    file: CaptureFile, reading: Mapping[str, Any], *, whole: bool = True
) -> tuple[xr.Dataset, list[str]]:
    """Open a capture file: the capture, and what its reader repaired or assumed.

    Parameters
    ----------
    file : CaptureFile
        Saved (.nc), or of a receiver.
    reading : mapping
        Arguments of :func:`isacsim.read_capture`; none for a saved one.
    whole : bool
        Read a saved capture into memory. False: its CSI stays on the disk until it is used.

    Raises
    ------
    InputError
        If the file cannot be read, or is saved and arguments are given.
    """
    from isacsim.capture import read_capture
    from isacsim.capture.netcdf import load_capture, looks_saved, open_capture
    from isacsim.capture.packets import CaptureWarning

    if looks_saved(file.path):
        if given := [name for name, value in reading.items() if value not in (None, "auto", False)]:
            raise InputError(f"{file.path} is a saved capture, which holds its {given[0]}; leave that out.")
        capture = (load_capture if whole else open_capture)(file.path)
    else:
        with warnings.catch_warnings():
            # They are in the capture's attribute too.
            warnings.simplefilter("ignore", CaptureWarning)
            capture = read_capture(file.path, **reading)
    notes = [line for line in str(capture.attrs.get("warnings", "")).splitlines() if line]
    if capture.attrs.get("phase_sign_source") == "assumed":
        notes.append("phase sign assumed to be -1")
    return capture, notes


def _coherent_pair(capture: xr.Dataset, gain: Gain) -> tuple[int, int]:
    """The pair whose phases agree best; with a reference channel, that and who agrees best with it."""
    found = capture_coherence(capture, gain=gain, jumps=False)
    roles = [str(role) for role in capture["role"].values] if "role" in capture.coords else []
    if "reference" not in roles:
        return found.pair
    reference = roles.index("reference")
    coherence = found.matrix[reference]
    coherence[reference] = -1
    return int(coherence.argmax()), reference
