"""Size of a search: the steps of its two banks, and their memory and time, before the work."""

from __future__ import annotations

import numpy as np

from isacsim.errors import InputError
from isacsim.estimation.grid import SPEED_OF_LIGHT, SamplingGrid
from isacsim.estimation.limits import Limits

__all__ = ["check_size", "delay_count", "reckon", "searched_speed", "segment_count", "steps"]

# Grid steps of the track bank, in speed resolutions of a segment: mean speed, change to the window's edge
# (linear and quadratic).
SPEED_STEP, LINEAR_STEP, QUADRATIC_STEP = 0.5, 0.7, 0.9
# Steps of the coherent bank in radians at the window's edge of the quadratic and cubic Legendre polynomial.
DECHIRP_STEP = 2.4
# How far around a track the coherent bank looks, in half steps of the track bank.
FOCUS_REACH = 2.0
BLOCKS_PER_SEGMENT = 8
# A segment's speed may change by this share of its resolution at the corner of the search range.
SMEAR = 0.5
# This share of the path lengths is below zero: a length near zero must not come out at the range's far end.
BELOW_ZERO = 1 / 8
# Tracks that are focused for a path.
TRACKS, REFOCUSED = 8, 3

# Speeds up to so many times the unambiguous one are searched too, and up to this one, m/s, where the walk over the
# window tells them from their aliases by so many delay resolutions: else an aliased target comes out as many false
# paths at its alias, each of which follows the walk for a while.
_ALIASES, _FASTEST, _TOLD_APART = 3.0, 60.0, 3.0

# Sums along tracks and products of the coherent bank a second, on one core of 2020.
_SUMS, _PRODUCTS = 2.5e9, 1.5e10
_MOST_BYTES, _MOST_SECONDS = 512 << 20, 20.0


def steps(limit: float, step: float) -> int:
    """Count the equal steps no wider than `step` between zero and `limit`."""
    return int(np.ceil(limit / step))


def segment_count(half: float, packets: int, wavelength: float, limits: Limits) -> int:
    """Segments of a window of twice `half` seconds: a path's speed changes by less than SMEAR resolutions in each."""
    steepest = limits.acceleration + limits.jerk * half
    duration = min(2 * half, float(np.sqrt(SMEAR * 2 * wavelength / steepest)))
    return max(1, min(round(2 * half / duration), packets // 4))


def searched_speed(grid: SamplingGrid, limits: Limits) -> float:
    """Largest speed of the search, m/s: the limit, or more where that is as fast as packets tell apart."""
    unambiguous = grid.unambiguous_velocity
    walk = 2 * unambiguous * 2 * grid.half * float(np.ptp(grid.frequency)) / SPEED_OF_LIGHT
    if limits.velocity < 0.99 * unambiguous or walk < _TOLD_APART:
        return limits.velocity
    return max(limits.velocity, min(_ALIASES * unambiguous, _FASTEST))


def delay_count(grid: SamplingGrid, limits: Limits) -> tuple[int, float]:
    """Path lengths searched, and the step between them in m; one, and 1, with a single subcarrier."""
    if not grid.spacing:
        return 1, 1.0
    span = min(limits.path_length / (1 - BELOW_ZERO), grid.unambiguous_length)
    width = float(grid.frequency[-1] - grid.frequency[0]) + grid.spacing
    count = int(np.ceil(2 * span * width / SPEED_OF_LIGHT))
    return count, span / count


def reckon(half: float, packets: int, grid: SamplingGrid, limits: Limits) -> tuple[float, float]:
    """Estimate the memory and time of a search.

    Parameters
    ----------
    half : float
        Half the window's length, s.
    packets : int
        Packets of the window.
    grid : SamplingGrid
        Gives the subcarriers.
    limits : Limits
        Range of the search.

    Returns
    -------
    bytes, seconds : float
        Of the tables that grow with the banks, and for one path; both to within a factor of two.
    """
    wavelength, velocity = SPEED_OF_LIGHT / grid.centre, searched_speed(grid, limits)
    segments = segment_count(half, packets, wavelength, limits)
    resolution = wavelength * segments / (2 * half)
    linear = steps(limits.acceleration * half, LINEAR_STEP * resolution)
    quadratic = steps(limits.jerk * half**2 / 3, QUADRATIC_STEP * resolution)
    bends = (2.0 * linear + 1) * (2 * quadratic + 1)
    # Twice the fastest track: speeds from -limit to limit, and as far as tracks bend from there.
    bent = (limits.acceleration * half + limits.jerk * half**2 / 3) / (SPEED_STEP * resolution)
    speeds = 2 * (velocity + limits.jerk * half**2 / 6) / (SPEED_STEP * resolution) + 1
    delays, delay_step = delay_count(grid, limits)
    walked = velocity * half / delay_step if grid.spacing else 0.0
    power = segments * (speeds + 2 * bent) * (delays + 2 * walked)
    blocks = min(packets, BLOCKS_PER_SEGMENT * segments)
    step = DECHIRP_STEP * wavelength / (2 * np.pi)
    chirps = (2.0 * steps(FOCUS_REACH * LINEAR_STEP / 2 * resolution, 3 * step / half) + 1) * (
        2 * steps(FOCUS_REACH * QUADRATIC_STEP / 2 * resolution, 5 * step / half) + 1
    )
    dopplers = 2 * steps(1.2 * SPEED_STEP * resolution, wavelength / (4 * half)) + 1
    sums = bends * speeds * segments * delays
    products = (TRACKS + REFOCUSED) * chirps * dopplers * blocks
    return 4 * power + 8 * chirps * blocks + 16 * bends * segments, sums / _SUMS + products / _PRODUCTS


def check_size(grid: SamplingGrid, limits: Limits) -> None:
    """Refuse a search that would not end, or not fit into memory.

    Raises
    ------
    InputError
        Saying what it would take, and the window that would do.
    """
    needed, seconds = reckon(grid.half, grid.time.size, grid, limits)
    if needed <= _MOST_BYTES and seconds <= _MOST_SECONDS:
        return
    share = 1.0
    while share > 1e-3:
        share *= 0.95
        least = reckon(share * grid.half, max(8, int(share * grid.time.size)), grid, limits)
        if least[0] <= _MOST_BYTES and least[1] <= _MOST_SECONDS:
            break
    raise InputError(
        f"a window of {2 * grid.half:.3g} s with {limits} is too much to search ({needed / 2**30:.2g} GiB, "
        f"{seconds:.2g} s for each path): take a shorter window (about {2 * grid.half * share:.2g} s), or smaller "
        "max_acceleration and max_jerk."
    )
