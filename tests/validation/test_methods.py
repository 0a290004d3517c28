"""Studies that compare methods: each gets the captures, the count and the figures that its row says."""

import json

import numpy as np
import pytest
import xarray as xr
from isacsim.validation import bound, own, scored
from isacsim.validation.coverage import summary as coverage
from isacsim.validation.false_alarm import summary as alarms
from isacsim.validation.study import write_study
from typer.testing import CliRunner

import isacsim
from isacsim.cli import app
from isacsim.errors import InputError
from isacsim.estimation.estimate import COUNT_GIVEN, METHODS


def table_of(name: str, folder, **options) -> dict:
    table, picture = write_study(name, folder, quick=True, **options)
    assert picture.read_bytes().startswith(b"\x89PNG")
    return json.loads(table.read_text())


def paths(acceleration, jerk=None, **attrs) -> xr.Dataset:
    """What a method might return."""
    n = len(acceleration)
    values = {"velocity": np.ones(n), "acceleration": acceleration, "jerk": jerk or np.zeros(n)}
    values |= {f"std_{name}": np.full(n, 0.1) for name in values}
    return xr.Dataset({name: ("path", np.asarray(x, float)) for name, x in values.items()}, attrs=attrs)


def test_counting_by_scenario(tmp_path):
    table = table_of("counting", tmp_path, methods=["relax", "haf", "relax"], scenarios=["default"], trials=2)
    assert table["settings"]["methods"] == ["relax", "haf"]
    relax, haf = table["rows"]
    assert (relax["scenario"], relax["method"], relax["count_given"]) == ("default", "relax", False)
    # What relax does on exact cubics: all of it, to a few hundredths of a gate.
    assert relax["count_right"]["value"] == relax["recall"]["value"] == 1 and relax["false_a_capture"] == 0
    assert relax["error"]["acceleration"]["rms"] < 0.01 and relax["seconds"]["median"] > 0
    # Told the count, a method finds as many, and every one that is missed is a false one.
    assert haf["count_given"] and haf["count_right"] is None and haf["targets"] == relax["targets"]
    missed = haf["recall"]["trials"] - round(haf["recall"]["value"] * haf["recall"]["trials"])
    assert haf["false_a_capture"] == missed / 2


def test_the_captures_are_those_of_the_command(monkeypatch):
    """Seed for seed, conditioned alike, and the truth at the window's centre."""
    seen = []
    monkeypatch.setattr(own, "estimate_paths", lambda csi, **_: seen.append(csi) or paths([]))
    scored._warm.cache_clear()
    rows = scored.rows_of("lab_siso", ["relax"], [5])
    capture = isacsim.simulate(isacsim.load_scenario("lab_siso"), seed=5)
    xr.testing.assert_identical(seen[-1], isacsim.conditioning.condition(capture).isel(receiver=0))
    assert rows[0]["truth"] == capture.attrs["n_targets"] and rows[0]["found"] == 0
    scored._warm.cache_clear()


@pytest.mark.parametrize(("method", "told"), [("relax", scored.MOST), ("haf", 3)])
def test_who_is_told_the_count(monkeypatch, method, told):
    asked = {}
    monkeypatch.setattr(own, "estimate_paths", lambda _, **options: asked.update(options) or paths([]))
    scored.compare(None, {name: np.zeros(3) for name in scored.STATES}, method)
    assert asked == {"method": method, "max_paths": told}


def test_the_gate_and_what_counts_as_wrong(monkeypatch):
    truth = {"velocity": np.ones(2), "acceleration": np.array([1.0, -4.0]), "jerk": np.zeros(2)}

    def compared(result):
        def estimate(*_, **__):
            if isinstance(result, Exception):
                raise result
            return result

        monkeypatch.setattr(own, "estimate_paths", estimate)
        return {"method": "relax"} | scored.compare(None, truth, "relax")

    near = compared(paths([1.4, -4.5], [1.9, 0.0]))
    assert (near["found"], near["matched"]) == (2, 1) and near["error_jerk"] == [pytest.approx(1.9)]
    assert compared(paths([1.4, -4.0], [2.1, 0.0]))["matched"] == 1
    right, unsure = compared(paths([1.0, -4.0])), compared(paths([1.0, -4.0], cannot_tell=1))
    sure, refused = compared(paths([1.0, -4.0], cannot_tell=0)), compared(InputError("no"))
    assert scored.shared_summary([right, near])["count_right"]["value"] == 1
    assert scored.shared_summary([right])["cannot_tell"] is None
    row = scored.shared_summary([right, unsure, sure, refused])
    assert row["count_right"]["value"] == 0.5 and row["cannot_tell"]["value"] == 0.25 and row["refused"] == 1
    assert row["recall"]["value"] == 0.75 and row["false_a_capture"] == 0


def test_false_alarms(tmp_path):
    table = table_of("false-alarm", tmp_path)
    assert [row["method"] for row in table["rows"]] == [m for m in METHODS if m not in COUNT_GIVEN]
    relax = table["rows"][0]
    # One in a hundred by its rule (validation.md): three captures have none.
    assert relax["false_alarms"]["value"] == 0 and relax["found"][0] == 3
    base = {"refused": False, "seconds": 1.0}
    rows = [
        {**base, "found": n, "cannot_tell": unsure}
        for n, unsure in ((0, None), (2, False), (3, True), (1, None))
    ]
    found = alarms(rows)
    assert found["false_alarms"]["value"] == 0.5 and found["cannot_tell"] == 1
    assert found["found"][:4] == [2, 1, 1, 0]
    for wrong, words in (
        ({"methods": ["haf"]}, "must be told"),
        ({"methods": ["nothing"]}, "method must be"),
        ({"scenarios": ["empty_room"]}, "things other than targets move"),
        ({"scenarios": ["single_target"]}, "fixed targets"),
    ):
        with pytest.raises(InputError, match=words):
            write_study("false-alarm", tmp_path / "wrong", quick=True, **wrong)


def test_coverage(tmp_path):
    table = table_of("coverage", tmp_path, methods=["relax", "peaks"])
    relax, peaks = table["rows"]
    assert relax["finite"]["value"] == 1 and peaks["finite"]["value"] == 0 and "jerk" not in peaks
    for name in scored.STATES:
        # Ten errors or so: two deviations hold at least half of them but once in 10⁶.
        assert relax[name]["within"]["2"]["value"] > 0.5
        assert 0.2 < relax[name]["median_width"] / relax[name]["rmse"] < 5


def test_coverage_counts_what_has_deviations():
    row = {f"{what}_{name}": [] for what in ("error", "std") for name in scored.STATES}
    for name in scored.STATES:
        row[f"error_{name}"], row[f"std_{name}"] = [0.5, -1.5, 3.0, 0.1], [1.0, 1.0, 1.0, 1.0]
    row["std_jerk"] = [1.0, 1.0, 1.0, None]
    out = coverage([row])
    assert out["matched"] == 4 and out["finite"]["value"] == 0.75
    within = {n: s["value"] for n, s in out["velocity"]["within"].items()}
    assert within == {"1": pytest.approx(1 / 3), "2": pytest.approx(2 / 3)}
    assert out["velocity"]["median_width"] == 1 and out["velocity"]["median_error"] == 1.5


def test_a_path_that_is_missed_is_an_outlier(monkeypatch):
    """A method of one path that finds none is counted, and has no threshold there."""
    calls = iter(range(100))

    def estimate(h, *, time, frequency, **_):
        found = isacsim.estimate_paths(h, time=time, frequency=frequency, method="haf", max_paths=1)
        return found.isel(path=slice(next(calls) % 2))

    monkeypatch.setattr(own, "estimate_paths", estimate)
    row = bound.ratios(-5.0, method="qml", trials=4, subcarriers=2, packets=256)
    assert row["missed"] == 0.5 and row["outliers"] >= 0.5
    assert row["ratio"]["acceleration"]["trials"] == 2
    assert bound.threshold([row]) is None


def test_the_command_takes_methods_and_scenarios(tmp_path):
    small = ["validate", "counting", "--quick", "--trials", "1", "-o", str(tmp_path)]
    runner = CliRunner()
    made = runner.invoke(app, [*small, "--method", "haf, peaks", "--method", "qml", "--scenario", "lab_siso"])
    assert made.exit_code == 0, made.output
    table = json.loads((tmp_path / "counting.json").read_text())
    assert [(row["scenario"], row["method"]) for row in table["rows"]] == [
        ("lab_siso", method) for method in ("haf", "peaks", "qml")
    ]
    for wrong in (["--method", "nothing"], ["--scenario", "nowhere"]):
        refused = runner.invoke(app, [*small, *wrong])
        assert refused.exit_code == 2 and len(refused.stderr.strip().splitlines()) == 1, refused.output
