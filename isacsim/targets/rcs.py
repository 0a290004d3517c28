"""Amplitudes from radar cross-sections: TR 38.901's sensing targets and the bistatic radar equation (docs/bodies.md).

The cross-section is that of 3GPP TR 38.901 V19.0.0 (2025), clause 7.9.2.1. ``σ_M σ_D`` follows eq. 7.9.2-2 (RCS model
1) or 7.9.2-3 (model 2, tables 7.9.2.1-2 to -4). It is multiplied by the log-normal ``σ_S`` of mean 1 (eq. 7.9.2-1, cut
off at three deviations). Clutter, polarisation and the phases of the cross-polarisation matrix are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isacsim.scenario.bodies import ConstantRcs, PedestrianRcs, Rcs, UavRcs, VehicleRcs
from isacsim.scenario.numbers import plain

__all__ = ["echo_amplitude", "mean_dbsm"]

Real = NDArray[np.float64]


class _Lobe(NamedTuple):
    """A row of tables 7.9.2.1-2 to -4: azimuth and zenith of the middle, widths (degrees), peak, range (dB)."""

    azimuth: float | None
    azimuth_3db: float
    zenith: float
    zenith_3db: float
    peak: float
    floor_below: float


class _Lobes(NamedTuple):
    sides: tuple[_Lobe, ...]
    """The one nearest in azimuth counts."""
    roof: _Lobe | None
    """Where the bisector's zenith angle is below `roof_to`."""
    bottom: _Lobe | None
    """Where it is at least `bottom_from`."""
    roof_to: float
    bottom_from: float
    k1: float
    k2: float
    deviation: float


def _vertical(zenith: float, width: float, peak: float, below: float) -> _Lobe:
    return _Lobe(None, 1.0, zenith, width, peak, below)


_UAV_SIDE = (7.13, 90.0, 8.68, 7.43, 14.30)
_VEHICLE_SIDE = (26.90, 79.70, 44.42, 20.75, 13.68)
_HUMAN = (216.65, 90.0, 55.7, 2.14, 7.7)
_UAV_LARGE = _Lobes(
    (
        _Lobe(0.0, 14.19, 90.0, 16.53, 1.02, 7.89),
        _Lobe(90.0, *_UAV_SIDE),
        _Lobe(180.0, 10.09, 90.0, 11.43, 3.99, 10.86),
        _Lobe(270.0, *_UAV_SIDE),
    ),
    _vertical(0.0, 4.93, 13.55, 20.42),
    _vertical(180.0, 4.93, 13.55, 20.42),
    *(45.0, 135.0, 6.05, 1.33, 2.50),
)
_VEHICLE = _Lobes(
    (
        _Lobe(0.0, 40.54, 71.75, 29.13, 15.52, 8.45),
        _Lobe(90.0, *_VEHICLE_SIDE),
        _Lobe(180.0, 36.32, 79.65, 36.73, 14.56, 7.50),
        _Lobe(270.0, *_VEHICLE_SIDE),
    ),
    _vertical(0.0, 18.13, 21.26, 14.19),
    None,
    *(30.0, 180.0, 6.0, 1.65, 3.41),
)
_PEDESTRIAN = _Lobes(
    (_Lobe(0.0, *_HUMAN), _Lobe(180.0, *_HUMAN)),
    None,
    None,
    *(0.0, 180.0, 0.5714, 0.1, 3.94),
)
# Mean and standard deviation of those that look the same from all sides (table 7.9.2.1-1), dB.
_PEDESTRIAN_ROUND = (-1.37, 3.94)
_UAV_SMALL = (-12.81, 3.74)


class _Model(NamedTuple):
    deviation: float
    """Standard deviation of the log-normal fluctuation, dB; 0: none."""
    lobes: _Lobes | None
    """None: the same from all sides."""
    level: float = 0.0
    """Mean from all sides, without lobes, dB."""
    forward_loss: float = 0.0
    """Loss towards forward scattering, without lobes, dB."""


@singledispatch
def _model(rcs: Rcs) -> _Model:
    """Numbers of a cross-section; a further kind is a section in `isacsim.scenario.bodies.Rcs`, registered here."""
    raise TypeError(f"no cross-section is registered for {type(rcs).__name__}")


@_model.register
def _constant(rcs: ConstantRcs) -> _Model:
    return _Model(0.0, None, plain(rcs.dbsm))


@_model.register
def _pedestrian(rcs: PedestrianRcs) -> _Model:
    return _tr38901(rcs.fluctuation, _PEDESTRIAN if rcs.aspect else None, _PEDESTRIAN_ROUND)


@_model.register
def _vehicle(rcs: VehicleRcs) -> _Model:
    return _tr38901(rcs.fluctuation, _VEHICLE)


@_model.register
def _uav(rcs: UavRcs) -> _Model:
    return _tr38901(rcs.fluctuation, None if rcs.size == "small" else _UAV_LARGE, _UAV_SMALL)


def _tr38901(
    fluctuation: bool, lobes: _Lobes | None, from_all_sides: tuple[float, float] = (0.0, 0.0)
) -> _Model:
    level, deviation = from_all_sides if lobes is None else (0.0, lobes.deviation)
    return _Model(deviation if fluctuation else 0.0, lobes, level, 3.0)


def mean_dbsm(
    config: Rcs, towards_transmitter: ArrayLike, towards_receiver: ArrayLike, heading: float
) -> float:
    """Mean bistatic cross-section, of TR 38.901's targets σ_M σ_D.

    Parameters
    ----------
    config : Rcs
        The target's section, its distributions replaced by numbers.
    towards_transmitter, towards_receiver : array_like, shape (3,)
        Directions from the target; their lengths do not matter.
    heading : float
        Where the target's front looks, rad anticlockwise from +x.

    Returns
    -------
    float
        dB relative to 1 m².
    """
    d_t, d_r = (
        np.asarray(d, np.float64) / np.linalg.norm(d) for d in (towards_transmitter, towards_receiver)
    )
    beta = float(np.arctan2(np.linalg.norm(np.cross(d_t, d_r)), d_t @ d_r))
    _, lobes, level, forward_loss = _model(config)
    if lobes is None:
        return level - forward_loss * float(np.sin(beta / 2))
    x, y, z = d_t + d_r if beta < np.pi - 1e-6 else (0.0, 0.0, 1.0)  # forwards, the floor below counts
    azimuth = float(np.rad2deg(np.arctan2(y, x) - heading))
    zenith = float(np.rad2deg(np.arctan2(np.hypot(x, y), z)))
    lobe = min(lobes.sides, key=lambda side: abs(_wrapped(azimuth - (side.azimuth or 0.0))))
    if lobes.roof is not None and zenith < lobes.roof_to:
        lobe = lobes.roof
    elif lobes.bottom is not None and zenith >= lobes.bottom_from:
        lobe = lobes.bottom
    down = min(12 * ((zenith - lobe.zenith) / lobe.zenith_3db) ** 2, lobe.floor_below)
    if lobe.azimuth is not None:
        down += min(12 * (_wrapped(azimuth - lobe.azimuth) / lobe.azimuth_3db) ** 2, lobe.floor_below)
    bistatic = -lobes.k1 * np.sin(lobes.k2 * beta / 2) + 5 * np.log10(max(np.cos(beta / 2), 1e-12))
    return float(max(lobe.peak - min(down, lobe.floor_below) + bistatic, lobe.peak - lobe.floor_below))


def _wrapped(degrees: float) -> float:
    return (degrees + 180.0) % 360.0 - 180.0


def echo_amplitude(
    config: Rcs,
    position: Real,
    heading: float,
    transmitter: ArrayLike,
    receivers: ArrayLike,
    rng: Callable[[], np.random.Generator],
) -> Real:
    """Amplitudes of a target's path at the receivers, by the bistatic radar equation.

    Parameters
    ----------
    config : Rcs
        The target's cross-section.
    position : ndarray, shape (3,)
        Of the target at the window's centre, m.
    heading : float
        Where it looks, rad.
    transmitter : array_like, shape (3,)
        m.
    receivers : array_like, shape (receiver, 3)
        m.
    rng : callable
        Makes the generator of the fluctuation, one draw for all receivers; not called where there is none.

    Returns
    -------
    ndarray, shape (receiver,)
        ``sqrt(σ / 1 m²) · reference_m² / (d1 d2)``.
    """
    to_transmitter = np.asarray(transmitter, np.float64) - position
    to_receivers = np.asarray(receivers, np.float64) - position
    level = np.array([mean_dbsm(config, to_transmitter, to, heading) for to in to_receivers])
    if deviation := _model(config).deviation:
        normal = min(float(rng().standard_normal()), 3.0)
        # The mean of the exponential is 1.
        level += deviation * normal - np.log(10) / 20 * deviation**2
    spread = np.linalg.norm(to_transmitter) * np.linalg.norm(to_receivers, axis=1)
    return np.asarray(10 ** (level / 20) * config.reference_m**2 / spread)
