"""Scenarios: shipped ones, exact round trips, what their numbers mean, and their schema."""

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

from isacsim import load_scenario
from isacsim.scenario import catalogue as scenario_module
from isacsim.scenario.catalogue import list_scenarios, scenario_json_schema
from isacsim.scenario.chance import draw
from isacsim.scenario.model import Scenario
from isacsim.scenario.numbers import Choice, LogNormal, Normal, Uniform, support
from tests.scenario.scenario_text import TEXT

SHIPPED = [
    "activity_fall",
    "activity_sit",
    "activity_still",
    "activity_walk",
    "cdl_array",
    "corridor",
    "corridor_cubic",
    "corridor_rt",
    "corridor_siso",
    "default",
    "empty_room",
    "explore",
    "factory",
    "fall",
    "hall",
    "hall_cubic",
    "hall_rt",
    "hall_siso",
    "intel5300",
    "lab",
    "lab_cubic",
    "lab_echoes",
    "lab_rt",
    "lab_siso",
    "office",
    "people_corridor",
    "people_hall",
    "people_lab",
    "phases",
    "points_1x1",
    "points_3x1",
    "points_4x1",
    "points_4x4",
    "randomised",
    "single_target",
    "street",
    "stroll",
    "tdl",
    "tgn_home",
    "uav",
    "uav_umi",
    "vehicle",
    "vehicle_umi",
    "walker",
]


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
    monkeypatch.setattr(scenario_module, "__file__", str(tmp_path / "scenario" / "catalogue.py"))
    assert list_scenarios() == {"test": "a small scenario"}


def test_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        Scenario.from_yaml(TEXT).seed = 3


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
@given(distributions, st.floats(1e-6, 1e6), st.integers(0, 2**63 - 1))
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
    root = str(Path(scenario_module.__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "[]"
