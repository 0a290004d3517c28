"""Measures of study `realism` for a window, and the distances between two sets of windows.

**Kernel distance.** The unbiased estimate of the squared maximum mean discrepancy with the kernel (x·y/d + 1)³ (M.
Bińkowski et al., "Demystifying MMD GANs", ICLR 2018) between features of AJ spectra. The features are those of a
fixed network, made from a seed and never trained. The 64 × 64 image (P / max P)^(1/4) goes through 24 filters of 7 ×
7 (Gaussian, zero mean, He's scale), magnitude, every second pixel. Then it goes through 48 filters of 24 × 5 × 5 and
the same. Mean and standard deviation over the place of each of the 72 maps and of the image are the d = 146 features.
Each is then centred and scaled by its mean and deviation over 256 images of smoothed noise, from the same seed, so
that no data set has a say. Random filters separate textures nearly as well as trained ones (A. Saxe et al., ICML
2011).

Two real windows that share packets are not two draws: their pairs are left out of every mean.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter
from scipy.stats import ks_2samp, wasserstein_distance

from isacsim.conditioning.cutting import CaptureWindow
from isacsim.spectrum.aj import aj_spectrum
from isacsim.spectrum.doppler import doppler_spectrogram

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["DISTANCES", "NETWORK_SEED", "distance", "features", "kernel", "kernel_distance", "measure"]

Real = NDArray[np.float64]

NETWORK_SEED = 2018
_BINS = 64
_QUANTILES = np.linspace(0.025, 0.975, 20)

# Name: (label, unit). In the order of the figure.
DISTANCES = {
    "kernel": ("AJ spectra, kernel distance", "MMD²"),
    "doppler": ("Doppler distribution, W1", "Hz"),
    "spread": ("rms Doppler of a window, W1", "Hz"),
    "orientation": ("AJ ridge orientation, circular W1", "degrees"),
    "area": ("AJ area of energy, W1", "cells"),
    "variation": ("coefficient of variation, W1", "1"),
    "variation_ks": ("coefficient of variation, KS", "1"),
    "correlation_time": ("correlation time, W1", "ms"),
    "coherence_bandwidth": ("coherence bandwidth, W1", "MHz"),
}


@cache
def _network() -> tuple[Real, Real, Real, Real]:
    """Both layers' filters, and the features' mean and standard deviation over smoothed noise."""
    rng = np.random.default_rng(NETWORK_SEED)
    layers = []
    for shape in ((24, 1, 7, 7), (48, 24, 5, 5)):
        filters = rng.standard_normal(shape)
        filters -= filters.mean(axis=(-2, -1), keepdims=True)
        layers.append(filters * np.sqrt(2 / np.prod(shape[1:])))
    noise = [
        gaussian_filter(rng.standard_normal((_BINS, _BINS)), sigma, mode="wrap")
        for sigma in np.geomspace(0.5, 8, 256)
    ]
    images = np.array([(one - one.min()) / np.ptp(one) for one in noise])
    raw = np.array([_raw(image, layers[0], layers[1]) for image in images])
    return layers[0], layers[1], raw.mean(axis=0), raw.std(axis=0)


def _convolved(maps: Real, filters: Real) -> Real:
    """Every second pixel of maps (channel, y, x) under filters (filter, channel, y, x), magnitudes."""
    size = filters.shape[-2:]
    patches = np.lib.stride_tricks.sliding_window_view(maps, size, axis=(-2, -1))[:, ::2, ::2]
    return np.asarray(np.abs(np.tensordot(filters, patches, axes=((1, 2, 3), (0, 3, 4)))))


def _raw(image: Real, first: Real, second: Real) -> Real:
    maps = [image[np.newaxis]]
    for filters in (first, second):
        maps.append(_convolved(maps[-1], filters))
    pooled = [(m.mean(axis=(-2, -1)), m.std(axis=(-2, -1))) for m in maps]
    return np.concatenate([part for pair in pooled for part in pair])


def features(spectrum: ArrayLike) -> Real:
    """Features (146,) of an AJ spectrum (64, 64), linear magnitude."""
    power = np.asarray(spectrum, np.float64)
    first, second, mean, deviation = _network()
    return (_raw((power / power.max()) ** 0.25, first, second) - mean) / deviation


def measure(csi: xr.DataArray, hz: Real) -> dict[str, Any]:
    """Compute the statistics of one window that are compared: a list of numbers each.

    Parameters
    ----------
    csi : xarray.DataArray, complex, dims (subcarrier, packet)
        Conditioned, uniform in time.
    hz : array, shape (frequency,)
        From 0 on: where the distribution of energy over the magnitude of the Doppler frequency is wanted.
    """
    window = CaptureWindow(csi.expand_dims("receiver"), csi.sizes["packet"])
    grid = window.grid()
    acceleration, jerk = grid.allowed(_BINS)
    spectrum = aj_spectrum(csi, acceleration=acceleration, jerk=jerk).values.astype(np.float64)
    cell = grid.resolution()
    angle, area = _moments(spectrum, acceleration / cell[0], jerk / cell[1])
    energy, spread = _doppler(csi, hz)
    values = csi.transpose("subcarrier", "packet").values
    size = np.abs(values)
    time, bandwidth = _coherence(values, csi.coords["frequency"].values, grid.interval)
    return {
        "kernel": features(spectrum).tolist(),
        "doppler": energy.tolist(),
        "spread": [spread],
        "orientation": [angle],
        "area": [area],
        "variation": np.quantile(size.std(axis=-1) / size.mean(axis=-1), _QUANTILES).tolist(),
        "correlation_time": [1e3 * time],
        "coherence_bandwidth": [1e-6 * bandwidth],
    }


def _moments(spectrum: Real, x: Real, y: Real) -> tuple[float, float]:
    """Orientation in degrees from the acceleration axis, in [0, 180), and area 4π √det of the energy's second moments.

    Axes x (acceleration) and y (jerk) in resolution cells; a Gaussian ridge has 86 % of its energy in that area.
    """
    weight = spectrum / spectrum.sum()
    wx, wy = weight.sum(axis=1), weight.sum(axis=0)
    dx, dy = x - (wx @ x), y - (wy @ y)
    xx, yy, xy = float(wx @ dx**2), float(wy @ dy**2), float(dx @ weight @ dy)
    angle = np.degrees(np.arctan2(2 * xy, xx - yy)) / 2 % 180
    return float(angle), float(4 * np.pi * np.sqrt(max(xx * yy - xy**2, 0.0)))


def _doppler(csi: xr.DataArray, hz: Real) -> tuple[Real, float]:
    """Share of the moving energy below each frequency in Hz, positive and negative ones together, and the rms in Hz."""
    time = csi.coords["time"].values
    spectrogram = doppler_spectrogram(csi, window_s=(time[-1] - time[0]) / 4)
    power = spectrogram.mean("time").values.astype(np.float64)
    at = np.abs(spectrogram.coords["doppler"].values)
    each, where = np.unique(np.round(at, 6), return_inverse=True)
    energy = np.bincount(where, power) / power.sum()
    # A bin's energy is spread over its width.
    ends = np.concatenate([[0.0], each + (each[1] - each[0]) / 2])
    below = np.interp(hz, ends, np.concatenate([[0.0], np.cumsum(energy)]))
    return below, float(np.sqrt((energy * each**2).sum()))


def _coherence(values: Any, frequency: Real, interval: float) -> tuple[float, float]:
    """Time in s and bandwidth in Hz at which the moving part's correlation has halved.

    Halved from its value at the first lag and at the closest subcarriers, where white noise has dropped out; where it
    never halves, the largest lag or the whole band.
    """
    moving = values - values.mean(axis=-1, keepdims=True)
    k, q = moving.shape
    spectrum = np.fft.fft(moving, 2 * q, axis=-1)
    power = (np.abs(spectrum) ** 2).mean(axis=0)
    lags = np.arange(1, q // 2 + 1)
    in_time = np.abs(np.fft.ifft(power)[lags]) / (q - lags)
    step = np.diff(frequency).min()
    apart = np.rint((frequency - frequency[:, np.newaxis]) / step).astype(int)
    pairs = apart > 0
    cross = (moving.conj() @ moving.T)[pairs]
    count = np.bincount(apart[pairs])
    occupied = np.flatnonzero(count)
    total = np.bincount(apart[pairs], cross.real) + 1j * np.bincount(apart[pairs], cross.imag)
    # The farthest pairs are few and say little.
    occupied = occupied[occupied <= 0.75 * occupied[-1]] if k > 4 else occupied
    in_frequency = np.abs(total[occupied]) / count[occupied]
    return interval * _halving(lags, in_time), step * _halving(occupied, in_frequency)


def _halving(x: NDArray[np.int64], y: Real) -> float:
    below = np.flatnonzero(y < y[0] / 2)
    if not below.size:
        return float(x[-1])
    n = int(below[0])
    return float(np.interp(y[0] / 2, [y[n], y[n - 1]], [x[n], x[n - 1]]))


def kernel(x: Real, y: Real) -> Real:
    """(x·y/d + 1)³ of features (n, d) and (m, d)."""
    return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)


def kernel_distance(
    within: tuple[Real, Real], between: Real, allowed: tuple[Any, Any], weight: tuple[Real, Real]
) -> float:
    """Unbiased MMD² from kernel matrices: pairs that are not allowed are left out; nan if a set has no pair.

    Parameters
    ----------
    within : (n, n) and (m, m) arrays
        Kernels of each set with itself.
    between : (n, m) array
    allowed : (n, n) and (m, m) arrays, bool
        Pairs of independent windows; never one with itself.
    weight : (n,) and (m,) arrays
        How often each window was drawn.
    """
    mean = []
    for k, pair, w in zip(within, allowed, weight, strict=True):
        counted = pair * np.outer(w, w)
        if not counted.any():
            return float("nan")
        mean.append(float((counted * k).sum() / counted.sum()))
    x, y = weight
    return mean[0] + mean[1] - 2 * float(x @ between @ y) / float(x.sum() * y.sum())


def distance(name: str, real: Real, other: Real, hz: Real) -> float:
    """Distance of two sets by measure ``name``, of rows (window, number); not the kernel distance."""
    if name == "doppler":
        return float(np.trapezoid(np.abs(real.mean(axis=0) - other.mean(axis=0)), hz))
    x, y = real.ravel(), other.ravel()
    if name == "variation_ks":
        return float(ks_2samp(x, y, method="asymp").statistic)
    if name == "orientation":
        return _circular(x, y)
    return float(wasserstein_distance(x, y))


def _circular(x: Real, y: Real, period: float = 180.0) -> float:
    """Wasserstein-1 distance on a circle: the cut that costs least (J. Rabin et al., JMIV 41, 2011)."""
    both = np.sort(np.concatenate([x, y]))
    length = np.diff(both, append=both[0] + period)
    off = (
        np.searchsorted(np.sort(x), both, "right") / x.size
        - np.searchsorted(np.sort(y), both, "right") / y.size
    )
    order = np.argsort(off)
    middle = off[order][np.searchsorted(np.cumsum(length[order]), period / 2)]
    return float((length * np.abs(off - middle)).sum())
