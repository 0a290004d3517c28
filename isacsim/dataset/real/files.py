"""Capture files of a data set: which, how they are labelled, split and cut, and what each will give."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from isacsim.capture.content import check_readable
from isacsim.checks import refusal
from isacsim.conditioning.conditioning import (
    Gain,
    Reference,
    compensate_gain,
    most_coherent_pair,
    phase_coherence,
    usable_subcarriers,
)
from isacsim.conditioning.windows import Windows, capture_windows, common_axes
from isacsim.dataset.real.labels import UNLABELLED, LabelRow, rows_of
from isacsim.errors import CaptureError, InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "CaptureFile",
    "CaptureSummary",
    "CaptureWindows",
    "FilePath",
    "Receivers",
    "WindowingOptions",
    "capture_files",
    "cut_windows",
    "opened_capture",
    "summarise",
]

FilePath = str | PathLike[str]
Receivers = Literal["all", "one"]


@dataclass(frozen=True)
class CaptureFile:
    """One capture file of a data set."""

    path: Path
    source: str
    """Its path from the folder that all the files share: the name, where they lie in one folder."""
    sha256: str
    split: str
    rows: tuple[LabelRow, ...] = field(repr=False)
    """Its labels; none: unlabelled."""

    def label(self, start: float, end: float) -> int:
        """Label of a window, s after the first packet: of the row that holds all of it, else -1."""
        inside = [row.label for row in self.rows if row.start <= start and end <= row.end]
        return inside[0] if inside else UNLABELLED

    def column(self, name: str, start: float, end: float) -> str:
        """Value of a column of the labels for a window: its row's, or that of all rows if they agree; else empty."""
        said = [
            (row.start <= start and end <= row.end, value)
            for row in self.rows
            for key, value in row.columns
            if key == name
        ]
        inside = [value for within, value in said if within] or sorted({value for _, value in said})
        return inside[0] if len(inside) == 1 else ""

    def group(self, name: str) -> str:
        """The one thing that a column says of the whole file, or the file itself for "file".

        Raises
        ------
        InputError
            If the column says two things of it, or nothing.
        """
        if name == "file":
            return self.source
        values = sorted({value for row in self.rows for key, value in row.columns if key == name})
        if len(values) != 1 or not values[0]:
            said = f"has {name} {' and '.join(values)}" if any(values) else f"has no {name}"
            raise InputError(
                f"{self.source} {said}; to split by it, all windows of a capture must be of one {name}."
            )
        return values[0]


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
class CaptureWindows:
    """The windows of a capture file."""

    windows: Windows
    origin: float
    """First packet, s on the capture's clock."""
    record: dict[str, Any]
    """Record of what was done to the file, for the data set's attributes."""


@dataclass(frozen=True)
class CaptureSummary:
    """Summary of what a capture file will give."""

    n: int
    """Samples."""
    receivers: int
    record: dict[str, Any] = field(repr=False)


def capture_files(
    files: Sequence[FilePath],
    rows: list[LabelRow] | None,
    label: int | None,
    split: str,
    skipped: dict[str, str] | None = None,
) -> Iterator[CaptureFile]:
    """Check capture files and give each its labels and split; those that are no files go to `skipped`, where given.

    Raises
    ------
    InputError
        If there is none, one is missing or there twice, or a CSV row is in doubt.
    """
    if isinstance(files, str | PathLike):
        raise refusal("files", "a list of paths", files)
    paths = [Path(path) for path in files]
    if not paths:
        raise InputError("there is no capture file.")
    for path in paths:
        if not path.is_file():
            raise InputError(f"{path}: {_why_no_file(path)}.")
    # As they are called here: what a link leads to may have another name.
    called = [Path(os.path.abspath(path)) for path in paths]
    folder = os.path.commonpath([path.parent for path in called])
    seen: dict[str, Path] = {}
    taken: dict[str, Path] = {}
    for path, name in zip(paths, called, strict=True):
        try:
            check_readable(path)
        except CaptureError as error:
            if skipped is None:
                raise
            skipped[str(path)] = str(error)
            continue
        with path.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        # A copy under another name, in another split, would leak.
        if digest in seen:
            raise InputError(f"{path} and {seen[digest]} hold the same capture; give it once.")
        seen[digest] = path
        source = name.relative_to(folder).as_posix()
        own: tuple[LabelRow, ...] = () if label is None or label == UNLABELLED else (LabelRow(source, label),)
        if rows is not None:
            own = tuple(rows_of(rows, path.resolve().as_posix(), link=name.as_posix()))
            for row in own:
                if taken.setdefault(row.where, path) != path:
                    raise InputError(
                        f"{row.where}: {row.file} names both {taken[row.where]} and {path}; write more of the path."
                    )
        of_rows = own[0].split if own else None
        yield CaptureFile(path, source, digest, of_rows or split, own)


def _why_no_file(path: Path) -> str:
    if path.is_dir():
        return "this is a directory"
    if path.is_symlink():
        return f"this is a link to {os.readlink(path)}, where no file is"
    return "no such file"


# Files are gone through twice, for the summaries and for the spectra; a single one need not be.
@lru_cache(maxsize=1)
def cut_windows(windowing: WindowingOptions, file: CaptureFile) -> CaptureWindows:
    """Read a capture file and cut it into windows.

    Raises
    ------
    InputError
        Naming the file.
    """
    capture, notes = opened_capture(file, dict(windowing.reading))
    try:
        pair = None
        if windowing.receivers == "one" and capture.sizes["receiver"] > 1:
            pair = _coherent_pair(compensate_gain(capture, gain=windowing.gain))
        windows = capture_windows(
            capture,
            window_s=windowing.length_s,
            hop_s=windowing.hop_s,
            reference=windowing.reference,
            pair=pair,
            gain=windowing.gain,
        )
    except InputError as error:
        raise type(error)(f"{file.source}: {error}") from error
    csi = windows.used[0].csi
    record = {
        "file": file.source,
        "sha256": file.sha256,
        "split": file.split,
        "samples": len(windows.used),
        "window_s": windows.window_s,
        "hop_s": windows.hop_s,
        "packet_rate": windows.packet_rate,
        "receiver": [str(name) for name in csi.coords["receiver"].values],
        "conditioning": windows.conditioning,
        "phase_sign": int(csi.attrs.get("phase_sign", -1)),
        **{n: capture.attrs[n] for n in ("format", "chip", "carrier", "bandwidth") if n in capture.attrs},
        "notes": [*notes, *windows.skipped],
    }
    return CaptureWindows(windows, float(capture.coords["time"][0]), record)


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
        try:
            made = cut_windows(windowing, file)
        except InputError as error:
            if skipped is None:
                raise
            skipped[file.source] = str(error)
            continue
        windows = made.windows.used
        try:
            if any(axis is None for axis in given):
                axes = common_axes(windows, lag_ratio=ratio)
                narrowest = axes if narrowest is None else min(narrowest, axes, key=lambda pair: pair[0][-1])
            else:
                for window in windows:
                    window.grid(ratio).check(*(float(np.abs(axis).max()) for axis in given))
        except InputError as error:
            raise type(error)(f"{file.source}: {error}") from error
        found.append(CaptureSummary(len(windows), windows[0].csi.sizes["receiver"], made.record))
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


def opened_capture(file: CaptureFile, reading: Mapping[str, Any]) -> tuple[xr.Dataset, list[str]]:
    """Open a capture file: the capture, and what its reader repaired or assumed.

    Parameters
    ----------
    file : CaptureFile
        Saved (.nc), or of a receiver.
    reading : mapping
        Arguments of :func:`isacsim.read_capture`; none for a saved one.

    Raises
    ------
    InputError
        If the file cannot be read, or is saved and arguments are given.
    """
    from isacsim.capture import read_capture
    from isacsim.capture.netcdf import load_capture, looks_saved
    from isacsim.capture.packets import CaptureWarning

    if looks_saved(file.path):
        if given := [name for name, value in reading.items() if value not in (None, "auto", False)]:
            raise InputError(f"{file.path} is a saved capture and has all that: {given[0]} is for others.")
        capture = load_capture(file.path)
    else:
        with warnings.catch_warnings():
            # They are in the capture's attribute too.
            warnings.simplefilter("ignore", CaptureWarning)
            capture = read_capture(file.path, **reading)
    notes = [line for line in str(capture.attrs.get("warnings", "")).splitlines() if line]
    if capture.attrs.get("phase_sign_source") == "assumed":
        notes.append("phase sign assumed to be -1")
    return capture, notes


def _coherent_pair(array: xr.DataArray) -> tuple[int, int]:
    """The pair whose phases agree best; with a reference channel, that and who agrees best with it."""
    array = usable_subcarriers(array)
    roles = [str(role) for role in array.coords["role"].values]
    if "reference" not in roles:
        return most_coherent_pair(array)
    reference = roles.index("reference")
    coherence = phase_coherence(array)[reference]
    coherence[reference] = -1
    return int(coherence.argmax()), reference
