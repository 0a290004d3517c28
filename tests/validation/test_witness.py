"""The witness of the study `retrace`: that it is what it is said to be, Sionna's own."""

from __future__ import annotations

import numpy as np
import pytest
from isacsim.validation.witness import Witness
from scipy.constants import speed_of_light

from isacsim import load_scenario
from tests.extras import need


@pytest.fixture(scope="module")
def witness():
    need("sionna_rt")
    return Witness(load_scenario("lab_rt"))


PLACES = np.array([[2.0, 3.0, 1.2], [3.1, 4.2, 1.2], [4.2, 5.0, 0.9]])


def test_the_radar_equation_and_the_bistatic_length(witness):
    length, coefficient = witness.direct(PLACES)
    radio = load_scenario("lab_rt").radio
    legs = [
        np.linalg.norm(PLACES - end, axis=1) for end in (radio.transmitter_m, radio.receivers[0].position_m)
    ]
    # Float32 of tens of metres: 4e-6 a rounding, of which there are some.
    np.testing.assert_allclose(length, sum(legs), atol=1e-4)
    expected = speed_of_light / radio.carrier_hz / (4 * np.pi) ** 1.5 / (legs[0] * legs[1])
    np.testing.assert_allclose(np.abs(coefficient), expected, rtol=1e-4)


def test_instants_know_nothing_of_each_other(witness):
    together = witness.direct(PLACES)
    for n, place in enumerate(PLACES):
        length, coefficient = witness.direct(place)
        assert length[0] == together[0][n] and coefficient[0] == together[1][n]


def test_doppler_alone_is_what_sionna_makes_of_time(witness):
    velocity, rate = (1.0, -0.5, 0.2), 500.0
    frequency = np.array([5.80e9, 5.81e9])
    paths = witness.solve(PLACES[0], velocity)
    theirs = np.array(
        paths.cfr(
            frequencies=frequency.astype(np.float32),
            sampling_frequency=rate,
            num_time_steps=101,
            normalize_delays=False,
            out_type="numpy",
        )
    )[0, 0, 0, 0]
    shift = witness.trace(PLACES[0], velocity).doppler_hz[0]
    ours = theirs[:1] * np.exp(2j * np.pi * shift * np.arange(101) / rate)[:, np.newaxis]
    np.testing.assert_allclose(ours, theirs, atol=1e-3 * np.abs(theirs).max())
