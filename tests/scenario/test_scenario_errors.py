"""Errors in scenarios name file, line, field, value and what is allowed."""

from __future__ import annotations

import pytest
from pydantic_core import ValidationError

from isacsim import InputError, load_scenario
from isacsim.scenario.model import Scenario
from tests.scenario.scenario_text import TEXT


def test_unknown_names_and_files():
    with pytest.raises(InputError, match=r"'defalt'; did you mean default.*corridor_siso, default") as caught:
        load_scenario("defalt")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"nowhere\.yaml: No such file"):
        load_scenario("nowhere.yaml")


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
    ("carrier_hz: 5.8e9", "carrier_hz: 1e3", "radio.carrier_hz", 4, ["1000", "1e+08", "radio frequencies"]),
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
        ["20 packets/s", "unambiguous", "spectrum.acceleration_max_m_s2", "spectrum.jerk_max_m_s3"],
    ),
    ("packets: 256", "packets: many", "radio.packets", 8, ["valid integer, at least 32 and at most 1e+06"]),
    ("packet_rate_hz: 1000", "packet_rate_hz: []", "radio.packet_rate_hz", 7, ["number, at least 0.001"]),
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
    ("dataset:", "snr_db: -1e4\ndataset:", "snr_db", 21, ["-10000", "at least -200 and at most 200 dB"]),
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
