"""From a reader's packets to the capture data set: clean, check, label."""

from __future__ import annotations

import warnings as python_warnings
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isacsim.capture.clock import Session, longest_session, strictly_increasing, unwrap
from isacsim.capture.packets import CaptureWarning, Packets, PacketVariable
from isacsim.capture.request import Reading, malformed
from isacsim.errors import CaptureError
from isacsim.schema import CAPTURE, described

__all__ = ["agreed", "to_dataset"]


def to_dataset(
    packets: Packets,
    reading: Reading,
    *,
    carrier: float,
    bandwidth: float,
    phase_sign: int | None,
    packet_rate: float | None = None,
) -> xr.Dataset:
    """Drop what is no CSI, make time increase, and put names and units on the rest.

    Parameters
    ----------
    packets : Packets
        Of one file.
    reading : Reading
        The file's name, for errors and attributes, and what was dropped so far.
    carrier, bandwidth : float
        Centre frequency and bandwidth [Hz], already agreed between file and argument.
    phase_sign : {+1, -1} or None
        None if unknown: then -1, marked as assumed.
    packet_rate : float or None
        Packets/s instead of the file's clock.

    Returns
    -------
    xarray.Dataset
        See `isacsim.capture.read_capture`.

    Raises
    ------
    CaptureError
        If no CSI is left, or the clock goes back.

    Warns
    -----
    CaptureWarning
        If records or dead or replicated streams were dropped.
    """
    path, notes = reading.path, [*reading.losses(), *reading.notes]
    if reading.n_dropped:
        _warn(
            f"dropped {reading.n_dropped} records that are not whole; the attribute warnings says which and why",
            path,
        )
    streams, kept = _with_signal(packets, path, notes)
    csi = packets.csi[streams][:, :, kept]
    _check_varies(csi[:, packets.valid], packets, streams, path, notes)
    different = _without_replicas(csi, packets, streams, path, notes)
    streams, csi = streams[different], csi[different]

    chosen, time = _times(packets, kept, packet_rate, path, notes)
    kept, csi = kept[chosen], csi[:, :, chosen]

    frequency = carrier + packets.spacing * packets.subcarrier_index
    coords = {
        "frequency": frequency.astype(np.float64),
        "subcarrier_index": packets.subcarrier_index.astype(np.int64),
        "valid": packets.valid,
        "time": time,
        "role": np.full(streams.size, "unknown"),
        "device": np.zeros(streams.size, np.int64),
        "rx_element": packets.rx[streams].astype(np.int64),
        "tx_element": packets.tx[streams].astype(np.int64),
    }
    sign = -1 if phase_sign is None else int(phase_sign)
    dataset = xr.Dataset(
        # The array alone goes into the spectrum: it carries its sign itself.
        {"csi": described(CAPTURE, "csi", csi, phase_sign=sign)},
        coords={name: described(CAPTURE, name, values) for name, values in coords.items()},
        attrs={
            "format": packets.format,
            "chip": packets.chip,
            "carrier": float(carrier),
            "bandwidth": float(bandwidth),
            "phase_sign": sign,
            "phase_sign_source": "assumed" if phase_sign is None else "argument",
            "source": path.name,
        },
    )
    for name, reported in packets.variables.items():
        values = reported.values[kept]
        if values.dtype.kind == "f":
            values = _possible(name, reported, values, notes)
            if np.isnan(values).all():
                continue
        dataset[name] = ("packet", values, {"units": reported.units, "long_name": reported.long_name})
    if packet_rate is not None:
        dataset.attrs["packet_rate"] = float(packet_rate)
    return dataset.assign_attrs(
        warnings="\n".join(notes), n_dropped=reading.n_dropped, dropped=reading.dropped_json()
    )


def _times(
    packets: Packets, kept: NDArray[np.int64], packet_rate: float | None, path: Path, notes: list[str]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Choose which of the packets kept so far to keep, with their times [s], strictly increasing from 0."""
    ticks, n_wraps = unwrap(packets.ticks[kept], packets.wrap)
    if packet_rate is not None:
        # The clock is left alone, but sessions that it tells apart are no less so.
        spliced: list[str] = []
        session, sessions = longest_session(ticks, packets.tick, spliced)
        if len(sessions) > max(2, kept.size // 20):
            session, spliced = Session(0, kept.size), []
        notes += spliced
        chosen = np.arange(session.first, session.stop)
        notes.append(
            f"times made by packet_rate={packet_rate:g} packets/s, as if no packet were lost; the file's clock is not "
            "used"
        )
        return chosen, (kept[chosen] - kept[chosen[0]]) / float(packet_rate)
    if n_wraps:
        notes.append(f"unwrapped the clock at {n_wraps} places")
    session, _ = longest_session(ticks, packets.tick, notes)
    ticks = ticks[session.first : session.stop]
    increasing = strictly_increasing(ticks, path, notes)
    ticks = ticks[increasing]
    return session.first + increasing, packets.tick * (ticks - ticks[0]).astype(np.float64)


# What a receiver can report, by variable and unit; what lies outside is no measurement.
_POSSIBLE = {("rssi", "dBm"): (-150.0, 0.0), ("rssi", "dB"): (0.0, 120.0), ("noise", "dBm"): (-200.0, -1.0)}


def _possible(
    name: str, reported: PacketVariable, values: NDArray[Any], notes: list[str]
) -> NDArray[np.float64]:
    """A variable with what cannot be as NaN, which a note says."""
    least, most = _POSSIBLE.get((name, reported.units), (-np.inf, np.inf))
    wrong = (values < least) | (values > most)
    if wrong.any():
        first = values[np.flatnonzero(wrong)[0]]
        notes.append(
            f"{name} of {np.count_nonzero(wrong)} packets cannot be (the first is {first:g} {reported.units}, "
            f"possible are {least:g} to {most:g}): marked as unknown"
        )
    return np.where(wrong, np.nan, values).astype(np.float64)


def _with_signal(
    packets: Packets, path: Path, notes: list[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the streams and of the packets whose CSI is finite and not all zero."""
    used = packets.csi[:, packets.valid, :]
    alive = np.isfinite(used).all(axis=1) & (used != 0).any(axis=1)
    if not alive.any():
        found = "only zeros" if not np.isnan(used).any() else "only zeros, NaN or infinity"
        raise malformed(path, f"{found} in the CSI of all {alive.shape[1]} packets", "CSI")
    # A stream that is dead half of the time would take half of the packets along.
    streams = np.flatnonzero(alive.mean(axis=1) > 0.5)
    if not streams.size:
        raise malformed(path, "no stream with CSI in more than half of its packets", "at least one")
    dead = np.setdiff1d(np.arange(alive.shape[0]), streams)
    if dead.size:
        _loudly(
            f"dropped {_names(packets, dead)}: zero or not finite in at least half of the packets",
            path,
            notes,
        )
    kept = np.flatnonzero(alive[streams].all(axis=0))
    if not kept.size:
        raise malformed(path, "no packet in which all streams hold CSI", "at least one")
    if kept.size < alive.shape[1]:
        notes.append(f"dropped {alive.shape[1] - kept.size} packets with zero or not finite CSI")
    return streams, kept


def _check_varies(
    csi: NDArray[np.complex64], packets: Packets, streams: NDArray[np.int64], path: Path, notes: list[str]
) -> None:
    """Refuse CSI that is one number, and name streams that never change: noise alone changes what is measured."""
    if csi[0].size > 2 and (csi == csi[0, 0, 0]).all():
        raise malformed(path, f"the same number {csi[0, 0, 0]:g} in all of the CSI", "a measurement")
    if csi.shape[2] > 2 and (still := np.flatnonzero((csi == csi[:, :, :1]).all(axis=(1, 2)))).size:
        _loudly(
            f"{_names(packets, streams[still])}: the same in all {csi.shape[2]} packets, which no measurement is",
            path,
            notes,
        )


def _without_replicas(
    csi: NDArray[np.complex64], packets: Packets, streams: NDArray[np.int64], path: Path, notes: list[str]
) -> NDArray[np.int64]:
    """Positions in `streams` of those that are not a copy, up to a complex factor, of an earlier one.

    Some firmware fills the streams it was asked for and does not have with another's data; their product would
    look like a perfectly coherent pair of antennas. Receiver noise keeps real streams far below the
    threshold.
    """
    signal = csi[:, packets.valid, :].reshape(len(csi), -1).astype(np.complex128)
    signal /= np.linalg.norm(signal, axis=1, keepdims=True)
    original: list[int] = []
    for position in range(len(csi)):
        if any(abs(np.vdot(signal[o], signal[position])) > 1 - 1e-9 for o in original):
            continue
        original.append(position)
    copies = np.setdiff1d(np.arange(len(csi)), original)
    if copies.size:
        _loudly(
            f"dropped {_names(packets, streams[copies])}: replicated, a copy of another stream",
            path,
            notes,
        )
    return np.array(original, dtype=np.int64)


def _names(packets: Packets, streams: NDArray[np.int64]) -> str:
    return ", ".join(f"stream (rx {packets.rx[s]}, tx {packets.tx[s]})" for s in streams)


def _loudly(note: str, path: Path, notes: list[str]) -> None:
    notes.append(note)
    _warn(note, path, deeper=2)


def _warn(note: str, path: Path, deeper: int = 0) -> None:
    # Four calls up from to_dataset's own is whoever called read_capture.
    python_warnings.warn(f"{path}: {note}", CaptureWarning, stacklevel=4 + deeper)


def agreed(name: str, argument: float | None, in_file: float | None, example: str, path: Path) -> float:
    """The value of a quantity that a file or an argument gives; both may, if they agree to 1 kHz.

    Raises
    ------
    CaptureError
        If neither gives it or they differ.
    """
    if in_file is None:
        if argument is None:
            raise CaptureError(
                f"{path}: the file does not say its {name}; pass {name}= in Hz, e.g. {name}={example}"
            )
        return argument
    if argument is not None and abs(argument - in_file) > 1e3:
        raise CaptureError(
            f"{path}: {name}={argument:g} contradicts the file, which says {in_file:.0f} Hz; leave {name} out"
        )
    return in_file
