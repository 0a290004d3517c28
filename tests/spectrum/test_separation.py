"""Sources told apart blindly: how many there are, at any SNR, and what a weak one may be."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.constants import speed_of_light

from isacsim.spectrum.separation import find_sources

pytestmark = pytest.mark.numerical

CARRIER, SPACING = 5.8e9, 2.5e6
FREQUENCY = CARRIER + SPACING * np.arange(-16, 16)
TIME = (np.arange(256) - 127.5) / 250


def received(amplitudes, snr_db, bandwidth=1.0, seed=0):
    """Paths at 4 x 4 antennas half a wavelength apart, exact over the band; (pair, subcarrier, packet)."""
    rng = np.random.default_rng(seed)
    f = (CARRIER + bandwidth * (FREQUENCY - CARRIER))[:, None]
    out = np.zeros((16, FREQUENCY.size, TIME.size), complex)
    # Directions (sines at the receiver and the transmitter), velocities, accelerations: far from one another.
    moving = [(-0.8, 0.5, 1.0, 3.0), (0.1, -0.7, -1.5, -2.0), (0.7, 0.2, 2.2, 1.0)]
    for amplitude, (rx, tx, velocity, acceleration) in zip(amplitudes, moving, strict=False):
        length = 6 + velocity * TIME + acceleration * TIME**2 / 2
        for pair in range(16):
            extra = (pair // 4 * rx + pair % 4 * tx) * speed_of_light / CARRIER / 2
            out[pair] += amplitude * np.exp(-2j * np.pi * f * (length + extra) / speed_of_light)
    scale = 10 ** (-snr_db / 20) / np.sqrt(2)
    noise = rng.standard_normal((2, *out.shape))
    return (out + scale * (noise[0] + 1j * noise[1])).astype(np.complex64)


@pytest.mark.parametrize("snr_db", [0, 20, 40, 60])
@pytest.mark.parametrize("bandwidth", [0.25, 1.0, 2.0])  # of 80 MHz
def test_signatures_that_turn_over_the_band_are_no_further_sources(snr_db, bandwidth):
    csi = received([1.0, 0.8, 1.2], snr_db, bandwidth)
    sources = find_sources(csi, csi.mean(axis=-1))
    assert len(sources.amplitude_sq) == 3
    # Noise adds to the modulus: (1 + 4 / snr) for one path, and the little that three have in common.
    assert sources.modulus < 1.15 + 4 * 10 ** (-snr_db / 10)
    np.testing.assert_allclose(np.sort(sources.amplitude_sq), [0.64, 1.0, 1.44], rtol=0.15)


@pytest.mark.parametrize(("weak_db", "found"), [(-20, 3), (-25, 3), (-40, 2)])
def test_a_path_counts_down_to_a_two_thousandth_of_all_energy(weak_db, found):
    csi = received([1.0, 1.0, 10 ** (weak_db / 20)], 40)
    assert len(find_sources(csi, csi.mean(axis=-1)).amplitude_sq) == found


def test_noise_alone_is_no_source():
    csi = received([], 0)
    assert len(find_sources(csi, csi.mean(axis=-1)).amplitude_sq) == 0
