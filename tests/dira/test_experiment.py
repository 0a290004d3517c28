"""The paper's experiments in their smallest form: each stage runs once, and reports cannot be mixed."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import dira
from dira.cli import app
from dira.data.spectra import read_spectra
from dira.experiment.budget import _amounts
from dira.experiment.counting import BY_DETECTOR
from dira.experiment.criteria import closed, criteria
from dira.experiment.first_screen import sentences
from dira.experiment.presets import PRESETS, preset
from dira.experiment.report import collect
from dira.experiment.samples import data, wanted
from dira.experiment.stages import Run, freeze
from dira.experiment.streamed import FINE_TUNED
from dira.pretraining.from_run import ship
from isacsim.errors import InputError


def _silent(what: str, done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("runs") / "smoke"
    got = CliRunner().invoke(app, ["reproduce", "--preset", "smoke", "-o", str(folder), "--device", "cpu"])
    assert got.exit_code == 0, (got.output, got.exception)
    return folder, got.output


def _again(folder: Path) -> Run:
    return freeze(preset("smoke"), folder, device="cpu", tell=_silent)


def test_it_says_first_how_long_it_takes_and_leaves_a_report(done: tuple[Path, str]) -> None:
    folder, said = done
    assert said.index("enhancing") < said.index("report:")
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 12
    assert "63.73" in page and "0.67 / 0.71 / 0.71" in page
    table = json.loads((folder / "report.json").read_text())
    # Three sentences and one figure come first.
    assert page.index("Counting: with DiRA") < page.index("data:image/png") < page.index("What was done")
    assert len(table["aims"]) == 14 and all(set(a) == {"aim", "measured", "met"} for a in table["aims"])
    assert sorted(table["frozen"]["scenarios"]) == ["corridor_cubic", "default", "lab_cubic"]


def test_no_table_of_the_report_runs_off_the_page(done: tuple[Path, str], browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((done[0] / "report.html").absolute().as_uri())
    tables = page.locator(".scroll")
    assert tables.count() == 9
    for i in range(9):
        width, room = tables.nth(i).evaluate("e => [e.scrollWidth, e.clientWidth]")
        assert width <= room, tables.nth(i).inner_text()[:80]
    page.close()


def test_the_budget_knows_how_many_counters_there_are(done: tuple[Path, str]) -> None:
    run = _again(done[0])
    small = run.preset
    amount, _ = _amounts(run)["counters"]
    trained = sorted((done[0] / "models").glob("counter-*"))
    steps = 0
    for folder in trained:
        counter = json.loads((folder / "config.json").read_text())
        assert counter["config"]["augment"] and counter["history"]["learning_rate"] == 2e-3
        steps += counter["history"]["steps"]
    # The features are trained four times as long as a counter.
    assert amount == (steps + 4 * small.counter_steps) * small.counter_batch


def test_every_comparison_is_there(done: tuple[Path, str]) -> None:
    results = json.loads((done[0] / "report.json").read_text())["results"]
    assert set(results["expansion-0"]) == {"dira", "gan", "vae", "simulation"}
    rows = set(results["enhancement"]["lab_cubic"]["rows"])
    assert {"unchanged", "all zero", "paired denoiser", "clean of another sample"} <= rows
    for classical in ("soft threshold", "CLEAN, down to", "CLEAN, Gaussian beam, down to"):
        assert len([name for name in rows if name.startswith(classical)]) == 1
    counted = results["counting-0"]
    assert {"original data repeated", "dira alone, no original data"} <= set(counted)
    assert {"original data", "clean spectra", "DiRA, purifier off at test"} <= set(counted)
    assert {"expanded, PathDetector", "original data, PathDetector", BY_DETECTOR, FINE_TUNED} <= set(counted)
    # Every simulation beyond the original data is named beside the row.
    assert counted["original data"]["simulated"] == ""
    assert counted["expanded, T* = 5, W = 2"]["simulated"] == "25 noise-free"
    assert counted["expanded, paired denoiser"]["simulated"] == "25 pairs"
    assert counted[FINE_TUNED]["simulated"] == "32 labelled with counts"
    assert counted[BY_DETECTOR]["simulated"] == "32 labelled with positions"
    page = (done[0] / "report.html").read_text()
    assert re.search(r"T\* and a by validation, W = 1 \(one seed\)</td><td>25</td><td>25 noise-free<", page)
    for one in results["enhancement"].values():
        assert all(0 <= row["recall_0.3"] <= row["recall_1"] <= 1 for row in one["rows"].values())
    for one in counted.values():
        assert set(one["scenarios"]) == {"lab_cubic", "corridor_cubic"}
        for scores in one["scenarios"].values():
            assert scores["accuracy"] == pytest.approx(len(scores["right"]) / scores["spectra"])
            assert np.sum(scores["confusion"]) == scores["spectra"]


def test_t_star_and_strength_are_those_of_the_best_ssim(done: tuple[Path, str]) -> None:
    results = json.loads((done[0] / "report.json").read_text())["results"]
    guide, small = results["guidance"], preset("smoke")
    own = {
        (r["t_star"], r["a"]): r["ssim"]
        for r in guide["rows"]
        if (r["distance"], r["reference"]) == ("ssim", "diffused")
    }
    first = small.variants[0][1]
    assert set(own) == {(first, 0.0), *((first, a) for a in small.scales), (12, 0.0), (12, 1.0)}
    assert (guide["chosen"]["t_star"], guide["chosen"]["a"]) == max(own, key=lambda key: own[key])
    assert guide["scale"] == max(small.scales, key=lambda a: own[first, a])
    assert "T* and a by validation, W = 1" in results["enhancement"]["lab_cubic"]["rows"]


def test_calibration_errors_are_shares(done: tuple[Path, str]) -> None:
    results = json.loads((done[0] / "report.json").read_text())["results"]
    for rows in results["calibration"].values():
        for row in rows:
            assert row["temperature"] > 0
            assert all(0 <= e <= 1 for when in ("raw", "calibrated") for e in row[when].values())


def test_no_two_sets_share_a_capture(done: tuple[Path, str]) -> None:
    run = _again(done[0])
    seen: dict[tuple[Any, ...], str] = {}
    for name in wanted(run):
        samples = data(run, name)
        for key in zip(*(samples[k].values.tolist() for k in ("scenario", "seed", "index")), strict=True):
            assert seen.setdefault(key, name) == name


def test_models_of_a_run_are_shipped_with_the_settings_of_its_spectra(
    done: tuple[Path, str], tmp_path: Path
) -> None:
    ship(done[0], "smoke", tmp_path)
    spectra = data(_again(done[0]), "test-corridor_cubic")["aj_noisy"]
    chosen = json.loads((done[0] / "report.json").read_text())["results"]["guidance"]["chosen"]
    for kind in (dira.Purifier, dira.PairedDenoiser, dira.ConditionalDiffusion, dira.TargetCounter):
        model = kind.from_pretrained(tmp_path / kind.__name__ / "smoke")
        model.fitted()[1].check(read_spectra(spectra)[1], model=kind.__name__)
        assert model.axes.made_with and model.axes.acceleration_max == 8
        assert model.history["scenarios"] == ["lab_cubic"]
        if isinstance(model, dira.Purifier):
            assert model.chosen == {"t_star": chosen["t_star"], "rounds": 1, "scale": chosen["a"]}
    with pytest.raises(InputError, match=r"holds no run of dira reproduce"):
        ship(tmp_path, "smoke", tmp_path)


def test_what_is_done_is_not_done_again(done: tuple[Path, str]) -> None:
    run = _again(done[0])

    def never() -> dict[str, Any]:
        raise AssertionError("the stage is done")

    assert run.stage("sizes", never)
    assert run.model("purifier", lambda _: never()).history["seconds"] > 0


def test_results_of_other_scenarios_are_not_mixed_in(done: tuple[Path, str], tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(done[0], folder, ignore=shutil.ignore_patterns("data", "models", "checkpoints"))
    stage = folder / "stages" / "sizes.json"
    content = json.loads(stage.read_text())
    stage.write_text(json.dumps(content | {"digest": "0" * 16}))
    with pytest.raises(InputError, match=r"sizes\.json is of a run frozen as 0{16}.*not mixed"):
        collect(_again(folder))
    stage.unlink()
    with pytest.raises(InputError, match="not done yet: sizes; dira reproduce --preset smoke"):
        collect(_again(folder))
    frozen = json.loads((folder / "frozen.json").read_text())
    frozen["scenarios"]["lab_cubic"] = "changed"
    (folder / "frozen.json").write_text(json.dumps(frozen))
    with pytest.raises(InputError, match="holds a run whose scenarios differ"):
        _again(folder)


def test_aims_are_judged_by_the_numbers(done: tuple[Path, str]) -> None:
    results = json.loads((done[0] / "report.json").read_text())["results"]
    small = preset("smoke")
    ways = (small.variants[0][0], "paired denoiser", "PathDetector")

    def met(change: Any) -> dict[str, bool]:
        altered = json.loads(json.dumps(results))
        change(altered)
        return {v.aim: v.met for v in criteria(altered, small)}

    def good(r: dict[str, Any]) -> None:
        for one in r["enhancement"].values():
            one["rows"][ways[0]] |= {"recall_0.3": 0.92, "added_high": 0.1, "ssim": 0.99}
        r["distances"]["original"][ways[0]]["kernel_clean"] |= {"value": 0.001, "floor": 0.0}

    def bad(r: dict[str, Any]) -> None:
        for way in ways:
            for one in r["enhancement"].values():
                one["rows"][way] |= {"recall_0.3": 0.5, "added_high": 0.5, "ssim": 0.0}
            r["distances"]["original"][way]["kernel_clean"] |= {"value": 1e3, "floor": 0.0}

    aims = [a for a in met(good) if re.search(r"recall of|invented|SSIM|original spectra to clean", a)]
    assert len(aims) == 5
    assert all(met(good)[a] for a in aims) and not any(met(bad)[a] for a in aims)


def test_the_share_of_the_gap_is_what_the_counts_say(done: tuple[Path, str]) -> None:
    results = json.loads((done[0] / "report.json").read_text())["results"]
    small = preset("smoke")
    dira, spectra = f"expanded, {small.variants[0][0]}", list(range(15))
    for name, right in (("original data", 5), (dira, 9), ("clean spectra", 13)):
        for one in results["counting-0"][name]["scenarios"].values():
            one |= {"right": spectra[:right], "accuracy": right / 15}
    assert closed(results, small, "lab_cubic") == "no sure gap (+0.533)"  # one seed has no interval
    results["counting-1"] = results["counting-0"]
    two = small.model_copy(update={"seeds": (0, 1)})
    assert closed(results, two, "lab_cubic") == "50% of the gap"
    first = sentences(two, results)[0]
    assert "50% of the gap" in first and "a sure gain (+0.267 ± 0.000 over seeds ± " in first
    # Any row may beat DiRA, and DiRA may lose.
    rival, loser = "original data, PathDetector", {"right": [], "accuracy": 0.0}
    for one in results["counting-0"][rival]["scenarios"].values():
        one |= {"right": spectra[:10], "accuracy": 10 / 15}
    assert f"{rival}: 0.67" in sentences(two, results)[2]
    for name, row in results["counting-0"].items():
        for one in row["scenarios"].values():
            one |= loser if name == dira else {"right": spectra[:8], "accuracy": 8 / 15}
    first, _, last = sentences(two, results)
    assert "a sure loss" in first and "original data: 0.53" in last
    for one in results["counting-0"][dira]["scenarios"].values():
        one |= {"right": spectra[:9], "accuracy": 9 / 15}
    for one in results["model-based"]["scenarios"].values():
        one["accuracy"] = 0.0
    assert sentences(two, results)[2] == "Beside clean spectra nothing here counts better than DiRA."


def test_an_unknown_preset_and_a_folder_without_a_run_are_told(tmp_path: Path) -> None:
    runner = CliRunner()
    got = runner.invoke(app, ["reproduce", "--preset", "desktop", "-o", str(tmp_path / "x")])
    assert got.exit_code == 2 and "preset must be one of smoke, laptop, paper, got 'desktop'." in got.output
    got = runner.invoke(app, ["report", str(tmp_path)])
    assert got.exit_code == 2 and "holds no run of dira reproduce" in " ".join(got.output.split())


def test_the_presets_are_the_paper_s() -> None:
    assert PRESETS["paper"].class_sizes == {3: 1800, 4: 1600, 5: 1400, 6: 1200, 7: 1000}
    assert PRESETS["laptop"].class_sizes == dict.fromkeys(range(3, 8), 50)
    for one in (PRESETS["paper"], PRESETS["laptop"]):
        assert len(one.seeds) >= 3 and one.reference * 5 >= one.least
