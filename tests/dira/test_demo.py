"""The page that shows a scenario's spectra purified and counted."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import dira
from dira.cli import app
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.scenario.catalogue import load_scenario


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    ds = make_samples(load_scenario("default"), seed=1, indices=range(4))
    purifier = dira.Purifier(unet={"blocks": (8, 16), "patch": 4}).fit(ds["aj_clean"], steps=1, batch_size=4)
    counter = dira.TargetCounter(width=8).fit(ds["aj_noisy"], np.array([3, 4, 5, 6]), steps=1, batch_size=4)
    denoiser = dira.PairedDenoiser(unet={"blocks": (8, 16), "patch": 4})
    denoiser.fit(ds["aj_noisy"], ds["aj_clean"], steps=1, batch_size=4)
    purifier.save_pretrained(folder / "Purifier")
    denoiser.save_pretrained(folder / "PairedDenoiser")
    counter.save_pretrained(folder / "TargetCounter")
    return folder


def test_it_leaves_one_page_with_truth_beside_counts(weights: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    call = ["demo", "--samples", "2", "--weights", str(weights), "-o", str(page), "--device", "cpu"]
    got = CliRunner().invoke(app, call)
    assert got.exit_code == 0, got.output
    text = page.read_text()
    assert text.count("data:image/png;base64,") == 1
    ds = make_samples(load_scenario("default"), seed=0, indices=range(2))
    purifier = dira.Purifier.from_pretrained(weights / "Purifier")
    counter = dira.TargetCounter.from_pretrained(weights / "TargetCounter")
    denoiser = dira.PairedDenoiser.from_pretrained(weights / "PairedDenoiser")
    noisy, truth = ds["aj_noisy"], ds["n_targets"].values
    found = [
        counter.predict(values)
        for values in (noisy, purifier.enhance(noisy, seed=0, device="cpu"), denoiser.enhance(noisy))
    ]
    right = [(counts == truth).sum() for counts in found]
    said = "Counted right of 2: {} in noisy spectra, {} after purification, {} after the paired denoiser"
    assert said.format(*right) in text
    rows = re.findall(r"<tr>(<td>.*?)</tr>", text)
    assert len(rows) == 2
    for i, row in enumerate(rows):
        cells = re.findall(r"<td>(.*?)</td>", row)
        assert [cells[j] for j in (0, 2, 3, 4, 6)] == [str(x) for x in (i, truth[i], *(f[i] for f in found))]


def test_other_axes_and_missing_weights_are_told(weights: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    call = ["demo", "--samples", "1", "-o", str(tmp_path / "x.html"), "--device", "cpu"]
    got = runner.invoke(app, [*call, "--weights", str(weights), "--scenario", "uav"])
    said = " ".join(got.output.split())
    assert got.exit_code == 2 and "the spectra don't fit the purifier" in said
    got = runner.invoke(app, [*call, "--weights", str(tmp_path)])
    assert got.exit_code == 2 and "holds no model: config.json is missing" in " ".join(got.output.split())
    assert not (tmp_path / "x.html").exists()
