"""Packets as they come to windows as they fill, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isacsim.conditioning.pace import packet_pace
from isacsim.conditioning.static_channel import StaticChannel, coherent_groups
from isacsim.errors import InputError
from isacsim.tracking.energy import Kernel, WindowEnergy
from isacsim.tracking.linking import at_rest, detected, fewest_windows, goes_beyond, longest_rest
from isacsim.tracking.motion import NoiseSpread, detection_ratio, motion_index, quiet_threshold
from isacsim.tracking.recording import MOST_STATIC_S, check_channels
from isacsim.tracking.result import Rows, track_dataset
from isacsim.tracking.ridge import ABSENT, RidgeFilter, Unrest, background, earnings, masked
from isacsim.tracking.settings import TrackSettings
from isacsim.tracking.smoothing import KalmanFilter, live_filter, peak

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["SETTLE_S", "follow"]

SETTLE_S = 2.0
"""Packets that are waited for before the first answer: a static channel of less follows what moves, s."""

Real = NDArray[np.float64]
Block = tuple[Real, NDArray[np.complex64]]


def follow(
    packets: Iterable[tuple[ArrayLike, ArrayLike]],
    frequency: ArrayLike,
    *,
    aligned: bool,
    quiet: tuple[float, float] | None,
    **asked: Any,
) -> Iterator[xr.Dataset]:
    """Track packets as they come.

    Parameters
    ----------
    packets : iterable of (time, csi)
        A packet, s and complex (receiver, subcarrier); or several, (packet,) and (receiver, subcarrier, packet).
    frequency : array_like, shape (subcarrier,)
        Hz.
    aligned : bool
        Whether packets have errors to take out.
    quiet : (float, float) or None
        Seconds after the first packet in which nothing moves.
    **asked
        Further arguments of `TrackSettings.of`.

    Yields
    ------
    xarray.Dataset
        As `isacsim.track` gives, of one window. The attribute ``latency_s`` is the time from the window's end to the
        answer: until the next packet came, and for computing.
    """
    axis = np.atleast_1d(np.asarray(frequency, np.float64))
    blocks = _checked(packets, axis.size)
    held: list[Block] = []
    live: _Live | None = None
    for time, csi in blocks:
        came = perf_counter()
        held.append((time, csi))
        if live is None:
            if held[-1][0][-1] - held[0][0][0] < max(SETTLE_S, asked["window_s"] or 0):
                continue
            live = _Live(_joined(held), axis, aligned=aligned, quiet=quiet, asked=asked)
            held = []
        else:
            live.take(time, csi)
            held = []
        for number in live.full():
            yield live.answer(number, came)


class _Live:
    """State that is kept between windows."""

    def __init__(
        self,
        first: Block,
        frequency: Real,
        *,
        aligned: bool,
        quiet: tuple[float, float] | None,
        asked: dict[str, Any],
    ) -> None:
        self.time, self.csi = first
        self.settings = settings = TrackSettings.of(packet_pace(self.time), frequency, **asked)
        receivers = self.csi.shape[0]
        groups = coherent_groups(self.csi) if aligned else (tuple(range(receivers)),)
        channels = check_channels(receivers, frequency.size, groups, aligned=aligned)
        self.static = StaticChannel(frequency, groups, aligned=aligned)
        self.static.fit(self.csi)
        self.begin = float(self.time[0])
        self.next = 0
        self.unrest = Unrest(settings) if aligned else None
        self.kernel, self.spread = Kernel(settings), NoiseSpread(channels)
        self.targets = [_Target(settings) for _ in range(settings.max_targets)]
        self.quiet, self.still = quiet, list[float]()
        self.limit: float | None = None

    def take(self, time: Real, csi: NDArray[np.complex64]) -> None:
        """Take packets in, and let go of those that no window needs any more."""
        self.static.follow(csi, MOST_STATIC_S / self.settings.interval)
        old = int(np.searchsorted(self.time, self.settings.first(self.next, self.begin)))
        self.time = np.concatenate([self.time[old:], time])
        self.csi = np.concatenate([self.csi[..., old:], csi], axis=-1)

    def full(self) -> Iterator[int]:
        """Numbers of the windows that have filled; a packet after its end says so."""
        while self.time[-1] >= self.settings.first(self.next, self.begin) + self.settings.window_s:
            yield self.next
            self.next += 1

    def answer(self, number: int, came: float) -> xr.Dataset:
        """Say what a window says."""
        settings = self.settings
        first = settings.first(number, self.begin)
        low, high = np.searchsorted(self.time, [first, first + settings.window_s])
        inside = slice(int(low), int(high))
        moving = self.static.moving(self.csi[..., inside])
        window = self.kernel.window(moving, self.time[inside], number, self.begin)
        self.spread.add(window)
        channels = self.spread.channels
        motion = motion_index(window, settings, channels)
        threshold = self._threshold(motion.share, motion.threshold, first - self.begin)
        least = detection_ratio(settings, channels)
        if self.unrest is not None:
            self.unrest.add(window)
        earned = earnings(window, least, image=self.static.aligned, unrest=self.unrest)
        noise = background(window, image=False, unrest=self.unrest)
        tracks = np.full((5, len(self.targets)), np.nan)
        for n, target in enumerate(self.targets):
            tracks[:, n], bin_ = target.step(window, earned, channels, least, noise)
            earned = masked(earned, bin_, settings)
        rows = Rows(
            np.array([window.time]),
            window.over_noise[np.newaxis],
            np.array([window.variation]),
            np.array([motion.share]),
            np.array([threshold]),
            *tracks[..., np.newaxis],
        )
        waited = max(float(self.time[-1]) - (first + settings.window_s), 0.0)
        return track_dataset(
            rows,
            settings,
            reference="self" if self.static.aligned else "none",
            threshold_from="noise" if self.limit is None else "quiet stretch",
            static_s=float(min(self.time[-1] - self.begin, MOST_STATIC_S)),
            faster=float(goes_beyond(window, least)),
            latency_s=waited + perf_counter() - came,
        )

    def _threshold(self, index: float, of_noise: float, at: float) -> float:
        """Threshold of the quiet stretch once it is over, of noise until then."""
        if self.quiet is None or self.limit is not None:
            return of_noise if self.limit is None else self.limit
        low, high = self.quiet
        if low <= at and at + self.settings.window_s <= high:
            self.still.append(index)
        elif at + self.settings.window_s > high:
            self.limit = quiet_threshold(self.still, self.settings)
            return self.limit
        return of_noise


class _Target:
    """One target's ridge so far, without looking ahead."""

    def __init__(self, settings: TrackSettings) -> None:
        self._settings = settings
        self._ridge = RidgeFilter(settings)
        self._course: KalmanFilter | None = None
        self._lasted, self._rested, self._moved = 0, 0, False

    def step(
        self, window: WindowEnergy, earned: Real, channels: float, least: float, noise: Real
    ) -> tuple[Real, int]:
        """Take a window in; give its numbers (5,), as `isacsim.tracking.linking.linked` does, and its bin."""
        nothing = np.full(5, np.nan)
        self._ridge.step(earned)
        bin_ = self._ridge.best
        if bin_ == ABSENT:
            self._course, self._lasted, self._rested, self._moved = None, 0, 0, False
            return nothing, ABSENT
        settings = self._settings
        if not detected(window, bin_, least):
            if self._course is not None:
                self._course.step(np.nan, 1.0)
            return nothing, bin_
        self._lasted += 1
        self._rested = self._rested + 1 if at_rest(bin_, settings) else 0
        if self._rested > longest_rest(settings):
            self._moved = False
        self._moved |= bool(abs(settings.velocity[bin_]) > settings.static_width)
        found = peak(window, bin_, settings, channels, noise)
        if self._course is None:
            self._course = live_filter(settings)
            before = 0.0
        else:
            assert self._course.state is not None
            before = max(abs(self._course.state[1]) - float(np.sqrt(self._course.spread[1, 1])), 0.0)
        variance = found.variance(before, settings)
        state, spread, _, _ = self._course.step(found.velocity, variance)
        if not self._moved or self._lasted < fewest_windows(settings):
            return nothing, bin_
        out = [found.velocity, np.sqrt(variance), state[1], np.sqrt(spread[1, 1]), found.image]
        return np.array(out), bin_


def _checked(packets: Iterable[tuple[ArrayLike, ArrayLike]], subcarriers: int) -> Iterator[Block]:
    """Packets as blocks of one form."""
    last, receivers = -np.inf, None
    for item in packets:
        try:
            time, csi = item
        except (TypeError, ValueError):
            raise InputError("packets must be pairs (time, csi).") from None
        at = np.atleast_1d(np.asarray(time, np.float64))
        values = np.asarray(csi, np.complex64)
        values = values[..., np.newaxis] if np.ndim(time) == 0 else values
        if values.ndim != 3 or values.shape[1:] != (subcarriers, at.size) or at.size < 1:
            raise InputError(
                f"a packet's csi must be (receiver, subcarrier) with {subcarriers} subcarriers, and several packets' "
                f"(receiver, subcarrier, packet), got shape {np.shape(csi)} at {at.size} times."
            )
        if values.shape[0] != (receivers := receivers or values.shape[0]):
            raise InputError(f"packets must all have {receivers} receivers, got {values.shape[0]}.")
        if not (np.diff(at, prepend=last) > 0).all():
            raise InputError(f"packet times must ascend strictly, got {at[0]:g} s after {last:g} s.")
        if not np.isfinite(values).all():
            raise InputError(f"the packet at {at[0]:g} s holds NaN or infinite values.")
        last = float(at[-1])
        yield at, values


def _joined(blocks: list[Block]) -> Block:
    return np.concatenate([t for t, _ in blocks]), np.concatenate([c for _, c in blocks], axis=-1)
