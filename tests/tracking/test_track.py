"""Tracks of recordings whose path lengths are known: speed, sign, errors, coming and going, several at once."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import isacsim
from isacsim.schema import TRACK
from tests.tracking.recordings import frequencies, recording, steady, swaying, swaying_speed

SWAY = (0.9, 0.5, 2.0)


def velocity(tracks: xr.Dataset, n: int = 0) -> np.ndarray:
    return tracks["velocity"].values[n]


@pytest.mark.parametrize("errors", [True, False])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_path_that_grows_has_a_positive_speed_whatever_the_phase_sign(sign: int, errors: bool) -> None:
    tracks = isacsim.track(recording([swaying(*SWAY)], phase_sign=sign, errors=errors))
    truth, _ = swaying_speed(tracks["time"].values, *SWAY)
    # A hundredth of the window's width of 0.31 m/s: noise moves the peak by 0.002 m/s, jerk by 0.003.
    np.testing.assert_allclose(velocity(tracks), truth, atol=0.031)
    assert (tracks["motion"] == 1).all()
    assert tracks.attrs["reference"] == ("self" if errors else "none")


def test_a_wrong_phase_sign_mirrors_the_track() -> None:
    capture = recording([steady(1.0)])
    assert velocity(isacsim.track(capture, phase_sign=1)).mean() == pytest.approx(-1.0, abs=0.01)


def test_one_antenna_keeps_the_sign() -> None:
    """Aligning phase and slope alone leaves an image of a quarter of the energy at this bandwidth."""
    tracks = isacsim.track(recording([steady(-1.0)], receivers=1, noise=0.005, amplitude=0.05))
    assert velocity(tracks).mean() == pytest.approx(-1.0, abs=0.01)
    # Second order: the path's share of the static channel, 0.05, as energy.
    assert float(tracks["mirror"].median()) < 0.05**2
    assert "sign of track" not in tracks.attrs["remarks"]


def test_a_sign_that_can_not_be_trusted_is_said() -> None:
    """Two equal paths in opposite directions: which is the target is a guess."""
    tracks = isacsim.track(recording([steady(1.0), steady(-1.0)]))
    assert "the sign of track 0 cannot be trusted" in tracks.attrs["remarks"]


def test_what_is_too_fast_to_be_searched_is_said() -> None:
    capture = recording([steady(5.0)])
    assert "faster than max_speed, 3 m/s" in isacsim.track(capture).attrs["remarks"]
    tracks = isacsim.track(capture, max_speed=8.0)
    assert velocity(tracks).mean() == pytest.approx(5.0, abs=0.01)
    assert tracks.attrs["remarks"] == ""


def test_two_targets_are_tracked_at_once() -> None:
    tracks = isacsim.track(recording([steady(1.5), swaying(-0.9, 0.3, 3.0)]), max_targets=2)
    time = tracks["time"].values
    second, _ = swaying_speed(time, -0.9, 0.3, 3.0)
    found = sorted(np.nanmean(velocity(tracks, n)) for n in range(2))
    assert found == pytest.approx([second.mean(), 1.5], abs=0.02)
    assert np.isfinite(tracks["velocity"]).mean() > 0.98


def test_a_track_keeps_its_target_while_another_one_is_stronger() -> None:
    def now_and_then(t: np.ndarray) -> np.ndarray:
        return 0.07 * np.where(np.sin(2 * np.pi * t / 3.4) > 0, 1.4, 0.7)

    def else_(t: np.ndarray) -> np.ndarray:
        return 0.07 * np.where(np.sin(2 * np.pi * t / 3.4) > 0, 0.7, 1.4)

    capture = recording([steady(1.5), steady(-0.8)], amplitude=[now_and_then, else_])
    tracks = isacsim.track(capture, max_targets=2)
    for n in range(2):
        there = velocity(tracks, n)[np.isfinite(velocity(tracks, n))]
        assert there.size > 100
        assert np.ptp(np.sign(there)) == 0


def test_a_target_that_rests_can_not_be_told_from_the_static_channel() -> None:
    tracks = isacsim.track(recording([lambda t: 20 + 1.2 * np.minimum(t, 4)], seconds=10))
    time, there = tracks["time"].values, np.isfinite(velocity(tracks))
    assert there[time < 3.8].all()
    assert not there[time > 4.3].any()


@pytest.mark.parametrize("window_s", [0.25, 0.4])
def test_standard_errors_cover(window_s: float) -> None:
    """Weak targets, so that noise rules: a standard error covers 68 % of the errors."""
    covered, accelerations = [], []
    for seed in range(6):
        tracks = isacsim.track(
            recording([swaying(*SWAY)], amplitude=0.02, noise=0.05, seed=seed), window_s=window_s
        )
        speed, acceleration = swaying_speed(tracks["time"].values, *SWAY)
        there = np.isfinite(velocity(tracks))
        assert there.mean() > 0.9
        covered += list((np.abs(velocity(tracks) - speed) < tracks["std_velocity"].values[0])[there])
        off = np.abs(tracks["acceleration"].values[0] - acceleration)
        accelerations += list((off < tracks["std_acceleration"].values[0])[there])
    # Some 200 windows that share no packet: 0.68 ± 0.035; the model of the peak is good to a tenth.
    assert 0.55 < np.mean(covered) < 0.85
    assert np.mean(accelerations) > 0.55


def test_where_nothing_moves_there_is_no_track_and_motion_is_as_rare_as_asked() -> None:
    false, windows, tracked = 0, 0, 0
    for seed in range(6):
        tracks = isacsim.track(recording(seed=seed, gain_steps_db=1.0), false_alarm=0.02, max_targets=2)
        false += int((tracks["motion"] == 1).sum())
        windows += tracks.sizes["window"]
        tracked += int(np.isfinite(tracks["velocity"]).sum())
    assert tracked == 0
    # 750 windows, of which 190 share no packet: 0.02 ± 0.01.
    assert false / windows < 0.05


def test_a_target_comes_and_goes() -> None:
    def there(t: np.ndarray) -> np.ndarray:
        return 0.1 * ((t > 3) & (t < 5))

    tracks = isacsim.track(recording([steady(1.2)], amplitude=[there]))
    time, found = tracks["time"].values, np.isfinite(velocity(tracks))
    inside = (time > 3.125) & (time < 4.875)
    outside = (time < 2.875) | (time > 5.125)
    assert found[inside].all()
    assert not found[outside].any()
    assert (tracks["motion"].values[inside] == 1).all()
    assert (tracks["motion"].values[outside] == 1).sum() <= 2  # of 90, at a false-alarm rate of 1e-3


def test_windows_with_a_hole_say_nothing() -> None:
    capture = recording([steady(1.2)])
    kept = capture.isel(packet=np.flatnonzero((capture["time"] < 4) | (capture["time"] > 4.3)))
    tracks = isacsim.track(kept)
    time, motion = tracks["time"].values, tracks["motion"].values
    hole = (time > 4.05) & (time < 4.25)
    assert (motion[hole] == -1).all()
    assert np.isnan(velocity(tracks)[hole]).all()
    assert np.isfinite(velocity(tracks)[time < 3.8]).all() and np.isfinite(velocity(tracks)[time > 4.5]).all()
    assert (
        f"{int((motion == -1).sum())} of {motion.size} windows have too few packets"
        in tracks.attrs["remarks"]
    )


def test_lost_and_jittered_packets_need_no_grid() -> None:
    capture = recording([swaying(*SWAY)])
    rng = np.random.default_rng(0)
    tracks = isacsim.track(capture.isel(packet=np.flatnonzero(rng.random(capture.sizes["packet"]) > 0.3)))
    truth, _ = swaying_speed(tracks["time"].values, *SWAY)
    off = np.abs(velocity(tracks) - truth)
    assert np.median(off[np.isfinite(off)]) < 0.01


def test_garbage_where_no_signal_is_does_not_count() -> None:
    capture = recording([steady(1.0)], seconds=5)
    rng = np.random.default_rng(0)
    capture["csi"][:, 3] = 30 * rng.standard_normal((2, capture.sizes["packet"]))
    valid = ("subcarrier", np.arange(16) != 3)
    tracks = isacsim.track(capture.assign_coords(valid=valid))
    assert velocity(tracks).mean() == pytest.approx(1.0, abs=0.01)


def test_gain_that_is_reported_is_undone() -> None:
    capture = recording(errors=False, seconds=5)
    steps = np.repeat(np.arange(50) % 4, 50).astype(float)
    capture["csi"] = capture["csi"] * (10 ** (steps / 20)).astype(np.complex64)
    assert (isacsim.track(capture)["motion"] == 1).mean() > 0.9
    known = capture.assign(agc_gain_db=("packet", steps))
    assert (isacsim.track(known)["motion"] == 1).mean() < 0.05


def test_receivers_of_their_own_oscillators_are_aligned_each_by_itself() -> None:
    tracks = isacsim.track(recording([steady(-1.1)], receivers=3, own_phases=True))
    assert tracks.attrs["receiver_groups"] == 3
    assert velocity(tracks).mean() == pytest.approx(-1.1, abs=0.01)


def test_a_quiet_stretch_sets_the_threshold() -> None:
    """A curtain that never rests is no motion once it was heard in the quiet stretch."""

    def walks(t: np.ndarray) -> np.ndarray:
        return 0.1 * (t > 5)

    capture = recording([steady(0.8), steady(1.4)], amplitude=[0.02, walks])
    of_noise, of_quiet = (isacsim.track(capture, quiet=quiet) for quiet in (None, (0, 4)))
    early, late = of_noise["time"] < 4.5, of_noise["time"] > 5.5
    assert (of_noise["motion"][early] == 1).mean() > 0.9
    assert (of_quiet["motion"][early] == 1).mean() < 0.05
    assert (of_quiet["motion"][late] == 1).all()
    assert of_quiet.attrs["threshold_from"] == "quiet stretch 0 to 4 s"


@pytest.mark.parametrize("errors", [True, False])
def test_rounding_makes_no_motion(errors: bool) -> None:
    tracks = isacsim.track(recording(noise=0.0, errors=errors, seconds=4))
    assert (tracks["motion"] == 0).all()
    assert np.isnan(tracks["velocity"]).all()


def test_the_data_set_is_what_the_schema_says() -> None:
    tracks = isacsim.track(recording([steady(1.0)], seconds=5), max_targets=2)
    assert set(tracks.variables) == set(TRACK)
    for name, what in TRACK.items():
        assert tracks[name].dims == what.dims
        assert tracks[name].attrs["units"] == what.units
    assert tracks.sizes["track"] == 2
    assert set(np.unique(tracks["motion"])) <= {-1, 0, 1}
    assert "static channel is the mean over" not in tracks.attrs["remarks"]
    assert "static channel is the mean over 2 s" in isacsim.track(recording(seconds=2)).attrs["remarks"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        # c · 500 / (2 · 5.5e9)
        (
            {"max_speed": 14.0},
            "max_speed must be at most 13.6 m/s, where 500 packets/s at 5.5 GHz begin to alias",
        ),
        ({"window_s": 0.01}, "window_s must be at least 0.016 s, 8 packets at 500 packets/s"),
        ({"window_s": 5.0}, "window_s must be at most 2 s"),
        ({"hop_s": 0.3}, "hop_s must be at most window_s, 0.25 s, got 0.3"),
        ({"max_targets": 0}, "max_targets must be an integer from 1 to 20"),
        ({"quiet": (0, 0.5)}, "quiet must hold at least 8 whole windows of 0.25 s every 0.0625 s, got 5"),
        ({"quiet": 3}, "quiet must be two numbers of seconds"),
        ({"quiet": (2, 1)}, "above 2"),
        ({"false_alarm": 0.7}, "false_alarm must be a number above 0 and below 0.5"),
        ({"reference": "product"}, "reference must be one of auto, self, none"),
        ({"phase_sign": 2}, "phase_sign must be -1 or 1"),
        ({"frequency": frequencies()}, "frequency is for packets as they come"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(isacsim.InputError) as error:
        isacsim.track(recording(seconds=2), **arguments)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_no_recording_is_refused() -> None:
    capture = recording(seconds=2)
    broken = capture.copy(deep=True)
    broken["csi"].values[0, 0, 7] = np.nan
    late = capture.assign_coords(time=("packet", capture["time"].values[::-1]))
    for wrong, said in (
        (capture["csi"], "capture must be a whole capture"),
        (capture.drop_vars("csi"), "no csi"),
        (capture.isel(subcarrier=[0], receiver=[0]), "1 x 1 receivers and subcarriers are too few"),
        (broken, "NaN"),
        (late, "ascend strictly"),
    ):
        with pytest.raises(isacsim.InputError, match=said):
            isacsim.track(wrong)
