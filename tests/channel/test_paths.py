"""simulate_paths against the literal sum in double precision, its physics, properties and refusals."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.constants import speed_of_light

from isacsim import InputError, simulate_paths
from isacsim.channel.paths import (
    TILE_PACKETS,
    TILE_SUBCARRIERS,
    cubic_path_length,
    simulate_path_lengths,
)

pytestmark = pytest.mark.numerical

CARRIER = 5.805e9
# Issue 2: relative error below 2e-5, here against the root of the summed path powers.
TOLERANCE = 2e-5
INTEL = np.array([*range(-28, 0, 2), -1, *range(1, 28, 2), 28]) * 312.5e3 + 5.32e9
NAMES = ("path_length", "velocity", "acceleration", "jerk", "amplitude", "phase")


def draw_paths(n, seed=0):
    rng = np.random.default_rng(seed)
    reach = ((3, 15), (-3, 3), (-6, 6), (-30, 30), (0.3, 2), (-np.pi, np.pi))
    return {name: rng.uniform(*r, n) for name, r in zip(NAMES, reach, strict=True)}


def literal(time, frequency, *, path_length, velocity, acceleration, jerk, amplitude, phase):
    """method.md section 1, one path at a time, complex128; no code shared with the package."""
    out = np.zeros((len(frequency), len(time)), np.complex128)
    for d, v, a, r, size, turn in zip(
        path_length, velocity, acceleration, jerk, amplitude, phase, strict=True
    ):
        length = d + v * time + a * time**2 / 2 + r * time**3 / 6
        out += size * np.exp(
            1j * turn - 2j * np.pi * np.asarray(frequency)[:, np.newaxis] * length / speed_of_light
        )
    return out


def worst(got, want, amplitude):
    return np.abs(got - want).max() / np.sqrt(np.sum(np.square(amplitude)))


def rounding(amplitude):
    """Bound on `worst` of two sums in float32 whose phases are the same: each of their terms is off by two roundings,
    and each of their partial sums by half of one.
    """
    n = len(amplitude)
    return 2 * (2 + n / 2) * np.finfo(np.float32).eps * np.sqrt(n)


def times(n, rate=1000.0):
    return (np.arange(n) - (n - 1) / 2) / rate


def band(n, spacing=312.5e3):
    return CARRIER + (np.arange(n) - n // 2) * spacing


GRIDS = {
    "the paper's": (times(1024), band(256), 7),
    "descending subcarriers": (times(200), band(256)[::-1], 3),
    "Intel 5300": (times(333), INTEL, 5),
    "one subcarrier": (times(256), [CARRIER], 4),
    "two subcarriers": (times(256), [CARRIER, CARRIER + 1e6], 4),
    "repeated subcarrier": (times(70), [CARRIER, CARRIER], 4),
    "one packet": (times(1) + 0.3, band(64), 4),
    "one of each": ([0.1], [CARRIER], 1),
    "many paths": (times(100), band(130), 200),
    "one tile exactly": (times(TILE_PACKETS), band(TILE_SUBCARRIERS), 3),
    "one beyond a tile": (times(TILE_PACKETS + 1), band(TILE_SUBCARRIERS + 1), 3),
    "many tiles": (times(5 * TILE_PACKETS - 1), band(6 * TILE_SUBCARRIERS - 1, 78.125e3), 3),
    "wide band": (times(64), band(2048, 156.25e3), 2),
    "packets before the expansion": (times(256) - 2.0, band(64), 4),
    "packets after the expansion": (times(256) + 1.0, band(64), 4),
    "jittered packets": (times(300) + np.random.default_rng(5).normal(0, 1e-4, 300), band(64), 4),
    "jittered subcarriers": (
        times(65),
        np.sort(band(200) + np.random.default_rng(6).uniform(-1e5, 1e5, 200)),
        3,
    ),
    "slow packets": (times(128, 10.0), band(64), 4),
    "60 GHz": (times(128), 60e9 + np.arange(129) * 5e6, 4),
}


@pytest.mark.parametrize("name", GRIDS)
def test_equals_the_literal_sum(name):
    time, frequency, n = GRIDS[name]
    paths = draw_paths(n)
    got = simulate_paths(time, frequency, **paths)
    assert got.dtype == np.complex64
    assert got.shape == (len(frequency), len(time))
    assert got.flags.c_contiguous
    assert worst(got, literal(np.asarray(time), frequency, **paths), paths["amplitude"]) < TOLERANCE


def test_both_routes_are_taken_and_agree():
    # The same grid, once uniform and once with a last subcarrier off it: rows in common must agree.
    time, frequency, paths = times(130), band(140), draw_paths(4)
    off = frequency.copy()
    off[-1] += 1e5
    uniform, general = simulate_paths(time, frequency, **paths), simulate_paths(time, off, **paths)
    assert worst(uniform[:-1], general[:-1], paths["amplitude"]) < TOLERANCE
    # The general route evaluates every phase by itself: float32's own rounding and nothing on top.
    assert worst(general, literal(time, off, **paths), paths["amplitude"]) < rounding(paths["amplitude"])


def test_very_long_paths_keep_their_phase():
    # 10 km is 200 000 wavelengths: only double-precision phases survive that.
    paths = draw_paths(2) | {"path_length": np.array([1e4, 1.2e4])}
    got = simulate_paths(times(64), band(64), **paths)
    assert worst(got, literal(times(64), band(64), **paths), paths["amplitude"]) < TOLERANCE


def test_no_paths_are_silence():
    got = simulate_paths(times(70), band(130), **{name: [] for name in NAMES})
    assert got.shape == (130, 70) and got.dtype == np.complex64
    assert not got.any()


def test_sign_of_the_phase_is_physical():
    # exp(-j2πfd/c): a path that grows by a quarter of a wavelength turns by -90°.
    wavelength = speed_of_light / CARRIER
    still = {"velocity": [0.0], "acceleration": [0.0], "jerk": [0.0], "amplitude": [2.0], "phase": [0.0]}
    got = [
        simulate_paths([0.0], [CARRIER], path_length=[100 * wavelength + d], **still)[0, 0]
        for d in (0, wavelength / 4)
    ]
    np.testing.assert_allclose(got, [2, -2j], atol=1e-5)


def test_phase_and_amplitude_are_taken_as_given():
    paths = draw_paths(1)
    plain = simulate_paths(times(64), band(8), **paths | {"amplitude": [1.0], "phase": [0.0]})
    turned = simulate_paths(times(64), band(8), **paths | {"amplitude": [3.0], "phase": [0.7]})
    np.testing.assert_allclose(turned, 3 * np.exp(0.7j) * plain, atol=3 * TOLERANCE)


def test_expansion_is_about_time_zero():
    # Packets around 0.4 s with kinematics at 0 are packets around 0 with the kinematics moved to 0.4 s:
    # v(T) = v + aT + rT²/2, a(T) = a + rT (method.md section 1).
    p, shift = draw_paths(3), 0.4
    d, v, a, r = (p[n] for n in NAMES[:4])
    moved = p | {
        "path_length": d + v * shift + a * shift**2 / 2 + r * shift**3 / 6,
        "velocity": v + a * shift + r * shift**2 / 2,
        "acceleration": a + r * shift,
    }
    got = simulate_paths(times(200) + shift, band(64), **p)
    want = simulate_paths(times(200), band(64), **moved)
    assert worst(got, want, p["amplitude"]) < 2 * TOLERANCE


def test_doppler_is_minus_velocity_over_wavelength():
    # 40 Hz over 1000 packets at 1 kHz falls on bin 40 exactly; a growing path turns backwards.
    v = 40.0 * speed_of_light / CARRIER
    got = simulate_paths(
        times(1000),
        [CARRIER],
        path_length=[5.0],
        velocity=[v],
        acceleration=[0.0],
        jerk=[0.0],
        amplitude=[1.0],
        phase=[0.0],
    )
    assert int(np.abs(np.fft.fft(got[0])).argmax()) == 1000 - 40


def test_same_bits_for_any_number_of_threads():
    before = numba.get_num_threads()
    paths = draw_paths(5)
    try:
        out = []
        for threads in range(1, min(2, numba.config.NUMBA_NUM_THREADS) + 1):
            numba.set_num_threads(threads)
            out.append(
                [
                    simulate_paths(times(333), f, **paths).tobytes()
                    for f in (band(300), band(300) + np.arange(300) ** 2)
                ]
            )
    finally:
        numba.set_num_threads(before)
    if len(out) < 2:
        pytest.skip("one thread only on this machine")
    assert out[0] == out[1]


def test_a_packet_does_not_depend_on_its_neighbours():
    # Sample i of a window must not change with the window's other packets beyond float32's rounding.
    paths = draw_paths(4)
    whole = simulate_paths(times(200), band(140), **paths)
    some = simulate_paths(times(200)[37:150:3], band(140), **paths)
    assert worst(whole[:, 37:150:3], some, paths["amplitude"]) < rounding(paths["amplitude"])


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    n_path=st.integers(1, 9),
    n_sub=st.integers(1, 2 * TILE_SUBCARRIERS + 3),
    n_packet=st.integers(1, 2 * TILE_PACKETS + 3),
    uniform=st.booleans(),
)
def test_property_literal_sum_on_any_grid(seed, n_path, n_sub, n_packet, uniform):
    rng = np.random.default_rng(seed)
    frequency = band(n_sub, rng.uniform(1e3, 2e6))
    if not uniform:
        frequency = frequency + rng.uniform(-400, 400, n_sub)
    time = np.sort(rng.uniform(-1, 1, n_packet))
    paths = draw_paths(n_path, seed)
    assert (
        worst(simulate_paths(time, frequency, **paths), literal(time, frequency, **paths), paths["amplitude"])
        < TOLERANCE
    )


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 8), split=st.integers(1, 7))
def test_property_paths_add(seed, n, split):
    split = min(split, n - 1)
    paths = draw_paths(n, seed)
    parts = [
        simulate_paths(times(65), band(130), **{k: x[s] for k, x in paths.items()})
        for s in (slice(None, split), slice(split, None))
    ]
    whole = simulate_paths(times(65), band(130), **paths)
    assert worst(whole, parts[0] + parts[1], paths["amplitude"]) < rounding(paths["amplitude"])


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.2, 10))
def test_property_frequency_times_length_is_all_that_counts(seed, scale):
    paths = draw_paths(3, seed)
    scaled = paths | {name: paths[name] / scale for name in NAMES[:4]}
    got = simulate_paths(times(65), band(30) * scale, **scaled)
    assert worst(got, simulate_paths(times(65), band(30), **paths), paths["amplitude"]) < 2 * TOLERANCE


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6))
def test_property_reversed_time_is_odd_derivatives_negated(seed):
    paths = draw_paths(3, seed)
    back = paths | {"velocity": -paths["velocity"], "jerk": -paths["jerk"]}
    got = simulate_paths(-times(65), band(30), **back)
    want = simulate_paths(times(65), band(30), **paths)
    assert worst(got, want, paths["amplitude"]) < rounding(paths["amplitude"])


def test_path_lengths_given_packet_by_packet():
    rng = np.random.default_rng(3)
    length, amplitude, phase = (
        rng.uniform(2, 20, (3, 100)),
        np.array([1.0, 0.0, 0.5]),
        np.array([0.0, 1.0, -2.0]),
    )
    want = sum(
        a * np.exp(1j * p - 2j * np.pi * band(70)[:, np.newaxis] * d / speed_of_light)
        for d, a, p in zip(length, amplitude, phase, strict=True)
    )
    got = simulate_path_lengths(length, band(70), amplitude=amplitude, phase=phase)
    assert worst(got, want, amplitude) < TOLERANCE


def test_cubic_path_length_is_the_polynomial():
    got = cubic_path_length([-1.0, 0.0, 2.0], path_length=[10], velocity=[1], acceleration=[4], jerk=[6])
    np.testing.assert_allclose(got, [[10 - 1 + 2 - 1, 10, 10 + 2 + 8 + 8]], rtol=1e-15)


GOOD = {"time": times(8), "frequency": band(4), **draw_paths(2)}
BAD = {
    "NaN": (lambda x: np.where(np.arange(np.size(x)) == 0, np.nan, x), "finite"),
    "infinity": (lambda x: np.where(np.arange(np.size(x)) == 0, np.inf, x), "finite"),
    "complex": (lambda x: np.asarray(x) + 1j, "real"),
    "words": (lambda x: ["one"] * np.size(x), "real"),
    "None": (lambda x: None, ""),
    "ragged": (lambda x: [[1.0, 2.0], [3.0]], "real"),
    "two dimensions": (lambda x: np.stack([x, x]), "1-D"),
}


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("kind", BAD)
def test_bad_input_names_the_argument(name, kind):
    spoil, word = BAD[kind]
    with pytest.raises(InputError, match=rf"(?s)\b{name}\b.*{word}"):
        simulate_paths(**GOOD | {name: spoil(GOOD[name])})


@pytest.mark.parametrize("name", NAMES)
def test_lengths_must_match(name):
    with pytest.raises(InputError, match=name):
        simulate_paths(**GOOD | {name: np.ones(3)})


@pytest.mark.parametrize("name", ["amplitude", "phase"])
def test_lengths_must_match_packet_by_packet(name):
    good = {"amplitude": [1.0, 1.0], "phase": [0.0, 0.0]}
    with pytest.raises(InputError, match=name):
        simulate_path_lengths(np.ones((2, 5)), band(4), **good | {name: [1.0]})


def test_negative_amplitude_and_frequency():
    with pytest.raises(InputError, match=r"amplitude must not be negative .* got -0\.5"):
        simulate_paths(**GOOD | {"amplitude": [1.0, -0.5]})
    with pytest.raises(InputError, match=r"frequency must be positive .* got 0"):
        simulate_paths(**GOOD | {"frequency": [0.0, 312.5e3]})
