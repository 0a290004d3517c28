"""Public recordings in which somebody moves or nobody does: what each file holds, as captures with a label and a group.

None of them is shipped. ``folder`` holds one or more as their repositories lay them out, at any depth:

har
    github.com/qiang5love1314/CSI-data-for-human-activity-recognition, ``Original Data/0510`` and ``0512`` (two rooms);
    no licence named. Intel 5300, 3 antennas, 20 packets/s. Five persons sit and lie for six minutes (still: without
    the first and last 30 s, in which they come and go), walk and run for 15 s, 20 times each. Groups: person and room.
espectre
    github.com/francescopace/espectre, ``micro-espectre/data`` (GPL-3.0). Five kinds of ESP32, 64 subcarriers of
    20 MHz, 100 to 140 packets/s, 10 s each: a quiet room, and somebody moving in it. Groups: chip.
ialr
    github.com/IALR/csi-motion-detection, ``part_*_data`` and ``room2_*`` (MIT). ESP32-S3, amplitudes alone, 10
    packets/s: an empty room, and somebody moving. Groups: session (ten in two rooms).
wivelo
    `validation.wivelo`, users 1 and 8: before and while somebody walks. Groups: user. When they begin is read from
    amplitudes, so that this set favours `amplitude_variation`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

import isacsim
from isacsim.capture.packets import CaptureWarning
from isacsim.errors import InputError

from .wivelo import CARRIER, walking, walks

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["WINDOW_S", "Labelled", "Source", "labelled", "sources"]

Real = NDArray[np.float64]

WINDOW_S = {"har": 2.0, "espectre": 2.0, "ialr": 4.0, "wivelo": 1.0}
"""Windows that are judged, s: as short as the packets let them be."""
# The files do not say their channels, which only scale speeds.
_CARRIER_5, _CARRIER_2 = 5.32e9, 2.437e9
_SPACING = 312.5e3
_SETTLE_S = 30.0
_STILL, _MOVING = ("sitting", "lying"), ("walking", "running")
# Names as files spell them in either room.
_PERSONS = {
    "abid": "abid", "hhj": "hhj", "hjj": "hhj", "liyun": "liyun", "qiang": "qiang", "yingying": "zyy", "zyy": "zyy",
}  # fmt: skip
# Parts of a session farther apart are recordings of their own.
_BREAK_S = 2.0
_DEVELOPMENT = (1, 8)


class Source(NamedTuple):
    """Files of one group of one set."""

    set: str
    group: str
    files: tuple[Path, ...]


class Labelled(NamedTuple):
    """A capture, and which of its seconds are still or in motion; the others are not judged."""

    capture: xr.Dataset
    spans: tuple[tuple[float, float, bool], ...]
    """From, to, in motion; s after the first packet."""


def sources(folder: Path) -> list[Source]:
    """Find what a folder holds of the sets.

    Raises
    ------
    InputError
        If that is nothing, or a set has fewer than two groups.
    """
    groups: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        found = _belongs(path)
        if found is not None:
            groups.setdefault(found, []).append(path)
    made = [Source(*key, tuple(files)) for key, files in sorted(groups.items())]
    if not made:
        raise InputError(
            f"{folder} holds none of the sets har, espectre, ialr, wivelo in the layout of their repositories "
            "(docs/real_captures.md says where they are)."
        )
    for name in sorted({s.set for s in made}):
        if sum(s.set == name for s in made) < 2:
            raise InputError(f"{folder} holds one group of {name} only; to leave one out takes two or more.")
    return made


def _belongs(path: Path) -> tuple[str, str] | None:
    """Set and group of a file."""
    name, parent = path.name, path.parent
    if path.suffix == ".dat" and parent.name in _STILL + _MOVING:
        person = next((p for part, p in _PERSONS.items() if part in name), None)
        return None if person is None else ("har", f"{person} in {parent.parent.name}")
    if path.suffix == ".npz" and name.startswith(("baseline_", "movement_")):
        return "espectre", name.split("_")[1]
    if name in ("label_0.csv", "label_2.csv") and parent.name.endswith("_data"):
        return "ialr", parent.name.removesuffix("_data")
    if path.suffix == ".dat" and name.split("-")[0] in map(str, _DEVELOPMENT) and name.endswith("-r1.dat"):
        return "wivelo", f"user {name.split('-')[0]}"
    return None


def labelled(source: Source) -> Iterator[Labelled]:
    """Read the captures of a group."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CaptureWarning)
        for file in source.files:
            yield from _READERS[source.set](file)


def _har(file: Path) -> Iterator[Labelled]:
    capture = isacsim.read_capture(str(file), carrier=_CARRIER_5)
    end = float(capture["time"].values[-1] - capture["time"].values[0])
    moving = file.parent.name in _MOVING
    yield Labelled(capture, ((0.0, end, True) if moving else (_SETTLE_S, end - _SETTLE_S, False),))


def _espectre(file: Path) -> Iterator[Labelled]:
    with np.load(file, allow_pickle=False) as held:
        pairs = held["csi_data"].astype(np.float32).reshape(len(held["csi_data"]), -1, 2)
        seconds = float(held["duration_ms"]) / 1e3
    # The imaginary part comes first. The C5 and C6 give subcarriers upwards, the others 0 first, as an FFT does.
    csi = (pairs[..., 1] + 1j * pairs[..., 0]).T
    upwards = not np.abs(csi[1:4]).any()
    index = np.arange(-32, 32) if upwards else np.fft.fftfreq(64, 1 / 64).astype(int)
    order = np.argsort(index)
    time = np.arange(csi.shape[1]) * (seconds / csi.shape[1])
    moving = file.name.startswith("movement_")
    yield Labelled(_capture(csi[order], time, index[order]), ((0.0, seconds, moving),))


def _ialr(file: Path) -> Iterator[Labelled]:
    with file.open(encoding="utf-8") as lines:
        names = lines.readline().strip().split(",")
    rows = np.genfromtxt(file, delimiter=",", skip_header=1, usecols=range(1, len(names)), dtype=np.float64)
    column = {name: n for n, name in enumerate(names[1:])}
    rows = rows[(rows[:, column["settling"]] == 0) & (rows[:, column["num_subcarriers"]] == 128)]
    time = rows[:, column["timestamp_us"]] / 1e6
    # HT-LTF: the second 64 of 128, 0 first.
    index = np.fft.fftfreq(64, 1 / 64).astype(int)
    order = np.argsort(index)
    amplitude = rows[:, column["amp_64"] : column["amp_127"] + 1].T[order]
    step = np.diff(time)
    borders = [0, *(np.flatnonzero((step <= 0) | (step > _BREAK_S)) + 1), time.size]
    for low, high in pairwise(borders):
        t = time[low:high]
        if t.size > 1 and t[-1] - t[0] > WINDOW_S["ialr"]:
            capture = _capture(amplitude[:, low:high], t - t[0], index[order])
            yield Labelled(capture, ((0.0, float(t[-1] - t[0]), file.name == "label_2.csv"),))


def _wivelo(file: Path) -> Iterator[Labelled]:
    walk = next(w for w in walks(file.parent, _DEVELOPMENT) if w.files[0] == file)
    captures = [isacsim.read_capture(str(path), carrier=CARRIER) for path in walk.files]
    begin, end = walking(captures)
    for capture in captures:
        yield Labelled(capture, ((0.0, begin - 0.2, False), (begin + 0.3, end - 0.3, True)))


_READERS: dict[str, Callable[[Path], Iterator[Labelled]]] = {
    "har": _har,
    "espectre": _espectre,
    "ialr": _ialr,
    "wivelo": _wivelo,
}


def _capture(csi: NDArray[np.complexfloating] | Real, time: Real, index: NDArray[np.int_]) -> xr.Dataset:
    """Make a capture of one antenna's values (subcarrier, packet); subcarriers that never change hold nothing."""
    import xarray as xr

    alive = np.abs(csi).std(axis=1) > 0
    return xr.Dataset(
        {"csi": (("receiver", "subcarrier", "packet"), csi[np.newaxis, alive].astype(np.complex64))},
        coords={
            "time": ("packet", time),
            "frequency": ("subcarrier", _CARRIER_2 + index[alive] * _SPACING),
            "role": ("receiver", ["surveillance"]),
        },
        attrs={"shared_phase_error": 1, "phase_sign": -1},
    )
