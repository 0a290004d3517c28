"""Each stage of tracking against closed forms and literal references."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.constants import speed_of_light

from isacsim.conditioning.pace import Pace
from isacsim.conditioning.static_channel import Moving, StaticChannel, coherent_groups
from isacsim.tracking.energy import Kernel, WindowEnergy
from isacsim.tracking.motion import NoiseSpread, detection_ratio, motion_index
from isacsim.tracking.ridge import ABSENT, RidgeFilter, masked, viterbi
from isacsim.tracking.settings import TrackSettings
from isacsim.tracking.smoothing import KalmanFilter, peak, smoothed
from tests.tracking.recordings import RATE, frequencies, recording, steady


def settings(**changed: float) -> TrackSettings:
    asked = {"window_s": 0.25, "hop_s": None, "max_targets": 1, "max_speed": 3.0, "false_alarm": 1e-3}
    return TrackSettings.of(
        Pace(1 / RATE, 1 / RATE, 1 / RATE), frequencies(), phase_sign=-1, **(asked | changed)
    )  # type: ignore[arg-type]


def window_of(values: np.ndarray, time: np.ndarray, used: TrackSettings) -> WindowEnergy:
    moving = Moving(values.astype(np.complex64), np.abs(values).astype(np.float32), np.ones(time.size, bool))
    return Kernel(used).window(moving, time, 0, float(time[0]))


def noise_windows(count: int, channels: int, used: TrackSettings, seed: int = 0) -> list[WindowEnergy]:
    rng = np.random.default_rng(seed)
    time = np.arange(round(used.window_s * RATE)) / RATE
    made = rng.standard_normal((count, time.size, channels, 2)) @ [1, 1j] / np.sqrt(2)
    return [window_of(values, time, used) for values in made]


def test_the_energy_is_the_literal_sum_over_the_packets() -> None:
    rng = np.random.default_rng(0)
    used = settings()
    time = np.sort(rng.uniform(0, 0.25, 110))
    values = rng.standard_normal((110, 3, 2)) @ [1, 1j]
    window = window_of(values, time, used)
    middle = time[0] - used.interval / 2 + 0.125
    assert window.time == pytest.approx(middle)
    inside = time < middle + 0.125
    hann = np.cos(np.pi * (time - middle)[inside] / 0.25) ** 2
    for n in (0, 17, used.velocity.size - 1):
        turn = np.exp(2j * np.pi * used.carrier * used.velocity[n] * (time - middle)[inside] / speed_of_light)
        literal = (np.abs((hann * turn) @ values[inside]) ** 2).sum() / (hann**2).sum()
        # Sums of 110 values in single precision.
        assert window.energy[n] == pytest.approx(literal, rel=1e-4, abs=1e-4 * window.energy.max())


def test_white_noise_has_its_variance_at_every_speed() -> None:
    windows = noise_windows(200, 4, settings())
    level = np.mean([w.energy for w in windows], axis=0)
    # Means of 800 squares: 4 %; 113 bins, four deviations.
    np.testing.assert_allclose(level, 4.0, rtol=0.16)
    assert np.mean([w.floor for w in windows]) == pytest.approx(4.0, rel=0.02)


def test_errors_and_gain_leave_nothing_of_a_static_channel() -> None:
    capture = recording(noise=0.0, receivers=3, gain_steps_db=1.0, seconds=1)
    static = StaticChannel(frequencies(), ((0, 1, 2),), aligned=True)
    static.fit(capture["csi"].values)
    moving = static.moving(capture["csi"].values)
    assert moving.usable.all()
    assert np.abs(moving.values).max() < 1e-5  # of power 1 in 48 channels; rounding of complex64
    assert (moving.whole.astype(np.float64) ** 2).sum(axis=1) == pytest.approx(1.0, abs=1e-5)


def test_what_is_no_measurement_of_the_channel_is_not_used() -> None:
    capture = recording(receivers=2, seconds=1)
    csi = capture["csi"].values.copy()
    csi[..., 50] = 0
    csi[..., 60] = csi[:, ::-1, 60] * np.exp(40j * np.arange(16) ** 2)
    static = StaticChannel(frequencies(), ((0, 1),), aligned=True)
    static.fit(csi)
    assert np.flatnonzero(~static.moving(csi).usable).tolist() == [50, 60]


def test_the_static_channel_follows_slowly_and_not_what_is_no_measurement() -> None:
    first = recording(seconds=1, seed=1, noise=0.0, errors=False)["csi"].values
    for aligned in (True, False):
        static = StaticChannel(frequencies(), ((0, 1),), aligned=aligned)
        static.fit(first)
        assert static._mean is not None
        if aligned:
            static.follow(np.zeros_like(first[..., :100]), 1000.0)
            np.testing.assert_allclose(static._mean, first[..., 0], atol=1e-5)
        static.follow(2 * first[..., :1], 1000.0)
        # Gain is no change of the channel; without errors it is: one packet of 501.
        expected = first[..., 0] * (1 if aligned else 502 / 501)
        np.testing.assert_allclose(static._mean, expected, atol=1e-5)


def test_receivers_are_grouped_by_oscillator() -> None:
    both = [recording(receivers=2, seconds=1, seed=s)["csi"].values for s in (1, 2)]
    assert coherent_groups(np.concatenate(both)) == ((0, 1), (2, 3))
    assert coherent_groups(both[0]) == ((0, 1),)


def test_viterbi_finds_the_best_of_all_ways() -> None:
    """Against every one of the (6 + 1)^5 ways through six bins or absence."""
    rng = np.random.default_rng(3)
    used = settings(max_speed=0.15)
    bins = used.velocity.size
    assert bins == 7
    filter_ = RidgeFilter(used)
    reach, cost = filter_._reach, filter_._cost
    for _ in range(5):
        earned = 6 * rng.standard_normal((5, bins)) - 2
        best, value = None, -np.inf
        for way in product(range(-1, bins), repeat=5):
            worth, last = 0.0, ABSENT
            for n, here in enumerate(way):
                if here == ABSENT:
                    worth -= 40.0 * (last != ABSENT)
                elif last == ABSENT:
                    worth -= 3.0
                elif abs(here - last) > reach:
                    worth = -np.inf
                else:
                    worth -= cost[here - last + reach]
                worth += earned[n, here] if here != ABSENT else 0.0
                last = here
            if worth > value:
                best, value = way, worth
        assert tuple(viterbi(earned, used)) == best


def test_the_next_target_is_looked_for_beside_the_first() -> None:
    used = settings()
    earned = np.ones(used.velocity.size)
    taken = np.isneginf(masked(earned, 40, used))
    away = np.abs(used.velocity - used.velocity[40])
    np.testing.assert_array_equal(taken, away <= used.static_width)
    assert masked(earned, ABSENT, used) is earned


def test_the_peak_errs_as_its_variance_says() -> None:
    used = settings(max_targets=2)  # of one target alone, the middle of all energy counts too
    time = np.arange(125) / RATE
    rng = np.random.default_rng(0)
    # Off the bins, and centred as the window is.
    phase = -2j * np.pi * used.carrier * 1.234 * time / speed_of_light
    errors, variances = [], []
    for _ in range(300):
        noise = rng.standard_normal((125, 6, 2)) @ [1, 1j] / np.sqrt(2)
        window = window_of(0.5 * np.exp(phase)[:, np.newaxis] + noise, time, used)
        found = peak(window, int(window.energy.argmax()), used, 6.0)
        errors.append(found.velocity - 1.234)
        variances.append(found.noise)
    # A variance of 300 draws is good to 8 %; the floor of one window to some per cent.
    assert np.var(errors) == pytest.approx(np.mean(variances), rel=0.25)
    assert abs(np.mean(errors)) < 4 * np.std(errors) / np.sqrt(300)


def test_a_broad_peak_is_less_certain_unless_it_accelerates() -> None:
    used = settings()
    time = np.arange(125) / RATE
    middle = time - time.mean()

    def found(length: np.ndarray) -> tuple[float, float]:
        csi = np.exp(-2j * np.pi * used.carrier * length / speed_of_light)[:, np.newaxis].repeat(4, axis=1)
        one = peak(window_of(csi, time, used), used.velocity.size * 2 // 3, used, 4.0)
        return one.variance(0.0, used), one.variance(4.0, used)

    steady_one, _ = found(1.0 * middle)
    blind, aware = found(1.0 * middle + 4.0 * middle**2 / 2)
    assert blind > 5 * steady_one
    assert aware < 1.5 * steady_one


def test_the_smoother_is_the_weighted_least_squares_of_its_model() -> None:
    """Kalman filter and smoother against the joint Gaussian of all states and speeds."""
    rng = np.random.default_rng(0)
    used = settings(hop_s=0.125)
    velocity = np.cumsum(0.1 * rng.standard_normal(12))
    variance = rng.uniform(0.01, 0.03, 12) ** 2
    course = smoothed(velocity, variance, used)
    jerks = (1.0, 3.0, 10.0, 30.0)
    means, misfits = [], []
    for jerk in jerks:
        run = KalmanFilter(jerk, used.hop_s)
        move, drive = run._move, run._drive
        precision, right = np.zeros((24, 24)), np.zeros(24)
        # As the filter begins: the first speed as measured, the acceleration 0 ± 4.
        precision[0, 0], right[0], precision[1, 1] = 1 / variance[0], velocity[0] / variance[0], 1 / 16
        weight = np.linalg.inv(drive)
        for n in range(11):
            step = np.zeros((2, 24))
            step[:, 2 * n : 2 * n + 2], step[:, 2 * n + 2 : 2 * n + 4] = -move, np.eye(2)
            precision += step.T @ weight @ step
        for n in range(1, 12):
            precision[2 * n, 2 * n] += 1 / variance[n]
            right[2 * n] += velocity[n] / variance[n]
        means.append((np.linalg.solve(precision, right), np.sqrt(np.diag(np.linalg.inv(precision)))))
        for v, r in zip(velocity, variance, strict=True):
            run.step(v, r)
        misfits.append(run.misfit)
    mean, deviation = means[int(np.argmin(misfits))]
    np.testing.assert_allclose(course.velocity, mean[::2], atol=1e-6)
    np.testing.assert_allclose(course.acceleration, mean[1::2], atol=1e-5)
    np.testing.assert_allclose(course.std_velocity, deviation[::2], rtol=1e-4)
    np.testing.assert_allclose(course.std_acceleration, deviation[1::2], rtol=1e-4)


@pytest.mark.parametrize("channels", [2, 20])
def test_noise_passes_thresholds_as_often_as_asked(channels: int) -> None:
    used = settings(false_alarm=0.05)
    windows = noise_windows(600, channels, used, seed=channels)
    spread = NoiseSpread(channels)
    for window in windows:
        spread.add(window)
    assert spread.channels == pytest.approx(channels, rel=0.15)
    passed = [
        motion_index(w, used, channels).share > motion_index(w, used, channels).threshold for w in windows
    ]
    # 0.05 ± 0.009 in 600; independent bins are counted by their width, which is right within a factor of 1.5.
    assert 0.01 < np.mean(passed) < 0.09
    ratio = detection_ratio(used, channels)
    found = np.mean([(w.energy > ratio * w.floor).any() for w in windows])
    assert 0.02 < found < 0.12


def test_channels_whose_noise_is_alike_count_once() -> None:
    used = settings()
    spread = NoiseSpread(8)
    for window in noise_windows(200, 2, used):
        spread.add(WindowEnergy(0, 4 * window.energy, 4 * window.noise, 0.0, 1.0, 0.0, window.weights))
    assert spread.channels == pytest.approx(2, rel=0.15)


def test_the_motion_index_is_the_share_of_the_energy_that_moves() -> None:
    """A path of a hundredth of the static power is a hundredth of all energy."""
    import isacsim

    capture = recording([steady(1.5)], amplitude=0.1, noise=1e-3, errors=False, receivers=4)
    tracks = isacsim.track(capture)
    power = float((np.abs(capture["csi"]) ** 2).mean())
    assert float(tracks["motion_index"].median()) == pytest.approx(0.01 / power, rel=0.05)
