"""Points of a study: neither processes nor an interruption may change what they give."""

import json
import os
import time

import numpy as np
import pytest
from isacsim.validation.points import Point, compute_points
from isacsim.validation.study import write_study

from isacsim.errors import InputError

pytestmark = pytest.mark.numerical

OPENING = {"study": "nothing", "seed": 3, "settings": {"trials": 2, "levels": (0.1, 0.2)}}


def draw(seed: int, calls: str, fail: bool = False) -> dict:
    """A point that leaves a mark, so that a test sees how often and where it was computed."""
    with open(calls, "a") as file:
        file.write(f"{seed} {os.getpid()}\n")
    if fail:
        raise KeyboardInterrupt
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(200, 200))
    return {"largest": float(np.linalg.svd(x @ x.T, compute_uv=False)[0]), "pair": (1, None)}


def wait(calls: str) -> None:
    with open(calls, "a") as file:
        file.write("x")
    time.sleep(0.3)


@pytest.fixture
def calls(tmp_path):
    return tmp_path / "calls"


def points(calls, failing: int | None = None) -> list[Point]:
    return [
        Point(f"seed {n}", draw, {"seed": n, "calls": str(calls), "fail": n == failing}) for n in range(5)
    ]


def times_called(calls) -> dict[int, int]:
    seeds = [int(line.split()[0]) for line in calls.read_text().splitlines()]
    return {n: seeds.count(n) for n in seeds}


def test_processes_and_interruptions_change_nothing(tmp_path, calls):
    told = []
    opening = dict(OPENING)
    plain = compute_points(
        opening, points(calls), finished_file=tmp_path / "a", progress=lambda *step: told.append(step)
    )
    assert [row["largest"] for row in plain] == [draw(n, str(calls))["largest"] for n in range(5)]
    assert plain[0]["pair"] == [1, None] and opening["core_seconds"] >= 0
    assert told == [(f"seed {n}", n + 1, 5) for n in range(5)]

    calls.unlink()
    shared = compute_points(dict(OPENING), points(calls), finished_file=tmp_path / "b", jobs=2)
    assert shared == plain and times_called(calls) == dict.fromkeys(range(5), 1)
    assert str(os.getpid()) not in calls.read_text()

    calls.unlink()
    with pytest.raises(KeyboardInterrupt):
        compute_points(dict(OPENING), points(calls, failing=3), finished_file=tmp_path / "c")
    # A kill amid a line.
    with (tmp_path / "c").open("ab") as file:
        file.write('{"point": "seed 4", "seconds": 0.1, "result": "é'.encode()[:-1])
    told.clear()
    resumed = compute_points(
        dict(OPENING), points(calls), finished_file=tmp_path / "c", progress=lambda *step: told.append(step)
    )
    assert resumed == plain
    assert told == [("seed 3", 4, 5), ("seed 4", 5, 5)]
    assert times_called(calls) == {0: 1, 1: 1, 2: 1, 3: 2, 4: 1}


def test_what_another_run_left_is_refused(tmp_path, calls):
    finished = tmp_path / "finished"
    compute_points(dict(OPENING), points(calls)[:2], finished_file=finished)
    before = finished.read_bytes()
    for other, words in (
        ({"seed": 4}, r"with other seed \(3, now 4\);"),
        ({"settings": OPENING["settings"] | {"trials": 3}}, r"with other trials \(2, now 3\);"),
        ({"versions": {"sources": "1"}}, r"with other versions \(None, now "),
    ):
        with pytest.raises(InputError, match=words):
            compute_points({**OPENING, **other}, points(calls), finished_file=finished)
    assert finished.read_bytes() == before
    finished.write_text("no JSON\n")
    with pytest.raises(InputError, match="finished points"):
        compute_points(dict(OPENING), points(calls), finished_file=finished)
    with pytest.raises(ValueError, match="one name"):
        compute_points(dict(OPENING), points(calls)[:1] * 2, finished_file=tmp_path / "new")


@pytest.mark.parametrize("stopped_by", ["point", "user"])
def test_a_stopped_run_begins_no_other_point(tmp_path, calls, stopped_by):
    first = Point("bad", json.loads, {"s": "wrong" if stopped_by == "point" else "1"})
    slow = [Point(f"{n}", wait, {"calls": str(calls)}) for n in range(12)]

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(ValueError if stopped_by == "point" else KeyboardInterrupt):
        compute_points(
            dict(OPENING), [first, *slow], finished_file=tmp_path / "finished", jobs=2, progress=interrupt
        )
    begun = len(calls.read_text()) if calls.exists() else 0
    time.sleep(1.0)
    # Those that had been handed to a process are computed, the others are not begun.
    assert begun < 8 and begun == (len(calls.read_text()) if calls.exists() else 0)


@pytest.mark.parametrize(("what", "value", "least"), [("trials", 0, 1), ("jobs", 0, 1), ("seed", -1, 0)])
def test_only_the_wrong_argument_is_named(tmp_path, what, value, least):
    with pytest.raises(InputError, match=f"^{what} must be at least {least}, got {value}.$"):
        write_study("paper", tmp_path, **{what: value})
