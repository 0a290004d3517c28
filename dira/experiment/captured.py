"""Labelled windows of captures, by a table as `isacsim import --labels` takes it, with features of baselines.

A row of the table names a file, from the table's folder on, and its label or class; ``start`` and ``end`` (s) where
they are of a part of it. Columns such as person, session and room say what splits keep together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dira.data.windows import Windows, reduced
from dira.experiment.labelled import BASELINES, Labelled
from isacsim.conditioning.cutting import CaptureWindow
from isacsim.conditioning.resampling import resample
from isacsim.conditioning.windows import capture_windows
from isacsim.dataset.real.files import CaptureFile, capture_files
from isacsim.dataset.real.labels import UNLABELLED, LabelRow, read_labels
from isacsim.dataset.real.windows import WindowingOptions, opened_capture
from isacsim.errors import InputError
from isacsim.files import written_whole

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["GROUPS", "Captured", "Table", "labelled_captures"]

GROUPS = ("person", "session", "room")
"""Columns that say what a split keeps together, by preference."""
_FEWEST = 16  # packets, which the encoder's form needs
_LABEL = "label"


class Captured(NamedTuple):
    """Labelled windows of captures."""

    data: Labelled
    classes: tuple[str, ...]
    """Names of the classes; of labels as numbers, these as text."""
    recordings: NDArray[np.int64]
    """Number of each window's file."""
    skipped: tuple[str, ...]
    """A sentence for each file that could not be used."""

    def save(self, path: Path, identity: dict[str, Any]) -> None:
        """Write an .npz that `load` reads, with JSON of what it was made from."""
        data = self.data
        arrays: dict[str, Any] = {
            **data.windows._asdict(),
            **{f"features_{name}": values for name, values in data.features.items()},
            "labels": data.labels,
            "groups": data.groups,
            "classes": np.array(self.classes),
            "recordings": self.recordings,
            "skipped": np.array(self.skipped, dtype=str),
            "identity": np.array(json.dumps(identity, sort_keys=True)),
        }
        with written_whole(path) as file, file.open("wb") as opened:
            np.savez_compressed(opened, **arrays)

    @classmethod
    def load(cls, path: Path, identity: dict[str, Any]) -> Captured:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            If it was made from something else, naming the first difference.
        """
        with np.load(path, allow_pickle=False) as file:
            of = {name: file[name] for name in file.files}
        begun, asked = json.loads(str(of["identity"])), json.loads(json.dumps(identity))
        differ = next((key for key in asked if begun.get(key) != asked[key]), None)
        if differ is not None:
            raise InputError(
                f"{path} holds windows of {differ} {begun.get(differ)!r}, not {asked[differ]!r}; name another file "
                "(--windows)."
            )
        windows = Windows(*(of[name] for name in Windows._fields))
        features = {name: of[f"features_{name}"] for name in BASELINES}
        data = Labelled(windows, features, of["labels"], of["groups"])
        return cls(data, tuple(of["classes"].tolist()), of["recordings"], tuple(of["skipped"].tolist()))


@dataclass(frozen=True)
class Table:
    """A table of labels, read and checked, with the files that it names."""

    path: Path
    rows: tuple[LabelRow, ...]
    column: str
    """The one that says the class: label, for numbers, or one of the table's own."""
    by: str
    """The one that says what a split keeps together."""
    files: tuple[Path, ...]

    @classmethod
    def read(cls, path: Path, *, column: str = _LABEL, by: str | None = None) -> Table:
        """Read a table.

        Parameters
        ----------
        path : Path
            The CSV.
        column : str
            Of the class.
        by : str, optional
            Of what a split keeps together; default: the first of `GROUPS` that the table has.

        Raises
        ------
        InputError
            If a column or a file is missing.
        """
        rows = read_labels(path)
        own = list(dict.fromkeys(name for row in rows for name, _ in row.columns))
        if by is None and not (by := next((name for name in GROUPS if name in own), None)):
            raise InputError(
                f"{path}: there is no column {', '.join(GROUPS[:-1])} or {GROUPS[-1]}; a split needs one of them, or "
                "--split-by with another."
            )
        for name, allowed, option in ((by, own, "--split-by"), (column, [_LABEL, *own], "--classes")):
            if name not in allowed:
                raise InputError(
                    f"{option} {name}: {path} has no such column; there are {', '.join(allowed) or 'none'}."
                )
        files = []
        for name in dict.fromkeys(row.file for row in rows):
            file = path.parent / name.replace("\\", "/")
            if not file.is_file():
                where = next(row.where for row in rows if row.file == name)
                raise InputError(
                    f"{where}: there is no file {file}; files are named from the table's folder."
                )
            files.append(file)
        return cls(path, tuple(rows), column, by, tuple(files))

    def name_of(self, row: LabelRow) -> str:
        """Class of a row, as text; empty: unlabelled."""
        if self.column == _LABEL:
            return "" if row.label == UNLABELLED else str(row.label)
        return dict(row.columns).get(self.column, "")

    @property
    def numbers(self) -> bool:
        """True if the classes are numbers, so that errors of them have a size."""
        return self.column == _LABEL

    def identity(self) -> dict[str, Any]:
        """JSON that says which table this is."""
        digest = hashlib.sha256(self.path.read_bytes()).hexdigest()
        return {"table": digest, "classes": self.column, "split_by": self.by}


def labelled_captures(
    table: Table,
    options: WindowingOptions,
    *,
    skip_bad: bool = False,
    tell: Callable[[int, int], None] | None = None,
) -> Captured:
    """Read the files of a table, and cut what its rows label into windows.

    Parameters
    ----------
    table : Table
        Labels and files.
    options : WindowingOptions
        Windows begin at a row's start. Their conditioning leaves packets at their own times, as
        `dira.Encoder.encode` does; baselines' features are of the same CSI on a uniform grid.
    skip_bad : bool
        Leave out files that cannot be read or cut.
    tell : callable, optional
        Called with files done and in all.

    Raises
    ------
    InputError
        Naming the file that cannot be used, or if there are fewer than two classes.
    """
    names = sorted({table.name_of(row) for row in table.rows} - {""}, key=_order)
    if len(names) < 2:
        raise InputError(
            f"{table.path}: the column {table.column} must name two classes or more, it has "
            f"{', '.join(names) or 'none'}."
        )
    labels = {name: int(name) if table.numbers else k for k, name in enumerate(names)}
    bad: dict[str, str] = {}
    files = list(capture_files(table.files, list(table.rows), None, "train", bad if skip_bad else None))
    parts: list[Labelled] = []
    recordings: list[int] = []
    for number, file in enumerate(files):
        try:
            group = file.group(table.by)
            made = _windows_of(file, table, labels, group, options)
        except InputError as error:
            if not skip_bad:
                raise
            bad[file.source] = str(error)
            continue
        parts += made
        recordings += [number] * len(made)
        if tell is not None:
            tell(number + 1, len(files))
    if not parts:
        raise InputError(f"{table.path}: none of its files can be used; {next(iter(bad.values()))}")
    data = Labelled.together(parts)
    return Captured(data, tuple(names), np.array(recordings, np.int64), tuple(bad.values()))


def _order(name: str) -> tuple[bool, float, str]:
    """Numbers first, by size."""
    return (False, float(name), "") if name.isdecimal() else (True, 0.0, name)


def _windows_of(
    file: CaptureFile, table: Table, labels: dict[str, int], group: str, options: WindowingOptions
) -> list[Labelled]:
    """Labelled windows of a file, from the start of each row on."""
    capture, _ = opened_capture(file, dict(options.reading))
    time = np.asarray(capture.coords["time"].values, np.float64)
    strength = _strength(capture)
    made: list[Labelled] = []
    few = 0
    for row in file.rows:
        if not (name := table.name_of(row)):
            continue
        start, end = (
            max(0.0, row.start),
            min(row.end, float(time[-1] - time[0]) + float(np.median(np.diff(time)))),
        )
        assert options.length_s is not None
        hop = options.length_s if options.hop_s is None else options.hop_s
        number = (
            int((end - start - options.length_s) / hop + 1e-6) + 1 if end - start >= options.length_s else 0
        )
        if number < 1:
            raise InputError(
                f"{row.where}: {row.file} holds {max(0.0, end - start):.4g} s of it, less than a window of "
                f"{options.length_s:g} s; take shorter ones (--window-s)."
            )
        try:
            cut = capture_windows(
                capture,
                window_s=options.length_s,
                hop_s=hop,
                start_s=start,
                max_windows=number,
                reference=options.reference,
                gain=options.gain,
                uniform=False,
            )
        except InputError as error:
            raise type(error)(f"{file.source}: {error}") from error
        for window in cut.used:
            one = _labelled(window, capture, time, strength, labels[name], group)
            few += one is None
            made += [] if one is None else [one]
    if not made and few:
        raise InputError(
            f"{file.source}: windows of {options.length_s:g} s hold fewer than {_FEWEST} packets, or have gaps of over "
            "a tenth; take longer ones (--window-s)."
        )
    return made


def _labelled(
    window: CaptureWindow,
    capture: xr.Dataset,
    time: NDArray[np.float64],
    strength: NDArray[np.float64] | None,
    label: int,
    group: str,
) -> Labelled | None:
    own = window.csi.transpose("receiver", "subcarrier", "packet")
    at = own.coords["time"].values
    if at.size < _FEWEST:
        return None
    try:
        even = resample(own)
    except InputError:  # a gap
        return None
    frequency = own.coords["frequency"].values
    inside = np.flatnonzero((time >= at[0]) & (time <= at[-1]))
    raw = (
        np.asarray(capture["csi"].values[..., inside])
        if strength is None
        else strength[np.newaxis, np.newaxis, inside]
    )
    return Labelled.of(
        raw,
        time[inside],
        even.values,
        even.coords["time"].values,
        frequency,
        label,
        group,
        reduced(own.values, at, frequency),
    )


def _strength(capture: xr.Dataset) -> NDArray[np.float64] | None:
    """Amplitude that the receiver reports (RSSI), over packets; None where it reports none."""
    if "rssi" not in capture or capture["rssi"].dims != ("packet",):
        return None
    rssi = np.asarray(capture["rssi"].values, np.float64)
    return 10 ** (rssi / 20) if np.isfinite(rssi).all() else None
