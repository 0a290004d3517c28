"""Doppler energy of a window: how much of what moves goes at each speed, and how strong the noise is beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.constants import speed_of_light

from isacsim.conditioning.static_channel import Moving
from isacsim.tracking.settings import LONGEST_HOLE, TrackSettings

__all__ = ["Kernel", "WindowEnergy"]

Real = NDArray[np.float64]

# A window with fewer of its packets says nothing.
_LEAST_RECEIVED = 0.5
# Of complex64, whose values have relative errors of 6e-8, after some tens of operations; as power.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class WindowEnergy:
    """One window; energies are mean powers of a packet, so that noise of variance σ² a channel gives σ² a channel."""

    time: float
    """Its centre, s."""
    energy: Real
    """At each of `TrackSettings.velocity`, summed over channels; shape (bin,). NaN where it cannot be told."""
    noise: Real
    """The same where only noise is expected; shape (noise bin,)."""
    beyond: float
    """The most at speeds between those."""
    total: float
    """Power with the static part, summed over channels."""
    variation: float
    """Amplitude's standard deviation over its rms, all channels together."""
    weights: Real
    """Sums of the window over its packets: of w, w t², w² t² (s²), where the sum of w² is 1; shape (3,)."""

    @property
    def known(self) -> bool:
        """True if the window has the packets that it needs."""
        return bool(np.isfinite(self.energy[0]))

    @property
    def floor(self) -> float:
        """Noise at one speed; no less than what rounding makes of the static channel."""
        return max(float(self.noise.mean()), _ROUNDING * self.total)

    @property
    def over_noise(self) -> Real:
        """Energy over the noise floor; shape (bin,). Without any power at all it is 1, as of noise."""
        floor = self.floor
        return np.ones_like(self.energy) if floor == 0 else np.asarray(self.energy / floor)


class Kernel:
    """Makes windows of packets that need not be uniform in time.

    The energy is that of a Fourier sum at the packets' own times: nothing is interpolated. All subcarriers turn as the
    mean one, which shifts a speed by half the relative bandwidth at most (0.7 % at 80 MHz and 5.8 GHz).
    """

    def __init__(self, settings: TrackSettings) -> None:
        self.settings = settings
        speeds = np.concatenate([settings.velocity, settings.noise_velocity, settings.beyond_velocity])
        self._turn = -settings.phase_sign * 2j * np.pi * settings.carrier / speed_of_light * speeds
        self._made: tuple[Real, NDArray[np.complex64], Real] | None = None

    def window(self, moving: Moving, time: Real, number: int, begin: float) -> WindowEnergy:
        """Make a window of packets, which must hold all of it.

        Parameters
        ----------
        moving : Moving
            Packets.
        time : numpy.ndarray, shape (packet,)
            Their times, s, ascending.
        number : int
            Which window.
        begin : float
            Time of the recording's first packet, s.
        """
        settings = self.settings
        first = settings.first(number, begin)
        low, high = np.searchsorted(time, [first, first + settings.window_s])
        inside = slice(int(low), int(high))
        good = moving.usable[inside]
        at = time[inside][good] - (first + settings.window_s / 2)
        if not self._enough(at):
            nothing = np.full(settings.velocity.size, np.nan)
            noise = np.full(settings.noise_velocity.size, np.nan)
            middle = first + settings.window_s / 2
            return WindowEnergy(middle, nothing, noise, np.nan, np.nan, np.nan, np.zeros(3))
        kernel, weights = self._kernel(at)
        spectrum = kernel @ moving.values[inside][good]
        energy = (np.abs(spectrum) ** 2).sum(axis=1, dtype=np.float64)
        size = moving.whole[inside][good]
        power = float((size**2).mean(axis=0, dtype=np.float64).sum())
        spread = float(size.var(axis=0, dtype=np.float64).sum())
        n, m = settings.velocity.size, settings.velocity.size + settings.noise_velocity.size
        return WindowEnergy(
            first + settings.window_s / 2,
            energy[:n],
            energy[n:m],
            float(energy[m:].max(initial=0.0)),
            power,
            float(np.sqrt(spread / power)) if power > 0 else 0.0,
            weights,
        )

    def _enough(self, at: Real) -> bool:
        settings = self.settings
        if at.size < max(_LEAST_RECEIVED * settings.window_s / settings.interval, 4):
            return False
        half = settings.window_s / 2
        holes = np.diff(at, prepend=-half, append=half)
        return bool(holes.max() <= LONGEST_HOLE * settings.window_s + settings.interval)

    def _kernel(self, at: Real) -> tuple[NDArray[np.complex64], Real]:
        """Hann window times the turning of each speed (speed, packet); kept, as uniform packets need it again."""
        made = self._made
        if (
            made is None
            or made[0].size != at.size
            or np.abs(made[0] - at).max() > 1e-3 * self.settings.interval
        ):
            window = np.cos(np.pi * at / self.settings.window_s) ** 2
            window /= np.sqrt((window**2).sum())
            turning = (np.exp(self._turn[:, np.newaxis] * at) * window).astype(np.complex64)
            weights = np.array([window.sum(), (window * at**2).sum(), (window**2 * at**2).sum()])
            made = self._made = (at, turning, weights)
        return made[1], made[2]
