"""What a scenario's numbers can be: every field has limits, and what is beyond them is refused by name."""

import os

import pytest
from pydantic import ValidationError

import isacsim
from isacsim.scenario.catalogue import scenario_json_schema
from isacsim.scenario.model import Scenario
from tests.scenario.scenario_text import TEXT

DISTRIBUTIONS = {"Uniform", "Normal", "LogNormal", "Choice"}


def numbers(schema, where):
    """Every plain number in a JSON schema, with where it stands."""
    if isinstance(schema, dict):
        if schema.get("type") in ("number", "integer"):
            yield where, schema
        for name, inner in schema.items():
            if where != "$defs" or name not in DISTRIBUTIONS:
                yield from numbers(inner, name if name in ("$defs",) else f"{where}/{name}")
    elif isinstance(schema, list):
        for inner in schema:
            yield from numbers(inner, where)


def test_every_number_has_limits_on_both_sides():
    found = list(numbers({"$defs": scenario_json_schema()["$defs"]}, ""))
    assert len(found) > 100
    for where, schema in found:
        assert schema.keys() & {"minimum", "exclusiveMinimum", "ge", "gt"}, where
        assert schema.keys() & {"maximum", "exclusiveMaximum", "le", "lt"}, where


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("carrier_hz", 5.8),
        ("carrier_hz", 5.8e15),
        ("bandwidth_hz", 160),
        ("packet_rate_hz", 1e-200),
        ("transmitter_m", [0, -1e9, 0]),
    ],
)
def test_a_radio_that_cannot_be_is_refused_by_field(field, value):
    content = Scenario.from_yaml(TEXT).model_dump(exclude_none=True)
    content["radio"][field] = value
    with pytest.raises(ValidationError) as error:
        Scenario.model_validate(content)
    first = error.value.errors()[0]
    assert first["loc"][:2] == ("radio", field) and "must be at" in first["msg"]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"velocity_m_s": [3e8, 0, 0]}, "velocity_m_s"),
        ({"jerk_m_s3": [{"uniform": [-1e308, 1e308]}, 0, 0]}, "jerk_m_s3"),
        ({"position_m": [{"normal": [0, 1e9]}, 0, 0]}, "position_m"),
    ],
)
def test_a_motion_that_cannot_be_is_refused_by_field(more, field):
    content = Scenario.from_yaml(TEXT).model_dump(exclude_none=True)
    motion = {"kind": "trajectory", "position_m": [1, 1, 1], "velocity_m_s": [0, 0, 0], **more}
    content["targets"] = {"fixed": [{"motion": motion}]}
    with pytest.raises(ValidationError) as error:
        Scenario.model_validate(content)
    assert field in error.value.errors()[0]["loc"]


@pytest.mark.parametrize("tag", ["!!float {a: 1}", "!!int [1]", "!!float [1, 2]", "!!int {}"])
def test_tags_on_what_is_no_scalar_are_a_sentence_with_the_line(tag):
    with pytest.raises(isacsim.InputError, match=r"line \d+: not valid YAML: expected a scalar"):
        Scenario.from_yaml(f"{TEXT}\nextra: {tag}\n")


def test_pipes_devices_and_giants_are_no_scenarios(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    with open(tmp_path / "giant.yaml", "wb") as file:
        file.truncate(2**35)
    (tmp_path / "device.yaml").symlink_to("/dev/zero")
    for name, sentence in (("pipe", "no regular"), ("device", "no regular"), ("giant", "at most")):
        with pytest.raises(isacsim.InputError, match=sentence):
            isacsim.load_scenario(tmp_path / f"{name}.yaml")
    with pytest.raises(isacsim.InputError, match="no name of a file"):
        isacsim.load_scenario("a\0b.yaml")
