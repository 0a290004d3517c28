"""Targets at rest: what counts as rest, on cubics whose swing is known."""

from __future__ import annotations

import numpy as np
import pytest

from isacsim.targets.rest import at_rest, swing_of_cubic


def test_a_quarter_of_a_wavelength_is_the_border():
    wavelength = 0.05
    time = np.linspace(-0.5, 0.5, 101)
    speeds = wavelength * 0.25 * np.array([0.0, 0.99, 1.01, -0.99, -1.01])
    assert at_rest(5 + speeds[:, None] * time, wavelength).tolist() == [True, True, False, True, False]


@pytest.mark.parametrize(
    ("state", "swing"),
    [
        ((0.02, 0.0, 0.0), 0.02),
        ((0.0, 0.16, 0.0), 0.02),  # a t²/2 from 0 to a/8
        ((0.0, 0.0, 0.48), 0.02),  # r t³/6 between ±r/48
        # Turns round at t = ±√(1/12), after 2/3 of v t.
        ((0.5, 0.0, -12.0), 2 * (2 / 3) * 0.5 * np.sqrt(1 / 12)),
    ],
)
def test_swings_of_cubics(state, swing):
    got = np.ptp(swing_of_cubic(*state, 1.0))
    # 65 moments: the extreme of a cubic lies at most half a step, 1/128 of the window, beside one.
    assert got == pytest.approx(swing, rel=2e-3)


def test_unknown_truth_is_not_at_rest():
    nan = np.array([np.nan, 0.0])
    lengths = swing_of_cubic(nan, np.zeros(2), np.zeros(2), 1.0)
    assert lengths.shape == (2, 65) and at_rest(lengths, 0.05).tolist() == [False, True]
