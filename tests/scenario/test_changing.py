"""Scenarios with some of their fields changed, and everything that is wrong said at once."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic_core import ValidationError

from isacsim import InputError, generate, load_scenario, simulate
from isacsim.scenario.catalogue import list_scenarios
from isacsim.scenario.changing import parse_settings
from isacsim.scenario.model import Scenario
from isacsim.scenario.numbers import Uniform


@pytest.mark.parametrize("name", list_scenarios())
def test_no_change_is_the_same_scenario(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.with_() == scenario
    assert scenario.with_().fingerprint() == scenario.fingerprint()


def test_a_mapping_changes_the_fields_it_names() -> None:
    scenario = load_scenario("default")
    changed = scenario.with_(snr_db=20, radio={"packets": 512})
    assert (changed.snr_db, changed.radio.packets) == (20.0, 512)
    kept = changed.radio.model_dump(exclude={"packets"})
    assert kept == scenario.radio.model_dump(exclude={"packets"})
    assert scenario.radio.packets == 1024
    assert changed.fingerprint() != scenario.fingerprint()


def test_a_distribution_is_replaced_not_merged() -> None:
    changed = load_scenario("default").with_(snr_db={"normal": [10, 2]}).with_(snr_db=Uniform(uniform=(1, 2)))
    assert changed.snr_db == Uniform(uniform=(1.0, 2.0))
    assert load_scenario("default").with_(snr_db=np.float64(3)).snr_db == 3.0


def test_another_kind_replaces_a_section() -> None:
    changed = load_scenario("default").with_(environment={"kind": "none"})
    assert changed.environment.model_dump() == {"kind": "none"}


def test_dotted_names_reach_into_lists() -> None:
    scenario = load_scenario("lab_siso")
    changed = scenario.with_(**{"radio.receivers.0.name": "north"})
    assert changed.radio.receivers[0].name == "north"
    assert changed.radio.receivers[1:] == scenario.radio.receivers[1:]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"snr_d": 20}, "snr_d is not a field; did you mean snr_db"),
        ({"radio": {"packets": 3}}, "default with radio: radio.packets is 3"),
        ({"radio.packets.x": 3}, "radio.packets is 1024, which has no fields"),
        ({"radio.receivers.7.name": "a"}, "entries are 0 to 0"),
        ({"snr_db": {1, 2}}, "snr_db must be a number, a text, a list or a mapping"),
    ],
)
def test_what_cannot_be_changed_is_named(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words.replace(".", r"\.")):
        load_scenario("default").with_(**change)


def test_settings_are_yaml() -> None:
    assert parse_settings(["snr_db=20", "radio.carrier_hz=80e6", "snr_db={uniform: [1, 2]}"]) == {
        "snr_db": {"uniform": [1, 2]},
        "radio.carrier_hz": 80e6,
    }
    for bad in ("snr_db", "=3", "snr_db=", "snr_db=[1"):
        with pytest.raises(InputError, match="--set"):
            parse_settings([bad])


def test_all_errors_of_a_file_are_told() -> None:
    text = load_scenario("default").to_yaml()
    wrong = text.replace("packets: 1024", "packets: 3").replace("count:", "cuont:")
    with pytest.raises(ValidationError) as caught:
        Scenario.from_yaml(wrong, file="x.yaml")
    fields = {error["ctx"]["field"] for error in caught.value.errors()}
    assert {"radio.packets", "targets.cuont"} <= fields


def test_checks_between_sections_are_told_together() -> None:
    scenario = load_scenario("default")
    with pytest.raises(ValidationError) as caught:
        scenario.with_(spectrum={"jerk_max_m_s3": 1e6}, dataset={"n_samples": 5, "per_class": {9: 5}})
    fields = [error["ctx"]["field"] for error in caught.value.errors()]
    assert fields == ["spectrum.jerk_max_m_s3", "dataset.per_class.9"]


def test_yaml_keys_that_are_wrong_are_told_together() -> None:
    with pytest.raises(InputError, match=r"line 2: 'name'.*\n.*line 3: 'name'"):
        Scenario.from_yaml("name: a\nname: b\nname: c\n")


def test_simulate_and_generate_take_names(tmp_path: object) -> None:
    scenario = load_scenario("default")
    named, passed = simulate("default"), simulate(scenario, seed=scenario.seed)
    assert named.identical(passed)
    made = generate("default", f"{tmp_path}/a.zarr", n_samples=1, workers=1, progress=False)
    assert int(made.seed[0]) == scenario.seed
    with pytest.raises(InputError, match="no scenario named 'nowhere'"):
        simulate("nowhere")
    with pytest.raises(InputError, match=r"shipped name, a \.yaml file's path or a Scenario; got 3"):
        generate([3], f"{tmp_path}/b.zarr")  # type: ignore[list-item]


def test_a_scenario_introduces_itself() -> None:
    scenario = load_scenario("default").with_(description="<b>bold</b>")
    assert repr(scenario) == str(scenario)
    assert "3 to 7 targets" in repr(scenario)
    assert len(repr(scenario)) < 150
    assert "&lt;b&gt;" in scenario._repr_html_()
    assert "<b>bold" not in scenario._repr_html_()
