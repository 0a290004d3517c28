"""Pictures follow the controls, and what a control leaves as it is stays."""

from __future__ import annotations

import base64
import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

import isacsim
from isacsim.cli import app
from isacsim.errors import InputError
from isacsim.explorer.controls import MOST_POINTS, Controls, Point, explored, initial, ranges
from isacsim.explorer.export import exported
from isacsim.explorer.live import LiveModel
from isacsim.scenario.catalogue import load_scenario
from isacsim.simulation.realisation import realise

EVERYTHING = {"simulation", "conditioning", "spectrum", "spectrogram", "peaks", "truth"}


def values(packed):
    return np.frombuffer(base64.b64decode(packed["data"]), "<f4").reshape(packed["shape"])


def moved(controls: Controls, **changes: float) -> Controls:
    """Controls whose first target moves otherwise."""
    first, *rest = controls.points or []
    return controls.model_copy(update={"points": [first.model_copy(update=changes), *rest]})


@pytest.fixture(scope="module")
def base():
    return load_scenario("explore")


@pytest.fixture(scope="module")
def controls(base):
    return initial(base)[0]


def test_the_explorers_own_scenario_is_small(base):
    assert (base.radio.antennas, base.radio.n_subcarriers, base.radio.packets) == ((4, 1), 32, 512)


def test_controls_begin_as_the_scenario_draws(base):
    controls, points = initial(base, seed=5)
    drawn = realise(base, seed=5)
    assert controls.seed == 5 and controls.antennas == [4, 1] and controls.snr_db == 15
    assert len(points) == MOST_POINTS and controls.points == points[: drawn.n_targets]
    # Rounded to two digits.
    for n, point in enumerate(controls.points):
        assert point.velocity_m_s == pytest.approx(drawn.kinematics[1, 0, n], abs=0.0051)
        assert point.amplitude == pytest.approx(drawn.amplitude[n], abs=0.0051)
    for name, (least, most, step) in ranges(base, points).items():
        assert all(least <= getattr(point, name) <= most for point in points) and step > 0


@pytest.mark.parametrize("name", ["walker", "uav"])
def test_bodies_stay_as_the_scenario_draws_them(name):
    scenario = load_scenario(name)
    controls, _ = initial(scenario)
    assert controls.points is None
    assert explored(scenario, controls)[0].targets == scenario.targets


@pytest.mark.parametrize(
    ("change", "made"),
    [
        ({"acceleration_m_s2": 1.5}, EVERYTHING),
        ({}, set()),
        ({"window": "hamming"}, EVERYTHING - {"simulation", "conditioning"}),
        ({"combine": "coherent"}, EVERYTHING - {"simulation", "conditioning"}),
        ({"snr_db": 3.0}, EVERYTHING),
        ({"packets": 256}, EVERYTHING),
        ({"antennas": [2, 2]}, EVERYTHING),
    ],
)
def test_a_change_makes_anew_what_depends_on_it_and_no_more(base, controls, change, made):
    model = LiveModel()
    before = model.picture(base, controls)
    assert set(before["made"]) == EVERYTHING
    points = {name: value for name, value in change.items() if name in Point.model_fields}
    changed = moved(controls, **points) if points else controls.model_copy(update=change)
    after = model.picture(base, changed)
    assert set(after["made"]) == made
    assert (after["spectrum"]["values"] != before["spectrum"]["values"]) == bool(made)


def test_static_part_and_noise_stay_while_a_target_moves(base, controls):
    model = LiveModel()
    other = moved(controls, velocity_m_s=-2.0, jerk_m_s3=11.0)
    two = [(model.capture(base, c), explored(base, c)[0]) for c in (controls, other)]
    rest = [
        capture.csi.values - realise(scenario, seed=controls.seed).each_path(capture.time.values).sum(axis=1)
        for capture, scenario in two
    ]
    # Static part and noise are what is left of both: sums of complex64 of about 30, each rounded by 2^-24 of it.
    assert np.abs(rest[0]).std() > 0.1
    np.testing.assert_allclose(rest[0], rest[1], atol=10 * 30 * 2**-24)
    assert np.abs(two[0][0].csi.values - two[1][0].csi.values).max() > 0.1


def test_marks_lie_on_the_true_targets(base, controls):
    one = controls.model_copy(update={"points": controls.points[:1], "snr_db": 30.0})
    model = LiveModel()
    picture, found = model.picture(base, one), model.estimate(base, one)
    point = one.points[0]
    (truth,) = picture["truth"]
    assert truth["acceleration"] == pytest.approx(point.acceleration_m_s2)
    assert truth["velocity"] == pytest.approx(point.velocity_m_s)
    # The strongest peak lies within half a bin of the truth, 16 m/s² and 80 m/s³ over 63 bins.
    peak = picture["peaks"][0]
    assert abs(peak["acceleration"] - truth["acceleration"]) < 8 / 63
    assert abs(peak["jerk"] - truth["jerk"]) < 40 / 63
    (path,) = found["paths"]
    for name in ("velocity", "acceleration", "jerk"):
        assert path[name] == pytest.approx(truth[name], abs=0.05)
    power = values(picture["doppler"]["values"])
    middle = power[:, power.shape[1] // 2]
    # A bin of the Hann window of 64 packets at 500/s, twice padded, is 0.2 m/s.
    assert abs(picture["doppler"]["velocity"][int(middle.argmax())] - truth["velocity"]) < 0.2


def test_self_terms_show_the_truth_alone(base, controls):
    model = LiveModel()
    received, clean = model.picture(base, controls), model.picture(base, controls, clean=True)
    assert clean["made"] == ["self-terms"]
    assert clean["peaks"] == received["peaks"]
    silent = controls.model_copy(update={"points": []})
    assert values(model.picture(base, silent, clean=True)["spectrum"]["values"]).max() == 0
    assert values(clean["spectrum"]["values"]).max() > 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"packets": 8}, "radio.packets is 8"),
        (
            {
                "points": [
                    Point(path_length_m=-1, velocity_m_s=0, acceleration_m_s2=0, jerk_m_s3=0, amplitude=1)
                ]
            },
            "path_length_m",
        ),
        ({"seed": -1}, "seed"),
    ],
)
def test_controls_that_cannot_be_are_refused_by_name(base, controls, change, why):
    with pytest.raises((InputError, ValidationError), match=why):
        LiveModel().picture(base, controls.model_copy(update=change))


def test_csi_that_is_too_much_is_refused_before_it_is_made():
    scenario = load_scenario("default")
    controls = initial(scenario)[0].model_copy(update={"antennas": [16, 16]})
    with pytest.raises(InputError, match=r"256 antenna pairs, .* the explorer takes at most 16777216"):
        LiveModel().capture(scenario, controls)


def test_antennas_that_have_a_plan_of_their_own_stay():
    scenario = load_scenario("lab_siso")
    controls, _ = initial(scenario)
    assert controls.antennas is None
    with pytest.raises(InputError, match="antennas cannot be changed: the scenario has several receivers"):
        explored(scenario, controls.model_copy(update={"antennas": [2, 1]}))


EXPORTED = [
    ("explore", {}),
    ("explore", {"antennas": [2, 2], "window": "hamming", "lag_window": "none", "packets": 480, "seed": 4}),
    ("explore", {"snr_db": 9.5}),
    ("explore", {"combine": "coherent"}),
    ("explore", {"combine": "delay", "points": []}),
    ("default", {"antennas": [1, 2], "combine": "resolved"}),
    ("lab_siso", {"packets": 512}),
    ("walker", {"packets": 512}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change"), EXPORTED)
def test_the_program_makes_the_same_bits(name, change, tmp_path, capsys):
    scenario = load_scenario(name)
    controls = initial(scenario)[0].model_copy(update=change)
    model = LiveModel()
    picture, capture = model.picture(scenario, controls), model.capture(scenario, controls)
    made = exported(scenario, controls, name)
    assert max(map(len, made["python"].splitlines())) <= 130
    namespace: dict[str, object] = {}
    exec(compile(made["python"], "exported.py", "exec"), namespace)
    np.testing.assert_array_equal(namespace["capture"].csi.values, capture.csi.values)
    np.testing.assert_array_equal(namespace["spectrum"].values, values(picture["spectrum"]["values"]))
    np.testing.assert_array_equal(namespace["doppler"].values, values(picture["doppler"]["values"]))
    assert "spectrum {'acceleration': 64, 'jerk': 64}" in capsys.readouterr().out
    # So does the file.
    file = tmp_path / f"{made['name']}.yaml"
    file.write_text(made["yaml"], encoding="utf-8")
    checked = CliRunner().invoke(app, ["scenarios", "check", str(file)])
    assert checked.exit_code == 0 and "valid" in checked.output
    np.testing.assert_array_equal(isacsim.simulate(file).csi.values, capture.csi.values)


def test_the_program_of_a_file_runs_in_its_folder(shown_folder):
    scenario = load_scenario(shown_folder / "rooms" / "mine.yaml")
    made = exported(scenario, initial(scenario)[0], "rooms/mine.yaml")
    run = subprocess.run(
        [sys.executable, "-c", made["python"]], cwd=shown_folder, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "<Scenario 'mine_explored': 4 targets" in run.stdout
