"""Labels of a data set's targets: places, activities, rooms, and what a spectrum cannot show; in old stores too."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

import isacsim
from isacsim.capture.netcdf import save_capture
from isacsim.cli import app
from isacsim.dataset.inspection import damage, regenerate
from isacsim.dataset.loading.symmetries import View, applied, views_of
from isacsim.dataset.mixed.mix import MixWarning
from isacsim.dataset.repair import repair
from isacsim.dataset.store.store import create_store, open_record
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.dataset.synthetic.generate import make_chunk
from isacsim.dataset.synthetic.plan import make_plan, template_of
from isacsim.dataset.unseen import targets_at_rest
from isacsim.schema import ACTIVITIES, HIDDEN, LABELS, TRUTH, unknown_truth
from isacsim.simulation.realisation import realise
from isacsim.spectrum.grid import WindowResolution
from isacsim.targets.rest import at_rest, swing_of_cubic

PHASES = {
    "kind": "phases",
    "position_m": [2.0, 3.0, 1.2],
    "heading_deg": 30,
    "start_s": {"uniform": [-1.2, 0]},
    "speed_m_s": 1.0,
    "phases": [
        {"kind": "turn", "duration_s": 0.7, "angle_deg": 60},
        {"kind": "stop", "duration_s": 0.3},
        {"kind": "sit", "duration_s": 0.6},
    ],
}
MOTIONS = [
    PHASES,
    {"kind": "trajectory", "position_m": [1, 3, 1.2], "velocity_m_s": [0.5, 1, 0], "jerk_m_s3": [5, 9, 1]},
    {
        "kind": "oscillation",
        "position_m": [3, 4, 1],
        "axis": [1, 1, 0],
        "amplitude_m": 0.3,
        "frequency_hz": 0.5,
    },
    {
        "kind": "waypoints",
        "times_s": [-1, 0.1, 1],
        "positions_m": [[1, 2, 1], [2, 2.5, 1.1], [2.5, 4, 1]],
    },
    {"kind": "kinematics", "path_length_m": 8.0},
]
ONE = [{"name": "rx", "position_m": [4.0, 0.0, 1.0]}]


def seen(scenario, **how):
    return make_samples(scenario, seed=5, indices=range(2), **how)


def hidden(make_scenario, targets, **changes):
    """Words of the first sample's targets."""
    changes = {"radio": {"receivers": ONE} | changes.pop("radio", {})} | changes
    made = make_samples(make_scenario(targets={"fixed": targets}, **changes), seed=0, indices=[0])
    return [HIDDEN[code] for code in made.target_hidden.values[0].tolist()]


def test_places_and_velocities_are_those_of_the_motion(make_scenario):
    targets = [{"motion": motion, "amplitude": 1.0} for motion in MOTIONS]
    targets[0]["body"] = {"kind": "walker", "height_m": 1.7, "sway": True}
    scenario = make_scenario(targets={"fixed": targets}, motion_model="exact", radio={"receivers": ONE})
    samples = seen(scenario)
    step = 1e-4
    antennas = np.array([scenario.radio.transmitter_m, ONE[0]["position_m"]])
    for i in range(2):
        drawn = realise(scenario, seed=5, index=i)
        place, speed = samples.target_position.values[i], samples.target_velocity_xyz.values[i]
        for n, p in enumerate(drawn.reference[:-1]):
            before, at, after = drawn.motions[p].state(np.array([-step, 0, step])).position
            np.testing.assert_array_equal(place[n], at)
            # A third derivative of 100 m/s³ leaves step² / 6 · 100 = 2e-7 m/s, rounding 1e-16 · 5 / 1e-4.
            np.testing.assert_allclose(speed[n], (after - before) / (2 * step), atol=1e-6)
        # The path is as long as the place says, and grows as the velocity does.
        away = place[:-1, np.newaxis] - antennas
        length = np.linalg.norm(away, axis=-1)
        np.testing.assert_allclose(samples.target_path_length.values[i, :-1], length.sum(axis=1), rtol=1e-12)
        rate = np.einsum("nax,nx->n", away / length[..., np.newaxis], speed[:-1])
        np.testing.assert_allclose(samples.target_velocity.values[i, :-1], rate, atol=1e-9)
        # A path that is given by its length has no place.
        assert np.isnan(place[-1]).all() and np.isnan(speed[-1]).all()
    assert samples.target_position.dims == ("sample", "target", "xyz")


def test_a_capture_has_the_same_truth(make_scenario):
    target = {"motion": PHASES, "body": {"kind": "walker", "height_m": 1.7}, "amplitude": 1.0}
    mover = {"name": "fan", "motion": MOTIONS[2], "amplitude": 1.0}
    scenario = make_scenario(targets={"fixed": [target]}, movers=[mover], room="kitchen")
    capture = isacsim.simulate(scenario, seed=5, index=1)
    sample = seen(scenario).isel(sample=1)
    np.testing.assert_array_equal(capture.velocity_xyz[0], sample.target_velocity_xyz[0])
    np.testing.assert_array_equal(capture.position[0], sample.target_position[0])
    assert capture.activity.values.tolist() == [int(sample.target_activity[0])] * 12 + [-1]
    assert np.isfinite(capture.velocity_xyz[-1]).all()
    assert capture.attrs["room"] == str(sample.room.values) == "kitchen"


def test_room_is_the_scenarios_own_name_for_want_of_another(make_scenario):
    assert seen(make_scenario()).room.values.tolist() == ["small"] * 2
    plain, named = make_scenario(), make_scenario(room="kitchen")
    assert plain.fingerprint() != named.fingerprint()
    assert "room" not in plain.to_yaml() and isacsim.Scenario.from_yaml(named.to_yaml()) == named


def path(a=0.0, r=0.0, amplitude=1.0, d=8.0, v=1.0):
    motion = {"kind": "kinematics", "path_length_m": d, "velocity_m_s": v}
    return {"motion": motion | {"acceleration_m_s2": a, "jerk_m_s3": r}, "amplitude": amplitude}


def test_two_in_one_cell_are_one(make_scenario):
    cell_a, cell_r = WindowResolution(256, 1e-3, 5.8e9).resolution()
    # 16 subcarriers over 80 MHz: 3.75 m.
    delay = 3e8 / 80e6
    wide = {"spectrum": {"acceleration_max_m_s2": 3 * cell_a, "jerk_max_m_s3": 3 * cell_r}}

    def told(*others, first=None):
        return hidden(make_scenario, [first or path(), *others], **wide)

    assert told(path(0.9 * cell_a, 0.9 * cell_r, 0.5)) == ["shown", "one_cell"]
    # The weaker one is hidden, whichever comes first, and of equals the second.
    assert told(path(0.9 * cell_a, 0, 2.0)) == ["one_cell", "shown"]
    assert told(path(), path()) == ["shown", "one_cell", "one_cell"]
    assert told(path(1.1 * cell_a, 0, 0.5)) == ["shown", "shown"]
    assert told(path(0, 1.1 * cell_r, 0.5)) == ["shown", "shown"]
    assert told(path(amplitude=0.5, d=8 + 0.9 * delay)) == ["shown", "one_cell"]
    assert told(path(amplitude=0.5, d=8 + 1.1 * delay)) == ["shown", "one_peak"]
    assert told(path(3.1 * cell_a), path(0, -3.1 * cell_r)) == ["shown", "outside", "outside"]
    # What is at rest hides nobody.
    assert told(path(0.2 * cell_a, 0, 0.5), first=path(v=0.0)) == ["at_rest", "shown"]


def test_the_codes_follow_from_the_stored_truth(tiny):
    """Loops over pairs of targets, on hundreds of them, some at rest, many close to others."""
    template = {
        "amplitude": {"lognormal": [0, 0.3]},
        "motion": {
            "kind": "kinematics",
            "path_length_m": {"uniform": [3, 15]},
            "velocity_m_s": {"choice": [0, 1]},
            "acceleration_m_s2": {"choice": [0, 5, -5, 20]},
            "jerk_m_s3": {"choice": [0, 150]},
        },
    }
    scenario = tiny(
        radio={"packets": 256, "packet_rate_hz": 500.0},
        targets={"count": {"min": 4, "max": 6}, "template": template},
        dataset={"n_samples": 60},
        spectrum={"bins_acceleration": 8, "bins_jerk": 6, "combine": "single", "jerk_max_m_s3": 100.0},
    )
    samples = make_samples(scenario, seed=3, indices=range(60))
    grid = WindowResolution(256, 1 / 500, 5.8e9)
    attrs, f = samples.aj_noisy.attrs, scenario.radio.frequency_hz
    cell_a, cell_r = grid.resolution(float(attrs["min_lag"]))
    cell_d = 299792458 / (np.ptp(f) + f[1] - f[0])
    seconds = float(np.ptp(scenario.radio.time_s))
    d, v, a, r, amplitude = (samples[name].values for name in TRUTH)
    resting = at_rest(swing_of_cubic(v, a, r, seconds), scenario.radio.wavelength_m)
    found = set()
    for i, n in enumerate(samples.n_targets.values.tolist()):
        for j in range(n):
            near = [
                k
                for k in range(n)
                if amplitude[i, k] > amplitude[i, j]
                and not resting[i, k]
                and abs(a[i, k] - a[i, j]) < cell_a
                and abs(r[i, k] - r[i, j]) < cell_r
            ]
            word = "shown"
            if resting[i, j]:
                word = "at_rest"
            elif abs(a[i, j]) > 8 or abs(r[i, j]) > 100:
                word = "outside"
            elif any(abs(d[i, k] - d[i, j]) < cell_d for k in near):
                word = "one_cell"
            elif near:
                word = "one_peak"
            assert HIDDEN[samples.target_hidden.values[i, j]] == word
            found.add(word)
    assert found == set(HIDDEN)


def test_an_array_tells_directions_apart(make_scenario):
    def mirrored(angle_deg, amplitude):
        ahead = np.array([np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg)), 0.0])
        motion = {
            "kind": "trajectory",
            "position_m": [*(4 * ahead[:2]), 1.0],
            "velocity_m_s": [*(1.0 * ahead)],
        }
        return {"motion": motion, "amplitude": amplitude}

    # Antennas on the line about which the two targets mirror each other.
    radio = {"transmitter_m": [0.5, 0.0, 1.0]}
    single = [{"name": "rx", "position_m": [0.0, 0.0, 1.0]}]
    row = [single[0] | {"array": {"kind": "linear", "elements": 4}}]
    spectrum = {"combine": "resolved"}
    # A beam of four elements half a wavelength apart: sines by 0.5.
    for angle, word in ((16, "one_peak"), (13, "one_cell")):
        targets = [mirrored(angle, 1.0), mirrored(-angle, 0.5)]
        assert hidden(make_scenario, targets, radio=radio | {"receivers": single}) == ["shown", "one_cell"]
        of_array = hidden(make_scenario, targets, radio=radio | {"receivers": row}, spectrum=spectrum)
        assert of_array == ["shown", word]


def test_who_is_at_rest(make_scenario):
    def fall(start):
        motion = PHASES | {
            "speed_m_s": 0.0,
            "start_s": start,
            "phases": [{"kind": "fall", "duration_s": 0.4}],
        }
        return {"motion": motion, "body": {"kind": "walker", "height_m": 1.7}, "amplitude": 1.0}

    hover = {"kind": "trajectory", "position_m": [2, 3, 1.2], "velocity_m_s": [0, 0, 0]}
    blades = {"kind": "rotor", "radius_m": 0.2, "rev_per_s": 50}
    targets = [fall(0.0), fall(5.0), {"motion": hover, "body": blades, "amplitude": 1.0}]
    # All three stand still at the window's centre; one begins to fall then, one has blades.
    samples = make_samples(
        make_scenario(targets={"fixed": targets}, motion_model="exact", radio={"receivers": ONE}),
        seed=0,
        indices=[0],
    )
    # The spline through the phases has not settled to the last micrometre.
    assert np.abs(samples.target_velocity.values[0]).max() < 1e-3
    words = [HIDDEN[code] for code in samples.target_hidden.values[0].tolist()]
    assert [word == "at_rest" for word in words] == [False, True, False]
    assert [ACTIVITIES[c] if c >= 0 else "" for c in samples.target_activity.values[0]] == [
        "fall",
        "stand",
        "",
    ]


def test_each_receiver_has_its_own(make_scenario):
    # Across the one's line of sight nothing changes, along the other's it does.
    two = [{"name": "a", "position_m": [0.2, 0.0, 1.0]}, {"name": "b", "position_m": [4.0, 0.0, 1.0]}]
    across = {"kind": "trajectory", "position_m": [0.1, 4, 1], "velocity_m_s": [0.15, 0, 0]}
    scenario = make_scenario(
        targets={"fixed": [{"motion": across, "amplitude": 1.0}]},
        radio={"receivers": two},
        spectrum={"combine": "single"},
    )
    samples = make_samples(scenario, seed=0, indices=[0])
    assert samples.target_hidden.dims == ("sample", "receiver", "target")
    assert samples.target_hidden.values.ravel().tolist() == [HIDDEN.index("at_rest"), 0]
    assert targets_at_rest(samples, {}) == (0, 1)


def test_beyond_a_samples_targets_nothing_is_known(tiny):
    samples = make_samples(tiny(), seed=1, indices=range(3), n_targets=[1, 2, 3])
    for name in ("target_activity", "target_hidden"):
        codes = samples[name]
        assert codes.dtype == np.int8 and codes.attrs["flag_values"][0] == -1
        assert len(codes.attrs["flag_meanings"].split()) == len(codes.attrs["flag_values"])
    assert (samples.target_hidden.values >= 0).sum(axis=1).tolist() == [1, 2, 3]
    assert (samples.target_activity.values == -1).all()


def test_views_of_labels():
    attrs = {"combine": "coherent"}
    assert len(views_of(attrs, ("aj_noisy", "target_hidden"))) == 4
    # Nobody sits down backwards; no place has a conjugate path.
    assert views_of(attrs, ("target_activity",)) == (View(False, False), View(False, True))
    assert views_of(attrs, ("target_position",)) == (View(False, False), View(True, False))
    assert views_of(attrs, ("target_position", "target_activity")) == (View(False, False),)
    speed = np.array([[1.0, -2.0, 0.5]])
    np.testing.assert_array_equal(applied(View(True, False), "target_velocity_xyz", speed), -speed)
    np.testing.assert_array_equal(applied(View(True, False), "target_position", speed), speed)


def test_loaders_give_them(tiny, tmp_path):
    pytest.importorskip("torch")
    scenarios = [tiny(name="a", room="hall"), tiny(name="b", room="hall"), tiny(name="c")]
    store = tmp_path / "s.zarr"
    isacsim.generate(scenarios, store, per_class={1: 1, 2: 1}, workers=0, progress=False)
    wanted = ("target_activity", "target_position", "target_hidden")
    halls = isacsim.to_torch(store, targets=wanted, where={"room": "hall"}, map_style=True)
    assert len(halls) == 4
    _, (activity, place, why) = halls[0]
    assert (str(activity.dtype), str(place.dtype), str(why.dtype)) == (
        "torch.int64",
        "torch.float32",
        "torch.int64",
    )
    assert place.shape == (3, 3)
    by_room = {"split_by": "room", "splits": {"train": 0.6, "test": 0.4}}
    parts = [isacsim.to_torch(store, split=split, **by_room) for split in ("train", "test")]
    assert sorted(map(len, parts)) == [2, 4]


@pytest.fixture(scope="module")
def old(tiny, undrawn, tmp_path_factory):
    """A store as it was before samples had labels: half made."""
    store = tmp_path_factory.mktemp("old") / "old.zarr"
    plan = make_plan([tiny()], None, 4, None, None, False, None)
    template = template_of(plan).drop_vars([*LABELS, "room"])
    create_store(store, template, plan.n_samples, chunk=5, attrs=plan.attrs())
    make_chunk(str(store), 1)
    return store


@pytest.mark.usefixtures("in_this_process")
def test_an_old_store_is_opened_and_finished_as_it_was_begun(old, tiny):
    assert isacsim.open_dataset(old, incomplete=True).sizes["sample"] == 5
    made = isacsim.generate(tiny(), old, seed=4, workers=0, progress=False)
    assert not {*LABELS, "room"} & set(made.variables) and not damage(old)
    anew = make_samples(tiny(), seed=4, indices=range(3), n_targets=made.n_targets.values[:3].tolist())
    np.testing.assert_array_equal(made.target_jerk[:3], anew.target_jerk)
    assert all(regenerate(old, 7).values())
    record = open_record(old, mode="r+")
    record.digests[2] = 0
    assert repair(old).chunks == [2] and not damage(old)
    said = CliRunner().invoke(app, ["inspect", str(old)])
    assert said.exit_code == 0 and "by activity" not in said.output


def test_a_mix_keeps_what_both_can_say(tiny):
    """Real samples have no truth, and rooms by their labels; of an old store, the labels are left out and named."""
    plan = make_plan([tiny()], None, 4, None, None, False, None)
    synthetic = template_of(plan).isel(sample=[0] * 4)
    real = synthetic.drop_vars([*TRUTH, *LABELS, "room"]).isel(sample=slice(3))
    real = real.assign(unknown_truth({"sample": 3})).assign(domain=("sample", ["real"] * 3))
    real["aj_noisy"] = real.aj_noisy * 2
    real["source"] = ("sample", ["a.nc", "b.nc", "c.nc"])

    def mixed(one, other):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MixWarning)
            return isacsim.mix(one, other, real_fraction=0.4, seed=0)

    both = mixed(synthetic, real).load()
    is_real = both.domain.values == "real"
    assert is_real.any() and not is_real.all()
    for name in ("target_activity", "target_hidden"):
        assert both[name].dtype == np.int8 and (both[name].values[is_real] == -1).all()
    assert (both.target_hidden.values[~is_real] >= 0).any(axis=1).all()
    assert np.isnan(both.target_position.values[is_real]).all()
    assert set(both.room.values[is_real]) == {""} and set(both.room.values[~is_real]) == {"tiny"}

    labelled = real.assign_coords(room=("sample", ["hall"] * 3)).assign_attrs(columns='["room"]')
    both = mixed(synthetic, labelled)
    assert "room" in both.coords and set(both.room.values.tolist()) == {"hall", "tiny"}

    both = mixed(synthetic.drop_vars([*LABELS]), real)
    assert set(json.loads(both.attrs["mix"])["left_out"]) == set(LABELS)


def test_inspect_says_them_in_words(make_scenario, undrawn, tmp_path):
    person = {
        "motion": PHASES | {"start_s": 0.0},
        "amplitude": 1.0,
        "body": {"kind": "walker", "height_m": 1.7},
    }
    scenario = make_scenario(
        targets={"fixed": [person, path(v=0.0)]}, radio={"receivers": ONE}, room="kitchen"
    )
    store = tmp_path / "s.zarr"
    other = scenario.with_(name="other", room="hall")
    isacsim.generate([scenario, other], store, n_samples=2, workers=0, progress=False)
    said = " ".join(CliRunner().invoke(app, ["inspect", str(store)]).stdout.split())
    assert "Samples by room: hall 2, kitchen 2." in said and "Targets by activity: turn 4." in said
    assert "4 of 8 targets have no peak of their own in a spectrum: at_rest 4" in said
    card = (store / "README.md").read_text()
    assert "Targets by activity" in card
    one = CliRunner().invoke(app, ["inspect", str(store), "--sample", "0"]).stdout
    assert "target_activity: turn none" in one and "target_hidden: shown at_rest" in one


def test_netcdf_has_flags_of_the_variables_type(make_scenario, tmp_path):
    target = {"motion": PHASES, "amplitude": 1.0}
    capture = isacsim.simulate(make_scenario(targets={"fixed": [target]}), seed=1)
    save_capture(capture, tmp_path / "c.nc")
    with xr.open_dataset(tmp_path / "c.nc", engine="h5netcdf") as back:
        assert back.activity.dtype == np.int8 and back.activity.attrs["flag_values"].dtype == np.int8
        xr.testing.assert_equal(back.activity.load(), capture.activity)
    # The capture itself was not touched.
    assert capture.activity.attrs["flag_values"] == list(range(-1, len(ACTIVITIES)))
