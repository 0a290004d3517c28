"""Refusals and differences: one form each."""

import pickle

import numpy as np
import pytest

from isacsim import load_scenario
from isacsim.checks import (
    ArgumentError,
    check_choice,
    check_integer,
    check_names,
    check_number,
    check_seed,
    differences,
    refusal,
)
from isacsim.errors import InputError


def test_a_refusal_names_argument_what_is_allowed_and_what_was_passed() -> None:
    error = refusal("pair", "two receivers", (0, 0))
    assert isinstance(error, InputError) and error.argument == "pair"
    assert str(error) == "pair must be two receivers, got (0, 0)."


def test_a_refusal_travels_between_processes() -> None:
    error = pickle.loads(pickle.dumps(refusal("n", "an integer", "x")))
    assert isinstance(error, ArgumentError) and error.argument == "n"
    assert str(error) == "n must be an integer, got 'x'."


@pytest.mark.parametrize("value", [0, 3, np.int16(2), np.uint64(1)])
def test_whole_numbers_of_every_kind_pass(value: object) -> None:
    assert type(check_integer("n", value, least=0, most=3)) is int


@pytest.mark.parametrize("value", [-1, 4, 1.0, True, np.True_, "1", None, np.float64(2)])
def test_what_is_no_whole_number_within_the_limits_is_refused(value: object) -> None:
    with pytest.raises(ArgumentError) as told:
        check_integer("n", value, least=0, most=3)
    assert str(told.value) == f"n must be an integer from 0 to 3, got {value!r}."


def test_a_seed_fits_64_bits() -> None:
    assert check_seed("seed", np.int64(2**63 - 1)) == 2**63 - 1
    for wrong in (-1, 2**63, 1.5):
        with pytest.raises(ArgumentError, match=r"seed must be an integer from 0 to 2\^63 - 1, got"):
            check_seed("seed", wrong)


@pytest.mark.parametrize(
    ("limits", "passes", "refused", "allowed"),
    [
        ({}, [0, -1.5, np.float32(2)], [np.nan, np.inf, 10**400, True, "1", None, 1j], "a number"),
        ({"least": 0, "most": 1}, [0, 1], [-1e-9, 1.1], "a number from 0 to 1"),
        ({"above": 0, "below": 0.5}, [0.1], [0, 0.5], "a number above 0 and below 0.5"),
        ({"above": 0, "unit": "seconds"}, [1], [0], "a number of seconds above 0"),
        ({"least": 2}, [2], [1.9], "a number of at least 2"),
    ],
)
def test_numbers_within_limits(limits: dict, passes: list, refused: list, allowed: str) -> None:
    for value in passes:
        assert check_number("x", value, **limits) == value
    for value in refused:
        with pytest.raises(ArgumentError) as told:
            check_number("x", value, **limits)
        assert str(told.value) == f"x must be {allowed}, got {value!r}."


def test_words_and_names() -> None:
    assert check_choice("gain", "agc", ("auto", "agc")) == "agc"
    with pytest.raises(ArgumentError, match="gain must be one of auto, agc, got 'db'"):
        check_choice("gain", "db", ("auto", "agc"))
    assert check_names("inputs", ["a", "b"]) == ("a", "b")
    assert check_names("inputs", "ab") == ("ab",)
    for wrong in ("", [], [1], ["a", ""], 1, {"a"}, None):
        with pytest.raises(
            ArgumentError, match="inputs must be a name, or a sequence of one or more names, got"
        ):
            check_names("inputs", wrong)


def test_differences_are_named_by_their_place_in_their_order() -> None:
    before = {"a": 1, "b": {"c": [1], "d": {"3": 4}}, "gone": 0}
    asked = {"b": {"c": [2], "d": {"3": 5}}, "a": 1, "new": 1}
    assert [str(one) for one in differences(before, asked)] == [
        "b.c is [1], asked for [2]",
        "b.d.3 is 4, asked for 5",
        "gone is 0, asked for None",
        "new is None, asked for 1",
    ]
    assert [d.field for d in differences(before, asked, but=("gone", "b.c"), whole=("b.d",))] == [
        "b.d",
        "new",
    ]
    assert next(differences(before, before), None) is None


def test_models_are_compared_field_by_field() -> None:
    scenario = load_scenario("default")
    other = scenario.model_copy(update={"seed": scenario.seed + 1})
    [one] = differences(scenario, other)
    assert one == ("seed", scenario.seed, scenario.seed + 1)
