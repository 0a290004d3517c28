"""The page that shows what each way finds in a scenario's captures, and the table that compares them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import dira
from dira.cli import app
from dira.experiment.finding import CEILING, DETECTOR, MODEL, RAW, compared, drawn
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.scenario.catalogue import load_scenario
from isacsim.simulation.capture import simulate
from isacsim.simulation.truth import truth_at

FIRST = 5


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quick one: a single antenna, few subcarriers, spectra of the default settings."""
    small = load_scenario("default").with_(
        name="few", snr_db=20, radio={"subcarriers": 16, "packets": 256, "packet_rate_hz": 250}
    )
    file = tmp_path_factory.mktemp("scenario") / "few.yaml"
    file.write_text(small.to_yaml())
    return file


@pytest.fixture(scope="module")
def weights(scenario: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    ds = make_samples(load_scenario(scenario), seed=1, indices=range(4))
    tiny = {"blocks": (8, 16), "patch": 4}
    purifier = dira.Purifier(unet=tiny).fit(ds["aj_clean"], steps=1, batch_size=4)
    counter = dira.TargetCounter(width=8).fit(ds["aj_noisy"], np.array([3, 4, 5, 6]), steps=1, batch_size=4)
    denoiser = dira.PairedDenoiser(unet=tiny).fit(ds["aj_noisy"], ds["aj_clean"], steps=1, batch_size=4)
    detector = dira.PathDetector(widths=(8,)).fit(ds["aj_noisy"], ds, steps=1, batch_size=4)
    for model in (purifier, counter, denoiser, detector):
        model.save_pretrained(folder / type(model).__name__)
    return folder


def run(*args: object) -> tuple[int, str]:
    got = CliRunner().invoke(app, [str(arg) for arg in args])
    return got.exit_code, " ".join(got.output.split())


def test_it_leaves_one_page_with_truth_beside_counts(scenario: Path, weights: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    how = ("--samples", 2, "--seed", FIRST, "--weights", weights, "--device", "cpu")
    code, said = run("demo", "--scenario", scenario, *how, "-o", page)
    assert code == 0, said
    text = page.read_text()
    assert text.count("data:image/png;base64,") == 1
    truth = [int(simulate(load_scenario(scenario), seed=FIRST + i).attrs["n_targets"]) for i in range(2)]
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(<td>.*?)</tr>", text)]
    assert [int(cell) for cell in next(row for row in rows if row[0] == "truth")[1:]] == truth
    heads = re.findall(r"<th>(.*?)</th>", text)
    for name in (RAW, "Purifier", "PairedDenoiser", DETECTOR, MODEL, CEILING, "TargetCounter, Purifier"):
        assert name in heads or f"<td>{name}</td>" in text, name
    # The conclusion is that of the numbers: the model finds what there is at 20 dB.
    assert f"Of {sum(truth)} targets in 2 captures" in said
    assert f"(estimate_paths) {sum(truth)} (0 false)" in said
    assert "does worse than the model, which needs no training" in said and "and 1.00)" in said


def test_what_fits_no_spectrum_is_told(scenario: Path, weights: Path, tmp_path: Path) -> None:
    page = tmp_path / "x.html"
    code, said = run("demo", "--samples", 1, "-o", page, "--weights", weights, "--scenario", "uav")
    assert (
        code == 2 and "no model fits these spectra" in said and "PathDetector: the spectra do not fit" in said
    )
    code, said = run("demo", "--samples", 1, "-o", page, "--weights", tmp_path, "--scenario", scenario)
    assert code == 2 and "Purifier, which is not in" in said
    assert not page.exists()


def test_compare_scores_every_way_by_the_truth(scenario: Path, weights: Path, tmp_path: Path) -> None:
    file = tmp_path / "ways.json"
    args = ("compare", scenario, "--captures", 3, "--seed", FIRST, "--model", weights / DETECTOR, "-o", file)
    code, said = run(*args)
    assert code == 0, said
    results = json.loads(file.read_text())["results"]["few"]
    true = [truth_at(simulate(load_scenario(scenario), seed=FIRST + i), "rx", 0.0) for i in range(3)]
    for one in results.values():
        assert one["captures"] == 3
        assert one["targets"] == sum(t.sizes["path"] for t in true)
    model = results[MODEL]
    assert model["as_said"] == {"recall": 1, "false": 0}
    assert model["counted"] == [t.sizes["path"] for t in true] and model["count_right"] == 1
    assert model["rms"][0] < 0.05
    assert results[CEILING]["recall"]["0.3"] >= results[RAW]["recall"]["0.3"]
    assert results[DETECTOR]["recall"]["0.3"] < 0.5  # one step of training finds nothing


def test_compare_goes_without_a_detector_where_none_fits(
    scenario: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ways.json"
    code, said = run("compare", scenario, "--captures", 1, "--seed", FIRST, "-o", file)
    assert code == 0, said
    assert "few: without PathDetector; dira comes with no PathDetector for these spectra" in said
    ways = json.loads(file.read_text())["results"]["few"]
    assert DETECTOR not in ways and MODEL in ways
    # One that was asked for is another matter: refused, and before anything is simulated.
    monkeypatch.setattr("dira.experiment.finding.simulate", lambda *_, **__: pytest.fail("simulated"))
    code, said = run("compare", "points_4x1", "--captures", 1, "--model", weights / DETECTOR)
    assert code == 2 and "the spectra do not fit PathDetector" in said


def changed(scenario: Path, folder: Path, **changes: object) -> Path:
    file = folder / "changed.yaml"
    file.write_text(load_scenario(scenario).with_(**changes).to_yaml())
    return file


def test_spectra_of_each_delay_are_refused(scenario: Path, tmp_path: Path) -> None:
    file = changed(scenario, tmp_path, spectrum={"combine": "delay"})
    for args in (("compare", file), ("demo", "--scenario", file, "-o", tmp_path / "x.html")):
        code, said = run(*args)
        assert code == 2 and "spectrum.combine must be another than 'delay'" in said


def test_no_targets_are_no_division_by_zero(scenario: Path, weights: Path, tmp_path: Path) -> None:
    file = changed(scenario, tmp_path, targets={"count": {"min": 0, "max": 0}})
    page = tmp_path / "none.html"
    code, said = run("demo", "--samples", 2, "--weights", weights, "--scenario", file, "-o", page)
    assert code == 0, said
    assert "There are no targets to find in 2 captures" in said
    assert f"{MODEL} says 0" in said


def test_what_lies_beyond_the_axes_is_neither_true_nor_false(scenario: Path) -> None:
    few = load_scenario(scenario)
    narrow = few.with_(spectrum={"acceleration_max_m_s2": 3.0, "jerk_max_m_s3": 40.0})
    made, whole = (drawn(one, 3, FIRST, lambda *_: None) for one in (narrow, few))
    assert made.counts.sum() < whole.counts.sum()
    assert sum(map(len, made.estimated)) < sum(map(len, whole.estimated))
    # The model finds all there are at 20 dB, those beyond the axes too.
    scores = compared(made, narrow, None, lambda *_: None)[MODEL]
    assert scores["as_said"] == {"recall": 1, "false": 0}


def test_captures_are_those_of_simulate(scenario: Path) -> None:
    loaded = load_scenario(scenario)
    told: list[tuple[str, int, int]] = []
    made = drawn(loaded, 2, FIRST, lambda *what: told.append(what))
    assert told == [("captures", 1, 2), ("captures", 2, 2)]
    for i in range(2):
        capture = simulate(loaded, seed=FIRST + i)
        true = truth_at(capture, "rx", 0.0)
        assert true is not None
        known = made.truth[i][np.isfinite(made.truth[i]).all(axis=-1)]
        np.testing.assert_allclose(known[:, 0], true["acceleration"].values)
        assert made.snr_db[i] == capture.attrs["snr_db"]
    again = compared(made, loaded, None, lambda *_: None, more={"all zero": np.zeros_like(made.noisy.values)})
    assert DETECTOR not in again
    assert again["all zero"]["recall"]["0.3"] == 0


def test_scenarios_of_one_name_are_refused(scenario: Path) -> None:
    code, said = run("compare", scenario, scenario)
    assert code == 2 and "scenarios must differ in their names" in said
