"""The spectrum of one path as a function of how far a bin is from it: what deconvolution takes apart a spectrum with.

A path's lag product is ``R(t) = exp(j2πκ(a t + r t²/2))`` up to a constant, so its spectrum at the bin (a', r') depends
on (a' - a, r' - r) alone (method.md section 2). What breaks that is told at :func:`point_response`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isacsim import csi as csi_array
from isacsim.errors import InputError
from isacsim.spectrum.plan import SpectrumPlan
from isacsim.spectrum.settings import SpectrumSettings
from isacsim.spectrum.transform import plan

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["point_response"]


def point_response(*, time: ArrayLike, frequency: ArrayLike, **settings: Any) -> xr.DataArray:
    r"""Spectrum of one noise-free path on bins that reach as far on either side as the axes are long.

    Parameters
    ----------
    time : array_like, shape (packet,)
        Packet times in s.
    frequency : array_like, shape (subcarrier,)
        Absolute subcarrier frequencies in Hz.
    **settings
        The other arguments of :func:`isacsim.aj_spectrum`; the axes must be uniform. A data set's own:
        :func:`isacsim.dataset.synthetic.response.response_of`.

    Returns
    -------
    xarray.DataArray, float32, dims (acceleration, jerk), shape (2 n_a - 1, 2 n_r - 1)
        Linear magnitude, 1 in the middle; coordinates are the bin's distance from the path, on the axes' spacing.

    Raises
    ------
    InputError
        As :func:`isacsim.aj_spectrum`, or if an axis is not uniform or has one bin only.

    Notes
    -----
    It is exact where the spectrum is shift invariant: one subcarrier, no static removal, R at its full rate. Other
    spectra differ from it. The differences were measured for 200 paths over a second at 5.8 GHz with \|v\| ≤ 3 m/s,
    \|a\| ≤ 6 m/s², \|r\| ≤ 30 m/s³. They are the largest over the bins, both with a peak of 1: median, 95 % and
    largest of the paths, by ``python -m tests.spectrum.test_point_response``.

    - One subcarrier without static removal, R's rate reduced as by default: 0.0002, 0.0002, 0.0002.
    - Coherent over 80 MHz, where fast paths fade at the window's ends: 0.005, 0.015, 0.020. The peaks
      themselves are lower by up to 0.13.
    - The same with static removal (the data sets): 0.012, 0.057, 0.12 (a path with a Doppler near zero). Peaks are
      lower by up to 0.20.
    """
    chosen = SpectrumSettings(**settings)
    times, frequencies = np.asarray(time, np.float64), np.asarray(frequency, np.float64)
    nothing = np.zeros((frequencies.size, times.size), np.complex64)
    array = csi_array.read(nothing, time=times, frequency=frequencies, phase_sign=-1)
    window = SpectrumPlan.of(array, chosen)
    axes = [_distances(name, getattr(window, name)) for name in ("acceleration", "jerk")]
    # The response is needed between bins that are further apart than the unambiguous range allows an axis to be: there
    # it is what a fold makes of it, which is right where R's rate is not reduced, as `plan` then chooses.
    grid, total = window.grid, np.zeros((axes[0].size, axes[1].size))
    for block in window.blocks:
        transform = plan(
            grid.length,
            grid.interval,
            grid.kappa * float(frequencies[block].mean()) / grid.frequency,
            axes[0],
            axes[1],
            lags=chosen.lags,
            min_lag=chosen.min_lag,
            window=chosen.window,
            decimation=chosen.decimation,
            stretched=chosen.combine == "resolved" and chosen.lags == "positive",
            lag_window=chosen.lag_window,
        )
        total += frequencies[block].size * transform(np.ones((1, 1, grid.length), np.complex64))[0]
    return _labelled(total / total.max(), axes)


def _distances(name: str, axis: NDArray[np.float64]) -> NDArray[np.float64]:
    steps = np.diff(axis)
    if not steps.size or not np.allclose(steps, steps.mean(), rtol=1e-6, atol=0):
        raise InputError(
            f"{name} must be a uniform axis of two values or more to have one response for all its bins; got "
            f"{axis.size} values with steps from {steps.min(initial=np.inf):.4g} to {steps.max(initial=-np.inf):.4g}."
        )
    return np.arange(1 - axis.size, axis.size, dtype=np.float64) * float(steps.mean())


def _labelled(values: NDArray[np.float64], axes: list[NDArray[np.float64]]) -> xr.DataArray:
    import xarray as xr

    units = {"acceleration": "m/s2", "jerk": "m/s3"}
    return xr.DataArray(
        values.astype(np.float32),
        {
            name: (name, axis, {"units": unit, "long_name": f"distance of the bin from the path in {name}"})
            for (name, unit), axis in zip(units.items(), axes, strict=True)
        },
        tuple(units),
        name="point_response",
        attrs={"units": "1", "long_name": "acceleration-jerk spectrum of one path around it"},
    )
