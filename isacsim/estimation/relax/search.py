"""Where the next path may be: a search over its four states in what is left of a capture.

Two stages, both matched to the signal, so that the gain of bandwidth and window is kept before anything
nonlinear:

1. *Tracks.* The subcarriers are focused on every path length, the window is cut into segments so short that
   a path's speed hardly changes within one, and each segment is transformed to speeds. Power is then summed along a
   bank of speed tracks, with the path length walking as the track says. This is the dechirp bank without the
   segments' phases, at a thousandth of its cost. It loses a few decibels against the full matched filter. It has no
   cross-terms between paths at different path lengths or speeds. (An AJ spectrum, by contrast, multiplies the capture
   by itself four times over.)
2. *Focus.* For the best tracks, the capture is demodulated along the track, averaged in blocks, and put
   through the coherent dechirp bank around it. What is left is within the main lobe of the likelihood, where
   least squares converges.

Jitter and lost packets enter both stages by their true times; no resampling.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from isacsim.estimation import kernels
from isacsim.estimation.grid import SPEED_OF_LIGHT, SamplingGrid
from isacsim.estimation.least_squares import Fit, LeastSquaresProblem
from isacsim.estimation.limits import Limits
from isacsim.estimation.relax.size import (
    BELOW_ZERO,
    BLOCKS_PER_SEGMENT,
    DECHIRP_STEP,
    FOCUS_REACH,
    LINEAR_STEP,
    QUADRATIC_STEP,
    SPEED_STEP,
    check_size,
    delay_count,
    searched_speed,
    segment_count,
    steps,
)

__all__ = ["TrackSearch"]

Array = NDArray[np.float64]

# Responses of the coherent bank at a time: 32 MiB.
RESPONSES = 1 << 22


def _symmetric(limit: float, step: float) -> Array:
    """Equal steps no wider than `step`, from -limit to limit, zero included."""
    n = steps(limit, step)
    return np.linspace(-limit, limit, 2 * n + 1)


class TrackSearch:
    """The search's tables for one grid; build once, use for every residual.

    Parameters
    ----------
    grid : SamplingGrid
        Packet times and subcarrier frequencies.
    limits : Limits
        Range of the search.

    Raises
    ------
    InputError
        Where memory or time would be out of bounds (`size.check_size`).
    """

    def __init__(self, grid: SamplingGrid, limits: Limits) -> None:
        self.grid = grid
        h = grid.half
        wavelength = SPEED_OF_LIGHT / grid.centre
        check_size(grid, limits)
        n_segments = segment_count(h, grid.time.size, wavelength, limits)
        edges = np.searchsorted(grid.time, np.linspace(-h, h, n_segments + 1)[1:-1])
        edges = np.unique(np.concatenate([[0], edges, [grid.time.size]]))
        self.slices = [slice(i, j) for i, j in pairwise(edges)]
        centres = np.array([grid.time[s].mean() for s in self.slices])
        resolution = self.resolution = wavelength / (2 * h / n_segments)

        # Tracks: speed(u) = s + b u + g (3 u^2 - 1) / 2 with u = t / h.
        linear = _symmetric(limits.acceleration * h, LINEAR_STEP * resolution)
        quadratic = _symmetric(limits.jerk * h**2 / 3, QUADRATIC_STEP * resolution)
        self.linear, self.quadratic = (m.ravel() for m in np.meshgrid(linear, quadratic, indexing="ij"))
        u = centres / h
        change = self.linear[:, None] * u + self.quadratic[:, None] * (3 * u**2 - 1) / 2
        self.speed_step = SPEED_STEP * resolution
        n_speed = int(np.ceil((searched_speed(grid, limits) + quadratic[-1] / 2) / self.speed_step))
        self.start_speed = self.speed_step * np.arange(-n_speed, n_speed + 1)
        self.speed_offset = np.round(change / self.speed_step).astype(np.int64)
        extra = int(np.abs(self.speed_offset).max())
        self.first = extra
        speeds = self.speed_step * np.arange(-n_speed - extra, n_speed + extra + 1)
        self.to_speed = [
            np.exp(2j * np.pi / wavelength * np.outer(speeds, grid.time[s] - grid.time[s].mean())).astype(
                np.complex64
            )
            / np.float32(np.sqrt(s.stop - s.start))
            for s in self.slices
        ]

        # Path lengths, with a margin on both ends that tracks may walk into; how far they walk, in steps.
        self.moved = h * (self.linear[:, None] * u**2 / 2 + self.quadratic[:, None] * (u**3 - u) / 2)
        self.started = np.outer(self.start_speed, centres)
        n_delay, self.delay_step = delay_count(grid, limits)
        if not grid.spacing:
            self.moved[:] = self.started[:] = 0.0
        self.moved /= self.delay_step
        self.started /= self.delay_step
        margin = int(np.ceil((np.abs(self.moved).max(axis=0) + np.abs(self.started).max(axis=0)).max()))
        below = int(n_delay * BELOW_ZERO)
        self.length = self.delay_step * (np.arange(n_delay) - below)
        wide = self.delay_step * (np.arange(-margin, n_delay + margin) - below)
        self.to_length = np.exp(2j * np.pi / SPEED_OF_LIGHT * np.outer(grid.offset, wide)).astype(
            np.complex64
        )

        self._build_dechirp(wavelength, resolution, n_segments)

    def _build_dechirp(self, wavelength: float, resolution: float, n_segments: int) -> None:
        """Tables of the second stage: a coherent bank around a track."""
        h = self.grid.half
        # Legendre weights of the position along a track: b h u^2 / 2 holds b h / 3 P2, g h (u^3 - u) / 2
        # holds g h / 5 P3.
        reach2 = FOCUS_REACH * LINEAR_STEP / 2 * resolution
        reach3 = FOCUS_REACH * QUADRATIC_STEP / 2 * resolution
        linear = _symmetric(reach2, DECHIRP_STEP * wavelength / (2 * np.pi) * 3 / h)
        quadratic = _symmetric(reach3, DECHIRP_STEP * wavelength / (2 * np.pi) * 5 / h)
        speed = _symmetric(1.2 * SPEED_STEP * resolution, wavelength / (4 * h))
        self.around = linear, quadratic, speed
        # All that the search can return, which is a little more than the limits: the criterion must reckon
        # with it.
        v, a, r = 2 * (speed[-1] + quadratic[-1] / 2), 2 * linear[-1] / h, 6 * quadratic[-1] / h**2
        self.ranges = {
            "path_length": self.delay_step * self.length.size if self.grid.spacing else 0.0,
            "velocity": 2 * float(self.start_speed[-1]) + v,
            "acceleration": 2 * float(self.linear.max()) / h + a,
            "jerk": 6 * float(self.quadratic.max()) / h**2 + r,
        }
        n_blocks = min(self.grid.time.size, BLOCKS_PER_SEGMENT * n_segments)
        edges = np.searchsorted(self.grid.time, np.linspace(-h, h, n_blocks + 1)[1:-1])
        self.blocks = np.unique(np.concatenate([[0], edges, [self.grid.time.size]])).astype(np.int64)
        counts = np.diff(self.blocks)
        t = np.add.reduceat(self.grid.time, self.blocks[:-1]) / counts
        turn = 2j * np.pi / wavelength
        # One linear change at a time: the phases in double precision would be three times the table.
        bent = (quadratic * h)[:, None] * ((t / h) ** 3 - t / h) / 2
        self.dechirp = np.empty((linear.size * quadratic.size, t.size), np.complex64)
        for row, change in zip(np.split(self.dechirp, linear.size), linear, strict=True):
            row[:] = np.exp(turn * (change * h * (t / h) ** 2 / 2 + bent))
        self.doppler = np.exp(turn * np.outer(t, speed)).astype(np.complex64)

    def _states(self, s: Array, b: Array, g: Array) -> tuple[Array, Array, Array]:
        """Velocity, acceleration and jerk at the window's centre of tracks s + b u + g (3 u^2 - 1) / 2."""
        h = self.grid.half
        return s - g / 2, b / h, 3 * g / h**2

    def tracks(self, residual: NDArray[np.complex64], count: int) -> Array:
        """First stage: the best tracks of a residual.

        Parameters
        ----------
        residual : complex64 ndarray (packet, subcarrier)
            What is left of the capture.
        count : int
            How many tracks to return at most.

        Returns
        -------
        ndarray (count, 4)
            Path length, velocity, acceleration and jerk, best first, no two alike in both length and speed.
        """
        focused = residual @ self.to_length
        power = np.empty((len(self.slices), self.to_speed[0].shape[0], focused.shape[1]), np.float32)
        for i, s in enumerate(self.slices):
            spectrum = self.to_speed[i] @ focused[s]
            np.add(spectrum.real**2, spectrum.imag**2, out=power[i])
        best = np.empty((self.start_speed.size, self.length.size), np.float32)
        which = np.empty(best.shape, np.int32)
        room = np.empty(self.length.size, np.float32)
        kernels.score_tracks(
            power, self.first, self.speed_offset, self.moved, self.started, best, which, room
        )
        found = []
        for _ in range(count):
            i, k = divmod(int(best.argmax()), best.shape[1])
            if best[i, k] <= 0:
                break
            track = which[i, k]
            state = self._states(self.start_speed[i], self.linear[track], self.quadratic[track])
            found.append([self.length[k], *state])
            best[max(i - 2, 0) : i + 3, max(k - 2, 0) : k + 3] = 0
        return np.array(found).reshape(-1, 4)

    def focus(self, problem: LeastSquaresProblem, fit: Fit, tracks: Array) -> tuple[Array, Array]:
        """Second stage: sharpen tracks by the coherent bank around each.

        Parameters
        ----------
        problem : LeastSquaresProblem
            The data that `fit` explains in part.
        fit : Fit
            Its residual is searched.
        tracks : ndarray (n, 4)
            From `tracks`.

        Returns
        -------
        states : ndarray (n, 4)
            The best state near each track.
        energy : ndarray (n,)
            Matched energy of each, |sum conj(g) e|^2 / (packets x subcarriers).
        """
        states, energy = tracks.copy(), np.empty(tracks.shape[0])
        linear, quadratic, speed = self.around
        block = np.empty(self.blocks.size - 1, np.complex64)
        rows = max(1, RESPONSES // speed.size)
        for i, track in enumerate(tracks):
            re, im = problem.signals(track[None])
            kernels.demodulate(re[0], im[0], *fit.residual, self.blocks, block)
            best, at = -1.0, 0
            for first in range(0, self.dechirp.shape[0], rows):
                response = (block * self.dechirp[first : first + rows]) @ self.doppler
                power = (response.real**2 + response.imag**2).ravel()
                most = int(power.argmax())
                if power[most] > best:
                    best, at = float(power[most]), first * speed.size + most
            b, rest = divmod(at, quadratic.size * speed.size)
            g, s = divmod(rest, speed.size)
            states[i, 1:] += self._states(speed[s], linear[b], quadratic[g])
            energy[i] = best / problem.re.size
        return states, energy
