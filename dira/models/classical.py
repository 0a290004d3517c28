"""Classical clean-up of spectra: soft threshold and CLEAN."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from dira.data.spectra import read_spectra, shaped_as
from isacsim.errors import InputError

__all__ = ["clean_deconvolution", "soft_threshold"]


def soft_threshold(spectra: Any, *, quantile: float = 0.9) -> NDArray[np.float32]:
    """Take off each spectrum the magnitude below which the given share of its bins lies; what is left, not below zero.

    Parameters
    ----------
    spectra : array_like or xarray.DataArray, shape (sample, [channel,] acceleration, jerk)
        Linear magnitudes.
    quantile : float
        That share, from 0 to below 1.

    Returns
    -------
    numpy.ndarray, float32, of the spectra's shape
        Linear magnitudes.

    Raises
    ------
    InputError
        If the quantile is below 0, or 1 or more.
    """
    if not 0 <= quantile < 1:
        raise InputError(f"quantile must be at least 0 and below 1, got {quantile!r}.")
    values, _ = read_spectra(spectra)
    level = np.quantile(values, quantile, axis=(2, 3), keepdims=True)
    return shaped_as(np.asarray(np.maximum(values - level, 0), np.float32), spectra)


def clean_deconvolution(
    spectra: Any,
    response: ArrayLike,
    *,
    gain: float = 0.3,
    floor_db: float = -20.0,
    iterations: int = 200,
    restore: Literal["response", "beam"] = "response",
) -> NDArray[np.float32]:
    """CLEAN (Högbom 1974): take scaled responses off at the highest bin again and again, and put them back on nothing.

    Parameters
    ----------
    spectra : array_like, shape (sample, acceleration, jerk)
        Linear magnitudes.
    response : array_like, shape (2 · acceleration - 1, 2 · jerk - 1)
        Magnitude of one path's spectrum, with its peak in the middle:
        `isacsim.dataset.synthetic.response.response_of` gives it for a data set or a scenario,
        `isacsim.point_response` for any settings.
    gain : float
        Share of the highest bin that is taken at once, above 0 up to 1.
    floor_db : float
        Stop where the highest bin left is this far below the first one, 10 log10 P.
    iterations : int
        At most so many.
    restore : {"response", "beam"}
        What is put back: the response, whose side lobes the clean spectra of a data set have too, or a Gaussian of its
        main lobe without any, which is what shows peaks.

    Returns
    -------
    numpy.ndarray, float32, of the spectra's shape
        Linear magnitudes.

    Raises
    ------
    InputError
        If the response has another shape or an argument is out of range.

    Notes
    -----
    Magnitudes do not add; paths that interfere leave residues, and cross-terms are taken for paths unless ``floor_db``
    is above them. That is the method's limit here.
    """
    if restore not in ("response", "beam"):
        raise InputError(f"restore must be response or beam, got {restore!r}.")
    if not 0 < gain <= 1 or not floor_db < 0 or iterations < 1:
        raise InputError(
            f"gain must lie in (0, 1], floor_db below 0 and iterations be at least 1; got {gain!r}, {floor_db!r}, "
            f"{iterations!r}."
        )
    values, axes = read_spectra(spectra)
    n_a, n_r = axes.bins_acceleration, axes.bins_jerk
    unit = np.asarray(response, np.float32)
    if unit.shape != (2 * n_a - 1, 2 * n_r - 1):
        raise InputError(
            f"response must have the shape {(2 * n_a - 1, 2 * n_r - 1)} for spectra of {(n_a, n_r)}, got "
            f"{unit.shape}."
        )
    unit = unit / unit[n_a - 1, n_r - 1]
    back = unit if restore == "response" else _beam(unit)
    out = np.zeros_like(values)
    for left, components in zip(values.copy().reshape(-1, n_a, n_r), out.reshape(-1, n_a, n_r), strict=True):
        least = left.max() * 10 ** (floor_db / 10)
        for _ in range(iterations):
            i, j = np.unravel_index(left.argmax(), left.shape)
            if left[i, j] <= least or left[i, j] <= 0:
                break
            here = slice(n_a - 1 - i, 2 * n_a - 1 - i), slice(n_r - 1 - j, 2 * n_r - 1 - j)
            taken = gain * left[i, j]
            left -= taken * unit[here]
            components += taken * back[here]
    return shaped_as(out, spectra)


def _beam(response: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gaussian of the main lobe, by least squares of the logarithm of what is above a third of the peak."""
    middle = (response.shape[0] // 2, response.shape[1] // 2)
    regions, _ = ndimage.label(response > 1 / 3)
    lobe = regions == regions[middle]
    # A lobe of one bin has no width: its neighbours tell it.
    lobe[middle[0] - 1 : middle[0] + 2, middle[1] - 1 : middle[1] + 2] = True
    a, r = (at - half for at, half in zip(np.indices(response.shape), middle, strict=True))
    fall = -np.log(np.maximum(response[lobe], 1e-6))
    terms = np.stack([a * a, 2 * a * r, r * r], axis=-1)
    weight = response[lobe]
    form, *_ = np.linalg.lstsq(terms[lobe] * weight[:, None], fall * weight, rcond=None)
    return np.asarray(np.exp(-(terms @ form)), np.float32)
