"""States of the components at the window's centre, their standard errors, and which of them are targets."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isacsim.estimation.bounds import PARAMETERS, UNITS
from isacsim.estimation.grid import SPEED_OF_LIGHT, SamplingGrid
from isacsim.estimation.limits import Limits
from isacsim.estimation.modes.cells import BELOW_ZERO, CellSeries
from isacsim.estimation.modes.chirps import N_BASIS, PHASE_ORDER, POINTS
from isacsim.estimation.modes.fit import ComponentFit

__all__ = ["component_dataset"]

Array = NDArray[np.float64]
Reals = NDArray[np.floating]

# An image holds less than this share of its path's energy, and lies within so many Hz of its mirror.
IMAGE_SHARE, IMAGE_GATE = 0.04, 4.0
# A component this weak and this near, Hz, to a stronger one is a part of it: what its amplitude could not hold.
PART_SHARE, PART_GATE = 0.03, 3.5
# Variance of a course's phase, from what its polynomial leaves and from the amplitudes' polynomials of high order.
# Fitted to the errors of matched paths in 15 captures each of lab, corridor, hall, lab_cubic and hall_cubic.
PHASE_LEFT, HIGH_POLYNOMIALS, FROM_POLYNOMIAL = 36.0, 1.0, 4
# More than this share of the moving energy, beyond noise, unexplained: the components are not to be trusted.
UNEXPLAINED = 0.05


def component_dataset(
    series: CellSeries,
    fit: ComponentFit,
    grid: SamplingGrid,
    limits: Limits,
    phase_sign: int,
    *,
    limit_reached: bool,
) -> xr.Dataset:
    """Label components.

    Parameters
    ----------
    series : CellSeries
        The capture.
    fit : ComponentFit
        Its components.
    grid : SamplingGrid
        Packet times and subcarrier frequencies.
    limits : Limits
        How far the search went.
    phase_sign : {-1, 1}
        For the attribute.
    limit_reached : bool
        Whether as many components were found as were asked for.

    Returns
    -------
    xarray.Dataset
        Over ``path``, strongest first: ``path_length`` m, ``velocity`` m/s, ``acceleration`` m/s², ``jerk`` m/s³,
        ``amplitude`` (rms over pairs, subcarriers and packets), and ``phase`` (NaN: amplitudes have none of their
        own). ``std_*`` is there for each but the amplitude, because noise accounts for neither its wander nor its
        gain. ``kind`` is target, image (a mirror image by way of the reference) or part (of a stronger component).
        ``wander`` is the rms of the amplitude's slow change relative to its mean. ``noise_variance`` per sample.
        Standard errors hold noise, the unexplained rest and the modulation that the polynomial of the phase leaves.
        They are NaN where the attribute ``cannot_tell`` is 1; ``reason`` says why. ``unexplained`` is the share of
        the moving energy, beyond noise, that no component holds.
    """
    n = len(fit)
    channels, slots = series.values.shape
    noise_energy = series.noise * channels * slots
    unexplained = max(fit.rss - noise_energy, 0.0) / max(series.energy, 1e-300)
    reasons = []
    if limit_reached:
        reasons.append(f"the limit of {n} components was reached: there may be more")
    if n and unexplained > UNEXPLAINED:
        reasons.append(f"{unexplained:.0%} of the moving energy is unexplained")
    free = max(channels * (slots - 1 - N_BASIS * n), 1)
    variance = max(series.noise, fit.rss / free)
    energies = fit.energies()
    order = np.argsort(-energies)
    values, deviations = np.full((n, 6), np.nan), np.full((n, 6), np.nan)
    samples = series.directions.shape[0] * series.directions.shape[1] * grid.time.size
    for row, i in enumerate(order):
        values[row, 1:4] = series.basis.to_state @ fit.components[i].phase
        values[row, 4] = np.sqrt(energies[i] / samples)
        deviations[row, 1:4] = _state_deviations(series, fit, i, variance)
        if grid.spacing:
            values[row, 0], deviations[row, 0] = _path_length(series, fit, i, grid, limits, variance)
    if reasons:
        deviations[:] = np.nan
    out = xr.Dataset()
    for prefix, words, table in (("", "", values), ("std_", "standard deviation of ", deviations)):
        for k, name in enumerate(PARAMETERS):
            attrs = {"units": UNITS[name], "long_name": words + name.replace("_", " ")}
            out[prefix + name] = ("path", table[:, k], attrs)
    slow = (np.abs(fit.slow()) ** 2).sum(axis=2)[order]
    share = np.sqrt(slow[:, 1:].sum(axis=1) / np.maximum(slow[:, 0], 1e-300))
    out["wander"] = ("path", share, {"units": "1", "long_name": "slow change of the amplitude over its mean"})
    out["kind"] = ("path", _kinds(series, fit)[order], {"long_name": "target, image or part"})
    out["noise_variance"] = ((), series.noise, {"units": "1", "long_name": "noise variance per sample"})
    out.attrs.update(
        method="modes",
        phase_sign=phase_sign,
        cannot_tell=int(bool(reasons)),
        reason="; ".join(reasons),
        unexplained=unexplained,
        residual_over_noise=fit.rss / noise_energy if noise_energy else 1.0,
    )
    return out


def _kinds(series: CellSeries, fit: ComponentFit) -> NDArray[np.str_]:
    """Target, image or part, by energy and Doppler course beside every stronger component."""
    energy, basis = fit.energies(), series.basis
    mirrored = fit.columns.shape[1] > 1 + N_BASIS * len(fit)
    kinds = np.full(len(fit), "target", dtype="<U6")
    for i in range(len(fit)):
        for j in range(len(fit)):
            phase, other = fit.components[i].phase, fit.components[j].phase
            if energy[i] < PART_SHARE * energy[j] and basis.apart(phase, other) < PART_GATE:
                kinds[i] = "part"
            elif mirrored and energy[i] < IMAGE_SHARE * energy[j] and basis.apart(phase, -other) < IMAGE_GATE:
                kinds[i] = "image"
    return kinds


def _state_deviations(series: CellSeries, fit: ComponentFit, i: int, variance: float) -> Array:
    """Standard deviations of velocity, acceleration and jerk.

    The phase of the strongest channel's amplitude is fitted by a polynomial, weighted with its power: to first order
    the error of the fit is linear in the errors of the amplitudes. The phase beyond the polynomial, and the part of
    the amplitudes in polynomials that a smooth path would not need, are modulation. As many independent values of it
    as the amplitude has polynomials are errors too.
    """
    basis = series.basis
    block = fit.block(i)
    amplitudes = fit.amplitudes[block]
    _, vectors = np.linalg.eigh(amplitudes @ amplitudes.conj().T)
    strength = float(np.linalg.norm(vectors[:, -1].conj() @ amplitudes))
    slow = basis.point_basis @ vectors[:, -1] * strength
    weight = np.abs(slow) ** 2
    # Orders of motion: the centre's derivatives are read from as many as the phase has.
    order = int(np.flatnonzero(fit.components[i].phase).max(initial=3))
    rows = basis.point_phase[:, : 1 + order]
    to_phase = _weighted_fit(rows, weight)
    by_amplitude = (to_phase / slow) @ basis.point_basis
    covariance = variance / 2 * (by_amplitude @ fit.inverse[block, block] @ by_amplitude.conj().T).real
    angle = np.unwrap(np.angle(slow))
    left = angle - rows @ (to_phase @ angle)
    energy = (np.abs(amplitudes) ** 2).sum(axis=1)
    high = float(energy[FROM_POLYNOMIAL:].sum() / max(energy[0], 1e-300))
    spread = float((weight * left**2).sum() / weight.sum())
    spread = PHASE_LEFT * spread + HIGH_POLYNOMIALS * high
    # POINTS readings hold N_BASIS independent ones.
    modulation = spread * POINTS / N_BASIS * (to_phase @ to_phase.T)
    to_state = basis.to_state[:, : 1 + order]
    squares = np.einsum("sk,kl,sl->s", to_state, covariance + modulation, to_state)
    # Motion has no last order: what one more would change is not known better than that.
    more = min(order + 1, PHASE_ORDER)
    further = basis.to_state[:, : 1 + more] @ (
        _weighted_fit(basis.point_phase[:, : 1 + more], weight) @ angle
    )
    return np.sqrt(squares + (further - to_state @ (to_phase @ angle)) ** 2)


def _weighted_fit(rows: Reals, weight: Reals) -> Reals:
    """Matrix from readings at the points to the coefficients of their weighted fit, (coefficient, point)."""
    normal = (rows.T * weight) @ rows
    normal[np.diag_indices_from(normal)] += 1e-12 * weight.sum()
    return np.linalg.solve(normal, rows.T * weight)


def _path_length(
    series: CellSeries, fit: ComponentFit, i: int, grid: SamplingGrid, limits: Limits, variance: float
) -> tuple[float, float]:
    """Path length at the centre and its standard error, m: the phase over the subcarriers, all pairs together."""
    centre = series.basis.point_basis[POINTS // 2 - 1 : POINTS // 2 + 1].mean(axis=0)
    signature = series.directions @ (centre @ fit.amplitudes[fit.block(i)]).astype(np.complex64)
    width = float(grid.frequency[-1] - grid.frequency[0]) + grid.spacing
    step = SPEED_OF_LIGHT / width / 8
    span = min(limits.path_length, grid.unambiguous_length)
    length = np.arange(-BELOW_ZERO * span, span, step)
    turn = np.exp(2j * np.pi / SPEED_OF_LIGHT * np.outer(grid.offset, length))
    power = (np.abs(signature @ turn) ** 2).sum(axis=0)
    k = int(power.argmax())
    at = length[k]
    if 0 < k < length.size - 1:
        before, here, after = power[k - 1 : k + 2]
        at += step * (before - after) / (2 * (before - 2 * here + after))
    subcarriers = grid.frequency.size
    total = float((np.abs(signature) ** 2).sum())
    matched = float(power[k]) / subcarriers
    # The signature's noise: that of the centre's amplitude, and what no single delay explains.
    noise = variance * float(centre @ centre) + max(total - matched, 0.0) / signature.size
    slope = 2 * np.pi / SPEED_OF_LIGHT * float(grid.offset.std())
    return float(at), float(np.sqrt(noise / (2 * matched)) / slope)
