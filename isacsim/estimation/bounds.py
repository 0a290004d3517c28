"""The Cramér-Rao bound of the cubic-phase path model: how well any unbiased estimator can do.

The model (docs/method.md, eq. (M1) and eq. (M2)) is, with the time origin at the window's centre,

    H_k(t) = sum_l A_l exp(j phase_l + sigma j 2 pi f_k d_l(t) / c) + s_k + n_k(t)
    d_l(t) = d0_l + v_l t + a_l t^2 / 2 + r_l t^3 / 6

with circular white noise n. Its variance may be known or unknown; the bound is the same, because the variance
decouples. Unknown are d0, v, a, r, A and phase of every path, and a complex constant s_k of every subcarrier.
For a Gaussian model of mean mu(theta) the Fisher matrix is F = (2 / sigma^2) Re(D^H D), D = d mu / d theta
(Kay, *Fundamentals of Statistical Signal Processing: Estimation Theory*, 1993, eq. 15.52). An unknown s_k
projects D, subcarrier by subcarrier, on what is orthogonal to a constant: it takes the mean over the packets
away from every column.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from isacsim.errors import InputError
from isacsim.estimation.grid import SPEED_OF_LIGHT, SamplingGrid

__all__ = ["PARAMETERS", "UNITS", "cramer_rao_bound", "fisher_information", "standard_deviations"]

Array = NDArray[np.float64]

PARAMETERS = ("path_length", "velocity", "acceleration", "jerk", "amplitude", "phase")
UNITS = {
    "path_length": "m",
    "velocity": "m/s",
    "acceleration": "m/s2",
    "jerk": "m/s3",
    "amplitude": "1",
    "phase": "rad",
}
# A walker seen from across a room; away from zero Doppler, where a path and the static part are hard to tell
# apart.
UNIT_PATH = {
    "path_length": 5.0,
    "velocity": 2.0,
    "acceleration": 0.0,
    "jerk": 0.0,
    "amplitude": 1.0,
    "phase": 0.0,
}
# Directions of the scaled Fisher matrix below this eigenvalue hold no information: rounding leaves about
# 1e-15 there.
NULL_EIGENVALUE = 1e-12


def _path_table(paths: xr.Dataset | Mapping[str, ArrayLike] | None) -> dict[str, Array]:
    """Read the six parameters over path; a missing phase is zero (it changes nothing for a single path)."""
    source: Mapping[Any, Any] = UNIT_PATH if paths is None else paths
    table: dict[str, Array] = {}
    for name in PARAMETERS:
        if name not in source:
            if name != "phase":
                raise InputError(
                    f"paths lacks {name!r}; it needs {', '.join(PARAMETERS[:-1])} and may have phase"
                )
            continue
        table[name] = np.atleast_1d(np.asarray(source[name], dtype=np.float64))
    table.setdefault("phase", np.zeros_like(table["amplitude"]))
    shapes = {v.shape for v in table.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1:
        raise InputError(f"paths needs one value per path in every array, not shapes {sorted(shapes)}")
    if not all(np.isfinite(v).all() for v in table.values()):
        raise InputError("paths holds values that are not finite: drop padded paths first")
    if (table["amplitude"] <= 0).any():
        raise InputError("paths needs amplitudes above zero: a path without power has no bound")
    return table


def fisher_information(
    grid: SamplingGrid, table: Mapping[str, Array], noise_variance: float, *, static: bool = True
) -> Array:
    """Fisher matrix of the paths, exact for the grid at hand.

    Parameters
    ----------
    grid : SamplingGrid
        Packet times and subcarrier frequencies.
    table : mapping of ndarray (path,)
        The true ``path_length``, ``velocity``, ``acceleration``, ``jerk``, ``amplitude`` and ``phase``, about
        the window's centre.
    noise_variance : float
        E|n|^2 per subcarrier and packet.
    static : bool
        Whether one complex constant per subcarrier is unknown too.

    Returns
    -------
    ndarray (6 * path, 6 * path)
        In the order of `PARAMETERS` within a path; ``phase`` is here the phase *at the mean subcarrier*, path length
        included. In a narrow band phase and path length are almost indistinguishable from each other.
    """
    t = grid.time
    powers = np.stack([t**0, t, t**2 / 2, t**3 / 6])
    n_paths = table["amplitude"].size
    fisher = np.zeros((6 * n_paths, 6 * n_paths))
    # Only differences of path phases matter; the sign of the exponent is a conjugation and leaves Re(D^H D)
    # as it is.
    motion = np.stack([table["velocity"], table["acceleration"], table["jerk"]], axis=1) @ powers[1:]
    turns_per_metre = 2 * np.pi / SPEED_OF_LIGHT
    carrier = table["phase"] - turns_per_metre * grid.centre * table["path_length"]
    for f, offset in zip(grid.frequency, grid.offset, strict=True):
        angle = carrier[:, None] - turns_per_metre * (offset * table["path_length"][:, None] + f * motion)
        atom = np.exp(1j * angle)
        path = table["amplitude"][:, None] * atom
        weight = -1j * turns_per_metre * np.array([offset, f, f, f])[:, None] * powers
        columns = np.concatenate(
            [path[:, None] * weight, atom[:, None], 1j * path[:, None]], axis=1
        )  # (path, 6, packet)
        columns = columns.reshape(6 * n_paths, -1)
        if static:
            columns = columns - columns.mean(axis=1, keepdims=True)
        fisher += (columns.real @ columns.real.T) + (columns.imag @ columns.imag.T)
    return 2 / noise_variance * fisher


def standard_deviations(fisher: Array, carrier_frequency: float) -> Array:
    """Square roots of the bound's diagonal.

    Parameters
    ----------
    fisher : ndarray (6 * path, 6 * path)
        From `fisher_information`: phases at the mean subcarrier.
    carrier_frequency : float
        That mean subcarrier, Hz.

    Returns
    -------
    ndarray (path, 6)
        In the order of `PARAMETERS`, with ``phase`` now that of the model, at path length zero. NaN for what
        the data do not determine.
    """
    n = fisher.shape[0]
    # phase = carrier phase + 2 pi f d0 / c (for sigma = -1; the sign does not change the variance).
    to_model = np.eye(n)
    rows = np.arange(0, n, 6)
    to_model[rows + 5, rows] = 2 * np.pi * carrier_frequency / SPEED_OF_LIGHT
    scale = np.sqrt(np.diag(fisher))
    known = scale > NULL_EIGENVALUE * scale.max(initial=0.0)
    scale = np.where(known, scale, 1.0)
    values, vectors = np.linalg.eigh(fisher / np.outer(scale, scale))
    held = values > NULL_EIGENVALUE * max(float(values[-1]), 1e-300)
    # Row i of the map, in scaled coordinates, must lie in the range of the matrix for parameter i to have a
    # bound.
    loads = (to_model / scale) @ vectors
    variance = (loads[:, held] ** 2 / values[held]).sum(axis=1)
    lost = (loads[:, ~held] ** 2).sum(axis=1) > 1e-8 * (loads**2).sum(axis=1)
    return np.where(lost, np.nan, np.sqrt(variance)).reshape(-1, 6)


def cramer_rao_bound(
    time: ArrayLike,
    frequency: ArrayLike,
    *,
    snr_db: float,
    paths: xr.Dataset | Mapping[str, ArrayLike] | None = None,
    static: Literal["unknown", "known"] = "unknown",
) -> xr.Dataset:
    """Lower bounds on the standard deviations of every path's parameters, all paths estimated together.

    Exact for the grid passed: any packet times, any subcarriers, any paths. With many packets and one path
    the bound of acceleration and jerk tends to eq. (M9) of docs/method.md (K subcarriers, Q packets over T
    seconds, rho the SNR)

        var(a) = 720 / (2 rho K Q) (c / (2 pi f T^2))^2
        var(r) = 100800 / (2 rho K Q) (c / (2 pi f T^3))^2

    Parameters
    ----------
    time : array_like (packet,)
        Packet times, s. The bound is for states at the window's centre, (first + last) / 2, whatever the
        origin.
    frequency : array_like (subcarrier,)
        Subcarrier frequencies, Hz.
    snr_db : float
        E|n|^2 = 10^(-snr_db / 10) per subcarrier and packet, against a path of unit amplitude.
    paths : Dataset or mapping of arrays (path,), optional
        True ``path_length`` (m), ``velocity`` (m/s), ``acceleration`` (m/s^2), ``jerk`` (m/s^3),
        ``amplitude`` and, optionally, ``phase`` (rad), at the window's centre. Default: one path of unit
        amplitude, 5 m long, at 2 m/s.
    static : {"unknown", "known"}
        "unknown": one complex constant per subcarrier is estimated along with the paths.

    Returns
    -------
    Dataset
        ``std_path_length``, ``std_velocity``, ``std_acceleration``, ``std_jerk``, ``std_amplitude`` and ``std_phase``
        over ``path``. NaN where the data do not determine the parameter. With a single subcarrier these are the path
        length and the phase. With an unknown static part these are the parameters of a path that does not move.

    Raises
    ------
    InputError
        Where an axis or a path is malformed, or `static` or `snr_db` is not one of the values allowed.

    References
    ----------
    Kay, *Fundamentals of Statistical Signal Processing: Estimation Theory*, Prentice Hall, 1993, ch. 3 and
    15.
    Ristic and Boashash, "Comments on 'The Cramer-Rao lower bounds for signals with constant amplitude and
    polynomial phase'", IEEE Trans. Signal Processing 46(6), 1998 (closed forms for polynomial phase).

    Examples
    --------
    >>> import numpy as np
    >>> bound = cramer_rao_bound(np.arange(1024) / 1e3, [5.805e9], snr_db=0)
    >>> round(float(bound.std_acceleration[0]), 4)
    0.0046
    """
    if static not in ("unknown", "known"):
        raise InputError(f"static must be 'unknown' or 'known', not {static!r}")
    if not np.isfinite(snr_db):
        raise InputError(f"snr_db must be a finite number of decibels, not {snr_db!r}")
    grid = SamplingGrid.from_axes(time, frequency)
    table = _path_table(paths)
    fisher = fisher_information(grid, table, 10 ** (-snr_db / 10), static=static == "unknown")
    deviations = standard_deviations(fisher, grid.centre)
    result = xr.Dataset(
        {
            f"std_{name}": (
                "path",
                deviations[:, i],
                {
                    "units": UNITS[name],
                    "long_name": f"Cramér-Rao bound on the {name.replace('_', ' ')}'s standard deviation",
                },
            )
            for i, name in enumerate(PARAMETERS)
        },
        attrs={"snr_db": float(snr_db), "static": static},
    )
    return result
