"""Symmetries that map spectra exactly onto spectra of other captures, and their ground truth with them.

Let H(t) be a capture, centred on its window, and P(a, r) its spectrum (docs/method.md). Two captures have spectra that
follow from P without a new transform, whatever H holds, noise and cross-terms too:

- **Played backwards**, H(-t): R becomes conj(R(-t)), R2(t, m) becomes R2(-t, m), and P(a, -r). Every combination of
  subcarriers and antennas; velocity and jerk change sign. Up to rounding (1e-6 of the maximum).
- **Conjugate**, conj(H(t)): R and R2 become conjugate, and P(-a, -r). To the bit, where no cell of delay or angle is
  told apart before the lag product: another sign of the phase is another sign of every delay, too. Velocity,
  acceleration and jerk change sign.

Labels limit the views: somebody who sits down does not do so backwards, and no place in space has a conjugate path.

So there are four views of a spectrum, or two. They are views of captures that can be, but a scenario whose targets
mostly speed up, or whose limbs do not swing backwards, would draw them seldom. A Doppler spectrogram's columns
need not lie evenly about the window's middle, so only conjugation mirrors it: its frequencies, which do about 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["View", "applied", "views_of"]

# Combinations of subcarriers in which conjugate CSI gives the mirrored spectrum.
_NO_CELLS = ("single", "noncoherent", "coherent")
_SIGNS_CONJUGATE = ("target_velocity", "target_acceleration", "target_jerk")
_SIGNS_BACKWARDS = ("target_velocity", "target_jerk", "target_velocity_xyz")
# Truth that holds of no capture played backwards, or conjugate.
_NEVER_BACKWARDS = ("target_activity",)
_NEVER_CONJUGATE = ("target_position", "target_velocity_xyz")


class View(NamedTuple):
    """Choice of the symmetries that are applied."""

    backwards: bool
    conjugate: bool


def views_of(attrs: Mapping[str, Any], names: Sequence[str] = ()) -> tuple[View, ...]:
    """Views that are exact for spectra of these attributes and variables of these names; the first changes nothing."""
    forwards = any(name.startswith("doppler_") or name in _NEVER_BACKWARDS for name in names)
    both = attrs.get("combine") in _NO_CELLS and not any(name in _NEVER_CONJUGATE for name in names)
    return tuple(
        View(backwards, conjugate)
        for backwards, conjugate in ((False, False), (True, True), (True, False), (False, True))
        if (both or not conjugate) and not (forwards and backwards)
    )


def applied(view: View, name: str, values: np.ndarray) -> np.ndarray:
    """One variable's values under a view; spectra have acceleration and jerk last, or Doppler and time."""
    if name.startswith("doppler_"):
        return values[..., ::-1, :] if view.conjugate else values
    if name.startswith("aj_"):
        # Backwards mirrors the jerk, conjugation both axes.
        values = values[..., ::-1] if view.backwards != view.conjugate else values
        return values[..., ::-1, :] if view.conjugate else values
    sign = (-1) ** (view.backwards and name in _SIGNS_BACKWARDS)
    sign *= (-1) ** (view.conjugate and name in _SIGNS_CONJUGATE)
    return values if sign == 1 else -values
