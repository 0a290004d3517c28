from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from isacsim.channel.noise import _LANES, with_noise

pytestmark = pytest.mark.numerical


def noise(size: int, power: float = 1.0, seed: int = 0) -> np.ndarray:
    return with_noise(np.zeros((1, size), np.complex64), power, [np.random.default_rng(seed)])[0]


MASK = 2**64 - 1


def xoshiro(state: list[int], n: int) -> list[int]:
    """xoshiro256++ as its authors wrote it."""
    s, out = list(state), []
    for _ in range(n):
        x = (s[0] + s[3]) & MASK
        out.append((((x << 23) | (x >> 41)) + s[0]) & MASK)
        t = (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = ((s[3] << 45) | (s[3] >> 19)) & MASK
    return out


def test_the_literal_generator_is_the_published_one():
    # Test vector of the reference implementation for the state (1, 2, 3, 4).
    assert xoshiro([1, 2, 3, 4], 5) == [
        41943041, 58720359, 3588806011781223, 3591011842654386, 9228616714210784205,
    ]  # fmt: skip


def words(size: int, seed: int) -> np.ndarray:
    state = np.random.default_rng(seed).bit_generator.random_raw(4 * _LANES).reshape(4, _LANES)
    rounds = -(-size // _LANES)
    lanes = [xoshiro([int(x) for x in state[:, lane]], rounds) for lane in range(_LANES)]
    return np.array(lanes, np.uint64).T.ravel()[:size]


def literal(size: int, seed: int = 0) -> np.ndarray:
    """Box and Muller's transform of the same bits, in double precision."""
    bits = words(size, seed)
    u1 = ((bits >> np.uint64(33)).astype(float) + 0.5) / 2**31
    u2 = (bits & np.uint64(0x7FFFFFFF)).astype(float) / 2**31
    # u2 counts from -1/2: the kernel works with the half angle within ±π/2.
    return np.sqrt(-np.log(u1)) * np.exp(2j * np.pi * (u2 - 0.5))


def test_equals_the_literal_transform():
    # Below one in a million of u1 near 1 the float32 mantissa shows: a radius of 1e-4 is off by as much.
    assert np.abs(noise(100_000) - literal(100_000)).max() < 2e-4
    assert np.sqrt(np.mean(np.abs(noise(100_000) - literal(100_000)) ** 2)) < 1e-6


def test_is_circular_gaussian_of_the_given_power():
    z = noise(1_000_000, power=0.25)
    parts = np.stack([z.real, z.imag]).astype(float) / np.sqrt(0.125)
    # Five standard deviations of each statistic.
    assert np.abs(parts.mean(axis=1)).max() < 5e-3
    assert np.abs(parts.var(axis=1) - 1).max() < 5 * np.sqrt(2) * 1e-3
    assert abs((parts[0] * parts[1]).mean()) < 5e-3
    assert abs((parts**4).mean() - 3) < 5 * np.sqrt(96 / 2e6)
    for part in parts:
        assert stats.kstest(part, "norm").pvalue > 1e-6
        assert abs((part[1:] * part[:-1]).mean()) < 5e-3
    # The tails: as many beyond four standard deviations as there should be.
    expected = 2e6 * 2 * stats.norm.sf(4)
    assert abs((np.abs(parts) > 4).sum() - expected) < 5 * np.sqrt(expected)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 20_000), st.integers(0, 2**32))
def test_bits_depend_on_the_seed_and_the_place_alone(size, seed):
    longer = noise(size + 1000, seed=seed)
    np.testing.assert_array_equal(noise(size, seed=seed), longer[:size])


def test_each_receiver_has_its_own_generator():
    csi = np.full((3, 7, 50), 2 + 1j, np.complex64)
    noisy = with_noise(csi, 1e-4, [np.random.default_rng(seed) for seed in (1, 2, 3)])
    assert (csi == 2 + 1j).all()
    # Sums below 4 in float32, whether or not the last product is fused with the sum: within one unit in the last place.
    atol = 2 * np.finfo(np.float32).eps * np.sqrt(2)
    for channel, seed in zip(noisy, (1, 2, 3), strict=True):
        np.testing.assert_allclose(channel.ravel() - (2 + 1j), noise(350, 1e-4, seed=seed), atol=atol)


@pytest.mark.parametrize("power", [0.0, 1e-12, 1e12])
def test_extreme_powers(power):
    z = noise(100_000, power)
    assert np.isfinite(z).all()
    assert np.mean(np.abs(z) ** 2, dtype=float) == pytest.approx(power, rel=0.02)
