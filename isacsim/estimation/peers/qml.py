"""Quasi-maximum likelihood: speeds read off short-time spectra, a polynomial through them, refined."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from isacsim.estimation.peers.series import Series, dechirp, successive

__all__ = ["qml"]

# Window lengths tried, in packets of the window: the best one depends on how fast the speed changes.
WINDOWS = (1 / 64, 1 / 48, 1 / 32, 1 / 24, 1 / 16, 1 / 12, 1 / 8, 1 / 6)
# Instants at which each short-time spectrum is read.
INSTANTS = 128
# Samples that the last refinement averages into.
BLOCKS = 32


def _speeds(series: Series, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Return instants, s, and the speed at the peak of the short-time spectrum there, m/s."""
    z, step = series.values, series.interval
    starts = np.unique(np.linspace(0, z.size - window, INSTANTS).round().astype(int))
    segments = z[starts[:, None] + np.arange(window)]
    n = 4 << int(np.ceil(np.log2(window)))
    frequency = np.fft.fftfreq(n, step)[np.abs(np.fft.fft(segments, n)).argmax(axis=1)]
    return series.time[starts] + (window - 1) / 2 * step, -frequency * series.wavelength


def _refine(series: Series, state: np.ndarray) -> np.ndarray:
    """Fit a cubic to the unwrapped phase that a dechirp leaves, averaged in blocks (O'Shea's refinement)."""
    rest = dechirp(series, *state)
    size = series.time.size // BLOCKS
    blocks = rest[: size * BLOCKS].reshape(BLOCKS, size).sum(axis=1)
    t = series.time[: size * BLOCKS].reshape(BLOCKS, size).mean(axis=1)
    phase = np.unwrap(np.angle(blocks))
    powers = np.stack([np.ones_like(t), t, t**2 / 2, t**3 / 6], axis=1)
    slope = np.linalg.lstsq(powers, phase, rcond=None)[0][1:]
    return state - slope * series.wavelength / (2 * np.pi)


def _estimate(series: Series) -> tuple[float, float, float]:
    best, likelihood = np.zeros(3), -1.0
    for share in WINDOWS:
        window = round(share * series.values.size)
        if window < 4:
            continue
        t, speed = _speeds(series, window)
        powers = np.stack([np.ones_like(t), t, t**2 / 2], axis=1)
        coarse = np.linalg.lstsq(powers, speed, rcond=None)[0]
        for state in (coarse, _refine(series, coarse)):
            value = series.likelihood(*state)
            if value > likelihood:
                best, likelihood = state, value
    again = _refine(series, best)
    if series.likelihood(*again) > likelihood:
        best = again
    return float(best[0]), float(best[1]), float(best[2])


def qml(
    csi: ArrayLike, time: ArrayLike, frequency: ArrayLike, *, n_paths: int = 1, phase_sign: int = -1
) -> xr.Dataset:
    """Estimate paths by quasi-maximum likelihood.

    Parameters
    ----------
    csi : array_like (subcarrier, packet)
        Complex channel, static part included.
    time, frequency : array_like
        Equally spaced packet times, s, and subcarrier frequencies, Hz.
    n_paths : int
        How many paths to take out, strongest first.
    phase_sign : {-1, 1}
        Sign sigma of the phase with growing path length.

    Returns
    -------
    Dataset
        As `relax`'s, without ``criterion`` and with ``std_*`` NaN.

    Raises
    ------
    InputError
        Where the packets are not equally spaced, or CSI and axes do not fit.

    References
    ----------
    Djurović and Stanković, "Quasi-maximum-likelihood estimator of polynomial phase signals", IET Signal
    Processing 8(4), 2014. O'Shea, "On refining polynomial phase signal parameter estimates", IEEE Trans.
    Aerospace and Electronic Systems 46(3), 2010 (the refinement).
    """
    return successive(_estimate, csi, time, frequency, n_paths=n_paths, phase_sign=phase_sign, method="qml")
