"""Scenarios: shipped ones, exact round trips, and errors that name file, line, field and what is allowed."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import ValidationError

from isacsim import InputError, load_scenario
from isacsim import scenario as scenario_module
from isacsim.distribution import Choice, LogNormal, Normal, Uniform, draw, support
from isacsim.scenario import Scenario, list_scenarios, scenario_json_schema

SHIPPED = [
    "cdl_array",
    "corridor",
    "corridor_rt",
    "default",
    "empty_room",
    "factory",
    "fall",
    "hall",
    "hall_rt",
    "intel5300",
    "lab",
    "lab_echoes",
    "lab_rt",
    "office",
    "phases",
    "randomised",
    "single_target",
    "street",
    "tdl",
    "tgn_home",
    "uav",
    "uav_umi",
    "vehicle",
    "vehicle_umi",
    "walker",
]
TEXT = """\
name: test
description: a small scenario
radio:
  carrier_hz: 5.8e9
  bandwidth_hz: 80e6
  subcarriers: 16
  packet_rate_hz: 1000
  packets: 256
  transmitter_m: [0, 0, 1]
  receivers:
    - {name: rx, position_m: [2, 0, 1]}
environment:
  kind: rayleigh
  delay_spread_ns: 30
targets:
  count: {min: 1, max: 3}
  template:
    motion:
      kind: kinematics
      path_length_m: {uniform: [3, 15]}
dataset:
  n_samples: 10
"""


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_scenarios_load_and_round_trip(name):
    scenario = load_scenario(name)
    assert scenario.name == name
    text = scenario.to_yaml()
    again = Scenario.from_yaml(text)
    assert again == scenario
    assert again.to_yaml() == text
    assert again.fingerprint() == scenario.fingerprint()


def test_listing_names_every_shipped_scenario_with_one_line():
    listed = list_scenarios()
    assert list(listed) == SHIPPED
    assert all(line and "\n" not in line for line in listed.values())
    assert listed["fall"] == load_scenario("fall").description


def test_fingerprints_differ_between_scenarios_and_ignore_what_decides_no_sample():
    assert len({load_scenario(name).fingerprint() for name in SHIPPED}) == len(SHIPPED)
    base = Scenario.from_yaml(TEXT)
    same = Scenario.from_yaml(TEXT.replace("a small", "one small").replace("n_samples: 10", "n_samples: 20"))
    assert base.fingerprint() == same.fingerprint()
    for old, new in (
        ("packets: 256", "packets: 257"),
        ("n_samples: 10", "per_class: {1: 5, 2: 5}"),
        ("[3, 15]", "[3, 16]"),
    ):
        assert Scenario.from_yaml(TEXT.replace(old, new)).fingerprint() != base.fingerprint()


def test_path_loads_like_a_name(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(load_scenario("lab").to_yaml(), encoding="utf-8")
    assert load_scenario(path) == load_scenario(str(path)) == load_scenario("lab")


def test_package_folder_wins_where_there_is_one(tmp_path, monkeypatch):
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "test.yaml").write_text(TEXT, encoding="utf-8")
    monkeypatch.setattr(scenario_module, "__file__", str(tmp_path / "scenario.py"))
    assert list_scenarios() == {"test": "a small scenario"}


def test_unknown_names_and_files():
    with pytest.raises(InputError, match=r"'defalt'; did you mean default.*corridor_rt, default") as caught:
        load_scenario("defalt")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"nowhere\.yaml: No such file"):
        load_scenario("nowhere.yaml")


def test_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        Scenario.from_yaml(TEXT).seed = 3


BOMB = "a0: &a0 x\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12))

# Each case: what to replace in TEXT, by what, the field named, its line, and words of the message.
CASES = [
    ("packets: 256", "packets: 3", "radio.packets", 8, ["is 3", "greater than or equal to 32"]),
    ("packets: 256", "packet: 256", "radio.packet", 8, ["did you mean packets?", "transmitter_m"]),
    ("  packets: 256\n", "", "radio.packets", 3, ["missing", "Packets in one window"]),
    ("packets: 256", 'packets: "256"', "radio.packets", 8, ["'256'", "integer"]),
    ("packets: 256", "packets: true", "radio.packets", 8, ["True", "integer"]),
    ("carrier_hz: 5.8e9", "carrier_hz: .nan", "radio.carrier_hz", 4, ["nan", "finite"]),
    ("carrier_hz: 5.8e9", "carrier_hz: -.inf", "radio.carrier_hz", 4, ["-inf", "must be"]),
    ("carrier_hz: 5.8e9", "carrier_hz: 1e3", "radio.carrier_hz", 4, ["lowest subcarrier", "above 0 Hz"]),
    ("subcarriers: 16", "subcarriers: [1, 2]", "radio.subcarrier_spacing_hz", 3, ["needs it"]),
    (
        "subcarriers: 16",
        "subcarriers: [2, 1]\n  subcarrier_spacing_hz: 1e5",
        "radio.subcarriers",
        6,
        ["strictly increasing"],
    ),
    (
        "subcarriers: 16",
        "subcarriers: 16\n  subcarrier_spacing_hz: 1e7",
        "radio.subcarrier_spacing_hz",
        7,
        ["1.5e+08 Hz", "8e+07 Hz"],
    ),
    ("[2, 0, 1]", "[0, 0, 1]", "radio.receivers.0.position_m", 11, ["'rx'", "at the transmitter"]),
    ("[2, 0, 1]", "[2, 0]", "radio.receivers.0.position_m.2", 11, ["missing"]),
    ("{name: rx,", "{name: rx, role: reference,", "radio.receivers", 10, ["surveillance"]),
    ("{name: rx,", "{name: rx, role: refrence,", "radio.receivers.0.role", 11, ["'refrence'", "'reference'"]),
    ("kind: rayleigh", "kind: rayleig", "environment.kind", 13, ["did you mean rayleigh?", "two_ray"]),
    ("kind: rayleigh", "power_db: 3", "environment.kind", 12, ["missing", "two_ray"]),
    ("delay_spread_ns: 30", "delay_spread_ns: 0", "environment.delay_spread_ns", 14, ["greater than 0"]),
    ("delay_spread_ns: 30", "delay_spred_ns: 3", "environment.delay_spred_ns", 14, ["mean delay_spread_ns?"]),
    ("max: 3", "max: 0", "targets.count.max", 16, ["at least 1"]),
    ("max: 3", "max: 3, weights: [1]", "targets.count.weights", 16, ["3 entries"]),
    ("  count: {min: 1, max: 3}\n", "", "targets", 15, ["either fixed", "count and template"]),
    ("[3, 15]", "[15, 3]", "targets.template.motion.path_length_m", 20, ["lower bound first"]),
    ("[3, 15]", "[-3, 15]", "targets.template.motion.path_length_m", 20, ["greater than 0", "from -3 to 15"]),
    ("{uniform:", "{unifrm:", "targets.template.motion.path_length_m", 20, ["uniform: [lo, hi]"]),
    ("{uniform:", "{normal:", "targets.template.motion.path_length_m", 20, ["reaches from -inf"]),
    ("[3, 15]", "[3, a]", "targets.template.motion.path_length_m.uniform.1", 20, ["'a'", "number"]),
    ("n_samples: 10", "per_class: {1: 3, 9: 4}", "dataset.per_class.9", 22, ["9 targets", "1 to 3"]),
    ("n_samples: 10", "n_samples: 2\n  per_class: {1: 3}", "dataset.n_samples", 22, ["adds up to 3"]),
    (
        "dataset:",
        "spectrum: {jerk_max_m_s3: 1e5}\ndataset:",
        "spectrum.jerk_max_m_s3",
        21,
        ["unambiguous up to", "m/s²"],
    ),
    # The default axes are not in the file: what is wrong there is the packet rate.
    (
        "packet_rate_hz: 1000",
        "packet_rate_hz: 20",
        "radio.packet_rate_hz",
        7,
        ["20 packets/s", "unambiguous"],
    ),
    ("packets: 256", "packets: many", "radio.packets", 8, ["valid integer, at least 32 and at most 1e+06"]),
    ("packet_rate_hz: 1000", "packet_rate_hz: []", "radio.packet_rate_hz", 7, ["number, greater than 0"]),
    (
        "delay_spread_ns: 30",
        "delay_spread_ns: x",
        "environment.delay_spread_ns",
        14,
        ["[values], greater than 0"],
    ),
    (
        "environment:\n  kind: rayleigh\n  delay_spread_ns: 30",
        "environment: none",
        "environment",
        12,
        ["kind: none"],
    ),
    ("dataset:", "impairments: 3\ndataset:", "impairments", 21, ["is 3", "a mapping with noise, cfo"]),
    ("dataset:", "snr_db: -1e4\ndataset:", "snr_db", 21, ["-10000", "between -200 and 200 dB"]),
    ("dataset:", "snr_db: {normal: [15, 50]}\ndataset:", "snr_db", 21, ["200 dB", "from -485 to 515"]),
    ("kind: rayleigh", "kind: rayleigh\n  power_db: 1e5", "environment.power_db", 14, ["200 dB"]),
    ("{name: rx,", "{name: rx, static_gain_db: 1e5,", "radio.receivers.0.static_gain_db", 11, ["200 dB"]),
    (
        "dataset:",
        "spectrum: {lag_ratio: 0.499}\ndataset:",
        "spectrum.lag_ratio",
        21,
        ["lag of 128 of 256 packets"],
    ),
    (
        "dataset:",
        "impairments: {sto: {offset_ns: 3, jitter_ns: {uniform: [-1, 2]}}}\ndataset:",
        "impairments.sto.jitter_ns",
        21,
        ["at least 0", "from -1 to 2"],
    ),
    (
        "dataset:",
        "impairments: {loss: {fraction: 1}}\ndataset:",
        "impairments.loss.fraction",
        21,
        ["less than 1"],
    ),
    (
        "dataset:",
        "impairments: {quantisation: {bits: 17}}\ndataset:",
        "impairments.quantisation.bits",
        21,
        ["at least 2 and at most 16"],
    ),
    ("dataset:", 'impairments: {noise: "no"}\ndataset:', "impairments.noise", 21, ["boolean"]),
    ("name: test", "name: a/b", "name", 1, ["'a/b'"]),
]


@pytest.mark.parametrize(
    ("old", "new", "field", "line", "words"), CASES, ids=[f"{c[2]}-{c[1]}" for c in CASES]
)
def test_errors_name_file_line_field_value_and_what_is_allowed(old, new, field, line, words):
    assert TEXT.count(old) >= 1
    with pytest.raises(ValidationError) as caught:
        Scenario.from_yaml(TEXT.replace(old, new, 1), file="some.yaml")
    errors = {error["ctx"]["field"]: error for error in caught.value.errors()}
    assert field in errors, list(errors)
    message = errors[field]["msg"]
    assert message.startswith(f"some.yaml, line {line}: ")
    assert field in message
    assert errors[field]["ctx"]["line"] == line
    for word in words:
        assert word in message
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("motion", "field", "words"),
    [
        ("kind: trajectory, position_m: [1, 1, 1]", "velocity_m_s", "or give speed_m_s"),
        ("kind: trajectory, position_m: [1, 1, 1], speed_m_s: 1", "speed_m_s", "needs heading_deg"),
        (
            "kind: trajectory, position_m: [1, 1, 1], speed_m_s: 1, heading_deg: 0, velocity_m_s: [1, 0, 0]",
            "velocity_m_s",
            "not both",
        ),
        ("kind: trajectory, position_m: [0, 0, 1], velocity_m_s: [1, 0, 0]", "position_m", "the transmitter"),
        ("kind: trajectory, position_m: [2, 0, 1], velocity_m_s: [1, 0, 0]", "position_m", "receiver 'rx'"),
        (
            "kind: waypoints, times_s: [-1, 0], positions_m: [[1,1,1],[2,1,1]]",
            "times_s",
            "enclose the window",
        ),
        (
            "kind: waypoints, times_s: [1, 0], positions_m: [[1,1,1],[2,1,1]]",
            "times_s",
            "strictly increasing",
        ),
        ("kind: waypoints, times_s: [-1, 0, 1], positions_m: [[1,1,1],[2,1,1]]", "positions_m", "match"),
        (
            "kind: oscillation, position_m: [1,1,1], axis: [0,0,0], amplitude_m: 1, frequency_hz: 1",
            "axis",
            "must have a length",
        ),
    ],
)
def test_motions_are_checked(motion, field, words):
    text = TEXT.replace("count: {min: 1, max: 3}\n  template:", "fixed:\n   -")
    text = text.replace(
        "      kind: kinematics\n      path_length_m: {uniform: [3, 15]}\n", f"      {{{motion}}}\n"
    )
    with pytest.raises(ValidationError) as caught:
        Scenario.from_yaml(text)
    (error,) = caught.value.errors()
    assert error["ctx"]["field"] == f"targets.fixed.0.motion.{field}"
    assert error["ctx"]["line"] in (18, 19)
    assert words in error["msg"]


@pytest.mark.parametrize(
    ("surface", "ok"),
    [
        ("{kind: floor}", True),
        ("{kind: floor, height_m: 1}", False),
        ("{kind: wall, point_m: [1, 0, 0], normal: [1, 0, 0]}", False),
        ("{kind: wall, point_m: [0, 3, 0], normal: [0, 1, 0]}", True),
        ("{kind: wall, point_m: [0, 3, 0], normal: [0, 0, 0]}", False),
    ],
)
def test_reflector_must_not_separate_the_antennas(surface, ok):
    text = TEXT.replace("kind: rayleigh\n  delay_spread_ns: 30", f"kind: two_ray\n  surface: {surface}")
    if ok:
        Scenario.from_yaml(text)
    else:
        with pytest.raises(ValidationError, match=r"line 14: environment\.surface"):
            Scenario.from_yaml(text)


def test_several_errors_are_told_at_once():
    text = TEXT.replace("packets: 256", "packets: 3").replace("kind: rayleigh", "kind: x")
    with pytest.raises(ValidationError) as caught:
        Scenario.from_yaml(text)
    assert [e["ctx"]["line"] for e in caught.value.errors()] == [8, 13]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "f.yaml: empty"),
        ("# only a comment\n", "f.yaml: empty"),
        ("- a\n- b\n", "f.yaml, line 1: .* not a list"),
        ("\n3\n", "f.yaml, line 2: .* not a single value"),
        ("a: 1\nb: {~: 3}\n", "f.yaml, line 2: ~ .null. stands where the name of a field should"),
        ("a: 1\n? \n: 3\n", "f.yaml, line 2: nothing .null. stands"),
        ("a: 1\nb: [1, 2\nc: 3\n", "f.yaml, line 3: not valid YAML"),
        ("a: 1\nb: {c: 1,\n c: 2}\n", "f.yaml, line 3: 'c' is given twice"),
        ("a: 1\nb: !!python/object:os.system x\n", "f.yaml, line 2: not valid YAML"),
        ("a: 1\n---\nb: 2\n", "f.yaml, line 2: not valid YAML"),
        ("a: 1\nb: *c\n", "f.yaml, line 2: not valid YAML"),
        ("a: " + "9" * 5000, "f.yaml, line 1: not valid YAML"),
        ("[" * 5000, "f.yaml: nested too deeply"),
        ("a: &a [*a]", "f.yaml: over 100000 entries"),
        (BOMB, "f.yaml: over 100000 entries"),
        ("a: \x00", "f.yaml: not valid YAML"),
        ("? [1]\n: 2\n", "f.yaml, line 1: not valid YAML"),
    ],
    ids=lambda value: value[:20],
)
def test_files_that_are_no_mapping_are_input_errors(text, match):
    with pytest.raises(InputError, match=match) as caught:
        Scenario.from_yaml(text, file="f.yaml")
    assert "\n" not in str(caught.value)


def test_binary_file_and_folder(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"name: \xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        load_scenario(path)
    with pytest.raises(InputError, match="directory"):
        load_scenario(tmp_path)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("80e6", 80e6),
        ("80E+6", 80e6),
        ("8.0e7", 80e6),
        ("80_000_000", 80e6),
        ("080000000", 80e6),
        (".8e8", 80e6),
    ],
)
def test_numbers_are_read_as_people_write_them(written, value):
    # PyYAML's own rules (YAML 1.1) read 80e6 as text and a leading zero as octal.
    scenario = Scenario.from_yaml(TEXT.replace("bandwidth_hz: 80e6", f"bandwidth_hz: {written}"))
    assert scenario.radio.bandwidth_hz == value
    assert type(scenario.radio.bandwidth_hz) is float


def test_anchors_and_merges_work_and_keep_their_lines():
    text = TEXT.replace("count:", "count: &c").replace("dataset:\n  n_samples: 10", "movers: []")
    assert Scenario.from_yaml(text).targets.counts == (1, 2, 3)
    merged = TEXT.replace(
        "    - {name: rx, position_m: [2, 0, 1]}",
        "    - &rx {name: rx, position_m: [2, 0, 1]}\n    - {<<: *rx, name: b, role: bad}",
    )
    with pytest.raises(ValidationError, match=r"line 12: radio\.receivers\.1\.role"):
        Scenario.from_yaml(merged)


def test_axes_limit_is_the_packet_rates():
    # kappa (a + r T_R / 2) <= rate / 2 with the rounded lag; at 0.001 % below it is allowed, above refused
    radio = Scenario.from_yaml(TEXT).radio
    lag = round(0.089 * 256)
    kappa = 2 * lag * radio.frequency_hz.max() / (299792458 * 1000)
    limit = 500 / kappa - 40 * (256 - 2 * lag - 1) / 1000 / 2
    for factor in (1 - 1e-5, 1 + 1e-5):
        text = TEXT.replace("dataset:", f"spectrum: {{acceleration_max_m_s2: {limit * factor}}}\ndataset:")
        if factor < 1:
            Scenario.from_yaml(text)
        else:
            with pytest.raises(ValidationError, match=f"unambiguous up to {500 / kappa:.4g} m/s²"):
                Scenario.from_yaml(text)


def test_radio_grids():
    radio = load_scenario("default").radio
    assert radio.n_subcarriers == radio.frequency_hz.size == 256
    assert radio.frequency_hz[128] == 5.805e9
    assert np.allclose(np.diff(radio.frequency_hz), 80e6 / 256)
    assert radio.time_s.size == 1024
    assert radio.time_s[0] == -radio.time_s[-1] == -0.5115
    assert radio.time_s.sum() == 0
    assert math.isclose(radio.wavelength_m, 0.05164, rel_tol=1e-4)
    intel = load_scenario("intel5300").radio
    assert intel.n_subcarriers == 30
    assert intel.frequency_hz[0] == 5.32e9 - 28 * 312.5e3
    odd = Scenario.from_yaml(TEXT.replace("subcarriers: 16", "subcarriers: 5")).radio
    assert np.array_equal(odd.frequency_hz, 5.8e9 + np.arange(-2, 3) * 16e6)


def test_counts_and_classes():
    lab = load_scenario("lab")
    assert lab.dataset.per_class == {3: 1800, 4: 1600, 5: 1400, 6: 1200, 7: 1000}
    assert lab.dataset.n_samples == 7000
    assert lab.targets.counts == (3, 4, 5, 6, 7)
    assert len(lab.targets.configs(5)) == 5
    rng = np.random.default_rng(0)
    assert {lab.targets.draw_count(rng) for _ in range(200)} == {3, 4, 5, 6, 7}
    weighted = Scenario.from_yaml(TEXT.replace("max: 3", "max: 3, weights: [0, 1, 0]"))
    assert {weighted.targets.draw_count(rng) for _ in range(20)} == {2}
    assert load_scenario("empty_room").targets.draw_count(rng) == 0


finite = st.floats(-1e6, 1e6)
distributions = st.one_of(
    finite,
    st.tuples(finite, finite).map(lambda p: Uniform(uniform=tuple(sorted(p)))),
    st.tuples(finite, st.floats(0, 1e3)).map(lambda p: Normal(normal=p)),
    st.tuples(st.floats(-5, 5), st.floats(0, 2)).map(lambda p: LogNormal(lognormal=p)),
    st.lists(finite, min_size=1, max_size=5).map(lambda v: Choice(choice=tuple(v))),
)


@settings(deadline=None)
@given(distributions, st.integers(0, 2**32 - 1))
def test_draws_lie_in_the_support_and_repeat(value, seed):
    lo, hi = support(value)
    first, again = (draw(value, np.random.default_rng(seed)) for _ in range(2))
    assert type(first) is float
    assert first == again
    assert lo <= first <= hi or first == pytest.approx(lo, rel=1e-12)


@settings(deadline=None)
@given(distributions, st.floats(1e-12, 1e12), st.integers(0, 2**70))
def test_any_numbers_round_trip_exactly(offset, power, seed):
    data = Scenario.from_yaml(TEXT).model_dump() | {
        "impairments": {"cfo": {"offset_hz": offset}},
        "seed": seed,
    }
    data["environment"]["delay_spread_ns"] = np.float64(power)
    scenario = Scenario.model_validate(data)
    assert Scenario.from_yaml(scenario.to_yaml()) == scenario


def test_distributions_draw_what_they_say():
    rng = np.random.default_rng(1)

    def many(value):
        return np.array([draw(value, rng) for _ in range(4000)])

    assert many(Uniform(uniform=(2, 4))).mean() == pytest.approx(3, abs=0.05)
    assert many(Normal(normal=(1, 2))).std() == pytest.approx(2, rel=0.05)
    assert np.log(many(LogNormal(lognormal=(0.5, 0.3)))).mean() == pytest.approx(0.5, abs=0.03)
    assert set(many(Choice(choice=(1, 5)))) == {1.0, 5.0}
    before = rng.bit_generator.state
    assert draw(3.5, rng) == 3.5
    assert rng.bit_generator.state == before


def test_json_schema_describes_every_field():
    schema = scenario_json_schema()
    json.dumps(schema)
    for model in (schema, *schema["$defs"].values()):
        assert model["additionalProperties"] is False
        for name, field in model["properties"].items():
            assert field.get("description") or field.get("$ref"), (model["title"], name)
    radio = schema["$defs"]["Radio"]["properties"]
    assert "Hz" in radio["carrier_hz"]["description"]


def test_importing_the_package_stays_light():
    code = (
        "import sys, isacsim; print([m for m in ('pydantic', 'numba', 'xarray', 'yaml') if m in sys.modules])"
    )
    root = str(Path(scenario_module.__file__).parent.parent)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "[]"
