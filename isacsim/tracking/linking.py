"""The windows of a whole recording to its tracks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from isacsim.tracking.energy import WindowEnergy
from isacsim.tracking.motion import detection_ratio
from isacsim.tracking.ridge import ABSENT, Unrest, background, earnings, masked, viterbi
from isacsim.tracking.settings import TrackSettings
from isacsim.tracking.smoothing import peak, smoothed

__all__ = ["at_rest", "detected", "fewest_windows", "goes_beyond", "linked", "longest_rest"]

Real = NDArray[np.float64]


def linked(
    windows: Sequence[WindowEnergy], settings: TrackSettings, channels: float, *, image: bool
) -> Iterator[Real]:
    """Find the tracks one after the other, the one of most energy first.

    Parameters
    ----------
    windows : sequence of WindowEnergy
        All of a recording.
    settings : TrackSettings
        With the number of targets.
    channels : float
        Independent channels of noise.
    image : bool
        Whether targets may leave images at their negative speed.

    Yields
    ------
    numpy.ndarray, shape (5, window)
        Speed, its standard error, acceleration, its standard error, and the energy at the negative speed over that at
        the speed; NaN where there is no target, or a window cannot tell.
    """
    least = detection_ratio(settings, channels)
    unrest = Unrest(settings, windows) if image else None
    earned = [earnings(w, least, image=image, unrest=unrest) for w in windows]
    for _ in range(settings.max_targets):
        ridge = viterbi(earned, settings)
        earned = [masked(row, int(bin_), settings) for row, bin_ in zip(earned, ridge, strict=True)]
        track = np.full((5, len(windows)), np.nan)
        for part in _parts(ridge != ABSENT):
            there = np.array(
                [detected(w, int(b), least) for w, b in zip(windows[part], ridge[part], strict=True)]
            )
            for rest in _parts(at_rest(ridge[part], settings)):
                if rest.stop - rest.start > longest_rest(settings):
                    there[rest] = False
            moves = np.abs(settings.velocity[ridge[part]]) > settings.static_width
            # The static channel's unrest stays in the static bin; a blip is shorter than a window.
            if there.sum() >= fewest_windows(settings) and (there & moves).any():
                noise = [background(w, image=False, unrest=unrest) for w in windows[part]]
                track[:, part] = _course(windows[part], ridge[part], there, settings, channels, noise)
        yield track


def fewest_windows(settings: TrackSettings) -> int:
    """Windows that a target must last: those that share no packet with the first one come after."""
    return int(np.ceil(settings.window_s / settings.hop_s))


def detected(window: WindowEnergy, bin_: int, least: float) -> bool:
    """True where a ridge is there in a window; false where it only continues through it."""
    return bool(window.known and window.energy[bin_] > least * window.floor)


def goes_beyond(window: WindowEnergy, least: float) -> bool:
    """Tell whether the strongest ridge of a window is faster than any speed that is searched."""
    return bool(window.known and window.beyond > max(least * window.floor, float(window.energy.max())))


def at_rest(bin_: int | NDArray[np.int32], settings: TrackSettings) -> NDArray[np.bool_]:
    """Where a ridge lies at speed 0, as what the mean left of the static channel does for ever."""
    return np.asarray(np.abs(settings.velocity[bin_]) < settings.width / 4)


def longest_rest(settings: TrackSettings) -> int:
    """Windows at rest in a row that a target may have; beyond, it cannot be told from the static channel."""
    return 2 * fewest_windows(settings)


def _parts(flags: NDArray[np.bool_]) -> Iterator[slice]:
    """Stretches in which flags (window,) are set."""
    there = np.concatenate([[False], flags, [False]])
    edges = np.flatnonzero(np.diff(there.astype(np.int8)))
    for low, high in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        yield slice(low, high)


def _course(
    windows: Sequence[WindowEnergy],
    ridge: NDArray[np.int32],
    found: NDArray[np.bool_],
    settings: TrackSettings,
    channels: float,
    noise: Sequence[Real],
) -> Real:
    """Rows of `linked` for a stretch, in some of whose windows (window,) the target was found."""
    out = np.full((5, found.size), np.nan)
    there = np.flatnonzero(found)
    peaks = [peak(windows[int(n)], int(ridge[n]), settings, channels, noise[int(n)]) for n in there]
    velocity = np.full(found.size, np.nan)
    velocity[there] = [p.velocity for p in peaks]
    variance = np.ones(found.size)
    variance[there] = [p.variance(0.0, settings) for p in peaks]
    span = slice(int(there[0]), int(there[-1]) + 1)
    course = smoothed(velocity[span], variance[span], settings)
    # Accelerating widens a peak as limbs do; what is sure of it is no error.
    sure = np.maximum(np.abs(course.acceleration) - course.std_acceleration, 0)
    variance[there] = [p.variance(sure[n - there[0]], settings) for n, p in zip(there, peaks, strict=True)]
    course = smoothed(velocity[span], variance[span], settings)
    out[0], out[1] = velocity, np.sqrt(variance)
    if settings.max_targets == 1:
        lasting = np.zeros(found.size)
        lasting[there] = [p.lasting(sure[n - there[0]], settings) for n, p in zip(there, peaks, strict=True)]
        out[0, span] = course.velocity
        out[1, span] = np.sqrt(course.std_velocity**2 + lasting[span])
    out[2, span], out[3, span] = course.acceleration, course.std_acceleration
    out[4, there] = [p.image for p in peaks]
    out[:, ~found] = np.nan
    return out
