"""Windows of conditioned CSI, of any antennas, subcarriers and packet times, in the one form that the encoder takes.

Each antenna pair's CSI is averaged over sub-bands and over short times, and its static part is removed. The rest is
turned by the static part's phase and divided by one number a window. So neither gain nor constant phases of the
chains matter; by how much the window was divided is told beside it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isacsim.errors import InputError

__all__ = ["BANDS", "FACTS", "PACKETS", "PAIRS", "Windows", "joined", "reduced", "trimmed"]

BANDS, PACKETS, PAIRS = 8, 256, 4
"""Sub-bands, times and antenna pairs of a window, at most: more are averaged, of pairs the first and others evenly."""
FACTS = ("carrier", "bandwidth", "interval", "duration", "dynamic")
"""Facts about a window beside its values. The first four are log2 of carrier / 5 GHz, bandwidth / 20 MHz, interval /
4 ms and duration / 1 s. The last is the rms of the moving part over that of the static one, in units of 20 dB."""

F32 = NDArray[np.float32]


class Windows(NamedTuple):
    """Windows as the encoder takes them."""

    values: F32
    """(window, pair, part, band, packet): real and imaginary part; 0 where there is nothing."""
    there: NDArray[np.bool_]
    """(window, pair, band, packet): where there is something."""
    facts: F32
    """(window, fact): `FACTS`."""


def reduced(csi: ArrayLike, time: ArrayLike, frequency: ArrayLike) -> Windows:
    """Bring one window into the encoder's form.

    Parameters
    ----------
    csi : array_like, complex, shape ([pair,] subcarrier, packet)
        Conditioned CSI, static part included; NaN where a packet or a subcarrier is missing.
    time : array_like, shape (packet,)
        s, ascending; gaps are gaps.
    frequency : array_like, shape (subcarrier,)
        Hz, ascending.

    Returns
    -------
    Windows
        One.

    Raises
    ------
    InputError
        If shapes do not fit, there are fewer than 16 packets, or nothing is finite.
    """
    values, t, f = np.asarray(csi), np.asarray(time, np.float64), np.asarray(frequency, np.float64)
    values = values[np.newaxis] if values.ndim == 2 else values
    if values.ndim != 3 or values.shape[1:] != (f.size, t.size):
        raise InputError(
            f"csi must have the shape ([pair,] subcarrier, packet) with {f.size} frequencies and {t.size} times, got "
            f"{np.shape(csi)}."
        )
    if t.size < 16 or not (np.diff(t) > 0).all() or not (np.diff(f) > 0).all():
        raise InputError(
            f"a window needs at least 16 packets, and ascending times and frequencies; got {t.size}."
        )
    if len(values) > PAIRS:
        values = values[np.linspace(0, len(values) - 1, PAIRS).round().astype(int)]
    interval = float(np.median(np.diff(t)))
    span = t[-1] - t[0] + interval
    packets = min(PACKETS, t.size)
    # A packet stands in the middle of its interval: on an edge, jitter would leave its time empty.
    place = np.minimum(((t - t[0] + interval / 2) / span * packets).astype(int), packets - 1)
    bands = min(BANDS, f.size)
    band = np.arange(f.size) * bands // f.size
    known = np.isfinite(values)
    into_bands, into_packets = _into(band, bands).T, _into(place, packets)
    total = into_bands @ np.where(known, values, 0).astype(np.complex128) @ into_packets
    number = into_bands @ known.astype(np.float64) @ into_packets
    there = number > 0
    if not there.any():
        raise InputError("the window holds no finite CSI.")
    mean = total / np.maximum(number, 1)
    static = mean.sum(axis=-1, keepdims=True) / np.maximum(there.sum(axis=-1, keepdims=True), 1)
    size = np.abs(static)
    moving = np.where(
        there, (mean - static) * np.where(size > 0, static.conj() / np.maximum(size, 1e-300), 1), 0
    )
    rms = float(np.sqrt((np.abs(moving) ** 2).sum() / there.sum()))
    level = float(np.sqrt((size**2).mean()))
    out = np.zeros((1, PAIRS, 2, BANDS, PACKETS), np.float32)
    filled = np.zeros((1, PAIRS, BANDS, PACKETS), bool)
    scaled = moving / rms if rms > 0 else moving
    part = (0, slice(len(values)))
    out[(*part, 0, slice(bands), slice(packets))] = scaled.real
    out[(*part, 1, slice(bands), slice(packets))] = scaled.imag
    filled[(*part, slice(bands), slice(packets))] = there
    width = (f[-1] - f[0]) * f.size / max(1, f.size - 1) if f.size > 1 else 312.5e3
    facts = [
        np.log2(f.mean() / 5e9),
        np.log2(width / 20e6),
        np.log2(span / packets / 4e-3),
        np.log2(span),
        _decades(rms, level),
    ]
    return Windows(out, filled, np.array([facts], np.float32))


def joined(many: list[Windows]) -> Windows:
    """Put windows behind one another."""
    return Windows(*(np.concatenate(part) for part in zip(*many, strict=True)))


def trimmed(windows: Windows, patch: int) -> Windows:
    """Leave out the pairs and the last times that no window has: an encoder gives the same without them, sooner.

    Parameters
    ----------
    windows : Windows
        Some.
    patch : int
        Times that stay together: as many as an encoder's patch.
    """
    there = np.asarray(windows.there)
    pairs = np.flatnonzero(there.any(axis=(0, 2, 3)))
    times = np.flatnonzero(there.any(axis=(0, 1, 2)))
    if not times.size:
        return windows
    last = patch * (int(times[-1]) // patch + 1)
    return Windows(
        np.asarray(windows.values)[:, : pairs[-1] + 1, ..., :last],
        there[:, : pairs[-1] + 1, ..., :last],
        windows.facts,
    )


def _decades(rms: float, level: float) -> float:
    """Decades from level to rms, -4 to 4, whatever the unit of both."""
    if not (rms and level):
        return 4.0 if rms else -4.0 if level else 0.0
    return float(np.clip(np.log10(rms / level), -4, 4))


def _into(place: NDArray[np.intp], n: int) -> NDArray[np.float64]:
    """Matrix (place, n) that adds what stands at each place."""
    return np.asarray(place[:, np.newaxis] == np.arange(n), np.float64)
