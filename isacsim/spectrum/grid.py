"""Acceleration and jerk that a window can show: lag, resolution, unambiguous range, default and natural axes.

method.md section 2 in numbers: with φ packets of lag and ``κ = 2φ f/c``, a path's lag product is a chirp of frequency
``κ (a + r t)``, over ``T = (Q - 2φ - 1) Δt``. It folds beyond half the packet rate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.constants import speed_of_light

from isacsim.errors import InputError

__all__ = ["MIN_PACKETS", "WindowResolution", "symmetric_axis"]

# Below this the lag is 2 packets or less and the autocorrelation has a handful of lags: no spectrum to speak of.
MIN_PACKETS = 32
ACCELERATION_MAX = 8.0
JERK_MAX = 40.0
BINS = 64
# A window this many times as long, or packets as many times as fast, are no advice.
_MOST_SCALED = 16.0


def symmetric_axis(largest: float, bins: int) -> NDArray[np.float64]:
    """``bins`` values from -largest to largest, both included."""
    return np.linspace(-largest, largest, bins)


@dataclass(frozen=True)
class WindowResolution:
    """A window of uniform packets and what it resolves.

    Parameters
    ----------
    packets : int
        Packets Q of the window, at least 32.
    interval : float
        Packet interval Δt in s.
    frequency : float
        Carrier (or mean subcarrier) frequency f in Hz.
    lag_ratio : float
        φ as a share of Q; the lag is the rounded number of packets.

    Raises
    ------
    InputError
        If the window is shorter than 32 packets, or the lag leaves no lag product.
    """

    packets: int
    interval: float
    frequency: float
    lag_ratio: float = 0.089

    def __post_init__(self) -> None:
        if self.packets < MIN_PACKETS:
            raise InputError(
                f"The window has {self.packets} packets ({self.packets * self.interval:.3g} s); an acceleration-jerk "
                f"spectrum needs at least {MIN_PACKETS}: take a longer window ({MIN_PACKETS * self.interval:.3g} s) "
                "or a higher packet rate."
            )
        if not np.isfinite(self.lag_ratio):
            raise InputError(f"lag_ratio must lie between 0 and 0.5, got {self.lag_ratio:g}.")
        if not 0 < self.lag_ratio < 0.5 or self.lag < 1 or self.length < 16:
            raise InputError(
                f"lag_ratio {self.lag_ratio:g} makes a lag of {self.lag} of {self.packets} packets; it must lie "
                f"between {1 / self.packets:.3g} and {0.5 - 8 / self.packets:.3g}."
            )

    @property
    def lag(self) -> int:
        """Lag φ in packets (rounded; the axes use this value)."""
        return round(self.lag_ratio * self.packets)

    @property
    def length(self) -> int:
        """Samples of the lag product R: Q - 2φ."""
        return self.packets - 2 * self.lag

    @property
    def kappa(self) -> float:
        """κ = 2φ f/c: Hz of R for each m/s² of acceleration."""
        return 2 * self.lag * self.interval * self.frequency / speed_of_light

    @property
    def duration(self) -> float:
        """Duration of R in s."""
        return (self.length - 1) * self.interval

    @property
    def limit(self) -> float:
        """Largest unambiguous |a| + |r| · duration/2 in m/s²: R reaches half the packet rate there."""
        return 1 / (2 * self.kappa * self.interval)

    def resolution(self, min_lag: float = 0.12) -> tuple[float, float]:
        """Resolution cells Δa in m/s² and Δr in m/s³ (method.md section 2, positive lags).

        ``Δa = 1/(κ · span of the lag)``, ``Δr = 1/(κ · span of t·m)``; they fall as T⁻² and T⁻³.
        """
        # |t| ≤ (T - m)/2 at lag m, so t·m spans T²/4 in all, at m = T/2.
        return 1 / (self.kappa * (1 - min_lag) * self.duration), 4 / (self.kappa * self.duration**2)

    def reach(self, acceleration: float, jerk: float) -> float:
        """Largest |a + r t| within the window in m/s² of axes that reach ``acceleration`` and ``jerk``."""
        return abs(acceleration) + abs(jerk) * self.duration / 2

    def check(self, acceleration: float, jerk: float) -> None:
        """Refuse axes beyond the unambiguous range.

        Raises
        ------
        InputError
            Naming the limit and the packet rate that would do.
        """
        reach = self.reach(acceleration, jerk)
        if reach > self.limit * (1 + 1e-9):
            rate = 1 / self.interval
            raise InputError(
                f"Axes of ±{acceleration:.4g} m/s² and ±{jerk:.4g} m/s³ reach {reach:.4g} m/s² within the window, but "
                f"{rate:.4g} packets/s with a lag of {self.lag} packets are unambiguous up to {self.limit:.4g} m/s²: "
                f"narrow the axes (both by {self.limit / reach:.3g}) or take {rate * reach / self.limit:.0f} packets/s."
            )

    def allowed(
        self, bins: int = BINS, min_cells: float = 4.0
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Default axes, both narrowed by one factor to the unambiguous range where they exceed it.

        Raises
        ------
        InputError
            If fewer than ``min_cells`` resolution cells are left on an axis; says the range in numbers, and what helps.
        """
        a_max, r_max = self._default_reach()
        cell_a, cell_r = self.resolution()
        if not self._holds(min_cells):
            rate, window = f"{1 / self.interval:.4g} packets/s", f"{self.packets * self.interval:.3g} s"
            reach = f"±{a_max:.3g} m/s² and ±{r_max:.3g} m/s³"
            narrowed = a_max < ACCELERATION_MAX
            raise InputError(
                (f"{rate} allow {reach} only, with " if narrowed else f"The default axes, {reach}, have ")
                + f"resolution cells of {cell_a:.3g} m/s² and {cell_r:.3g} m/s³ over {window}: fewer than "
                f"{min_cells:g} cells an axis; take {self._remedy(min_cells)}."
            )
        return symmetric_axis(a_max, bins), symmetric_axis(r_max, bins)

    def _default_reach(self) -> tuple[float, float]:
        """Largest acceleration and jerk of the default axes, both narrowed by one factor where they are ambiguous."""
        share = min(1.0, 0.999 * self.limit / self.reach(ACCELERATION_MAX, JERK_MAX))
        return share * ACCELERATION_MAX, share * JERK_MAX

    def _holds(self, min_cells: float) -> bool:
        """Tell whether so many resolution cells lie on each default axis."""
        cells = self.resolution()
        return all(
            2 * reach >= min_cells * cell for reach, cell in zip(self._default_reach(), cells, strict=True)
        )

    def _remedy(self, min_cells: float) -> str:
        """List changes that would make the default axes hold so many cells, in numbers; only those that help alone."""
        helps, duration, rate = [], self.packets * self.interval, 1 / self.interval
        scales = np.geomspace(1, _MOST_SCALED, 400)[1:]
        for seconds in (float(f"{scale * duration:.2g}") for scale in scales):
            if seconds > duration and replace(self, packets=round(seconds * rate))._holds(min_cells):
                helps.append(f"a longer window (about {seconds:g} s)")
                break
        wider = [
            max(least, 1.01 * min_cells * cell / 2)
            for least, cell in zip((ACCELERATION_MAX, JERK_MAX), self.resolution(), strict=True)
        ]
        if self.reach(*wider) <= self.limit:
            helps.append(f"wider axes (acceleration= up to {wider[0]:.3g} and jerk= up to {wider[1]:.3g})")
        for more in (float(f"{scale * rate:.2g}") for scale in scales):
            if more > rate and replace(self, packets=round(duration * more), interval=1 / more)._holds(
                min_cells
            ):
                helps.append(f"a higher packet rate (about {more:g} packets/s)")
                break
        return " or ".join(helps) or "a longer window at a higher packet rate"

    def natural(self, min_lag: float = 0.12) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The natural FFT grid: steps of one resolution cell, each axis over half the unambiguous range."""
        cell_a, cell_r = self.resolution(min_lag)
        count_a = int(self.limit / 2 / cell_a)
        count_r = int(self.limit / self.duration / cell_r)
        return (
            np.arange(-count_a, count_a + 1, dtype=np.float64) * cell_a,
            np.arange(-count_r, count_r + 1, dtype=np.float64) * cell_r,
        )
