"""From a reader's packets to the capture data set: clean, check, label."""

from __future__ import annotations

import warnings as python_warnings
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isacsim.capture.clock import strictly_increasing, unwrap
from isacsim.capture.packets import CaptureWarning, Packets, malformed
from isacsim.errors import CaptureError
from isacsim.schema import CAPTURE, described

__all__ = ["agreed", "to_dataset"]


def to_dataset(
    packets: Packets, path: Path, *, carrier: float, bandwidth: float, phase_sign: int | None
) -> xr.Dataset:
    """Drop what is no CSI, make time increase, and put names and units on the rest.

    Parameters
    ----------
    packets : Packets
        Of one file.
    path : Path
        Its name, for errors and attributes.
    carrier, bandwidth : float
        Centre frequency and bandwidth [Hz], already agreed between file and argument.
    phase_sign : {+1, -1} or None
        None if unknown: then -1, marked as assumed.

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
        If dead or replicated streams were dropped.
    """
    notes = list(packets.warnings)
    streams, kept = _with_signal(packets, path, notes)
    csi = packets.csi[streams][:, :, kept]
    different = _without_replicas(csi, packets, streams, path, notes)
    streams, csi = streams[different], csi[different]

    ticks, n_wraps = unwrap(packets.ticks[kept], packets.wrap)
    if n_wraps:
        notes.append(f"unwrapped the clock at {n_wraps} places")
    increasing = strictly_increasing(ticks, path, notes)
    kept, csi, ticks = kept[increasing], csi[:, :, increasing], ticks[increasing]

    frequency = carrier + packets.spacing * packets.subcarrier_index
    coords = {
        "frequency": frequency.astype(np.float64),
        "subcarrier_index": packets.subcarrier_index.astype(np.int64),
        "valid": packets.valid,
        "time": packets.tick * (ticks - ticks[0]).astype(np.float64),
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
            "warnings": "\n".join(notes),
        },
    )
    for name, reported in packets.variables.items():
        if np.isnan(reported.values[kept]).all():
            continue
        dataset[name] = ("packet", reported.values[kept].astype(np.float64))
        dataset[name].attrs = {"units": reported.units, "long_name": reported.long_name}
    return dataset


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


def _without_replicas(
    csi: NDArray[np.complex64], packets: Packets, streams: NDArray[np.int64], path: Path, notes: list[str]
) -> NDArray[np.int64]:
    """Positions in `streams` of those that aren't a copy, up to a complex factor, of an earlier one.

    Some firmware fills the streams it was asked for and doesn't have with another's data; their product would
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
    # Five calls up is whoever called read_capture.
    python_warnings.warn(f"{path}: {note}", CaptureWarning, stacklevel=5)


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
