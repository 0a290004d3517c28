"""docs/gallery: every tutorial runs, with smaller numbers than on the site, and comes to what its text says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from tests.extras import need

GALLERY = Path(__file__).resolve().parents[2] / "docs" / "gallery"
# Constants at the head of a script, and what takes their place here.
SMALL: dict[str, dict[str, int]] = {
    "plot_1_first_spectrum": {},
    "plot_2_own_room": {},
    "plot_3_data_set": {"N_SAMPLES": 40, "EPOCHS": 1},
    "plot_4_own_estimator": {"TRIALS": 2},
    "plot_5_real_capture": {"SECONDS": 2},
    "plot_6_mixing": {"EACH": 8, "RECORDINGS": 4, "STEPS": 2},
    "plot_7_fall": {"EACH": 6},
    "plot_8_scale_out": {"N_SAMPLES": 32},
    "plot_9a_counting": {"EACH": 20},
    "plot_9b_activity": {"EACH": 10},
    "plot_9c_places": {"N_SAMPLES": 80},
}


@pytest.fixture(autouse=True)
def _no_window(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    plt.switch_backend("agg")
    monkeypatch.setattr(plt, "show", lambda: None)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield
    plt.close("all")


def ran(name: str) -> dict[str, Any]:
    """Names that the script leaves, run with its small numbers."""
    source = (GALLERY / f"{name}.py").read_text(encoding="utf-8")
    for constant, value in SMALL[name].items():
        source, found = re.subn(rf"^{constant} = \d+$", f"{constant} = {value}", source, flags=re.MULTILINE)
        assert found == 1, constant
    scope: dict[str, Any] = {"__name__": "tutorial"}
    exec(compile(source, f"{name}.py", "exec"), scope)
    assert plt.get_fignums(), "a tutorial draws something"
    return scope


def test_every_tutorial_is_tested() -> None:
    assert sorted(path.stem for path in GALLERY.glob("*.py")) == sorted(SMALL)


def test_first_spectrum() -> None:
    made = ran("plot_1_first_spectrum")
    paths, nearest = made["paths"], made["nearest"]
    assert paths.sizes["path"] == made["truth"].sizes["path"]
    # Four standard errors of five independent paths: missed once in three thousand captures.
    assert (abs(paths.acceleration - nearest.acceleration) < 4 * paths.std_acceleration).all()


def test_own_room() -> None:
    need("sionna_rt")
    made = ran("plot_2_own_room")
    speed = made["tracks"].velocity[0]
    assert np.isfinite(speed).mean() > 0.8
    # The person ends up near the antennas: the path becomes shorter in all.
    assert speed.mean() < 0


def test_data_set() -> None:
    pytest.importorskip("torch")
    made = ran("plot_3_data_set")
    assert made["noisy"].shape == (32, 1, 32, 32)
    assert len(made["curve"]) == 2 and 0 < made["untouched"] < 1


def test_own_estimator() -> None:
    result = ran("plot_4_own_estimator")["result"]
    at = result.rmse_over_bound_acceleration.sel(snr=20)
    assert at.sel(estimator="relax") < 3 < at[0]


def test_real_capture() -> None:
    made = ran("plot_5_real_capture")
    assert made["capture"].sizes["receiver"] == 2
    # The person goes towards the antennas at the end.
    assert made["tracks"].velocity[0][-8:].mean() < 0
    assert made["paths"].sizes["path"] > 0


def test_mixing() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("diffusers")
    made = ran("plot_6_mixing")
    assert set(made["train"].domain.values) == {"synthetic", "real"}
    assert set(made["test"].domain.values) == {"real"}
    assert not set(made["test"].source.values) & set(made["train"].source.values)


def test_fall() -> None:
    made = ran("plot_7_fall")
    assert made["x"].shape == (24, 12)
    # Trained and tested apart: all windows of a room are on one side.
    rooms = np.array([name.partition("-")[0] for name in made["samples"].scenario.values])
    assert set(rooms[made["train"]]) == {"bedroom"} and set(rooms[~made["train"]]) == {"kitchen"}
    assert made["balanced"](made["train"])[2] > 0.75


def test_scale_out() -> None:
    made = ran("plot_8_scale_out")
    assert made["made"][-1] == 32 and made["digest"](made["there"]) == made["digest"](made["here"])


def test_counting() -> None:
    made = ran("plot_9a_counting")
    count, train = made["count"], made["train"]
    assert np.bincount(count).tolist() == [0] + [20] * 5
    assert made["table"].sum() == (~train).sum() == 30
    # Seeds of their own: no sample of the test is one of the training.
    seeds = made["samples"].seed.values
    assert not set(seeds[train].tolist()) & set(seeds[~train].tolist())
    # In the larger run it is right half of the time; twenty of each class leave the better of two to chance.
    assert made["made"].accuracy > np.mean(count[~train] == made["usual"])


def test_activity() -> None:
    made = ran("plot_9b_activity")
    assert len(made["phase"]) == 40 and set(made["phase"]) >= {"walk", "sit", "fall", "stand"}
    assert made["table"].sum() == 12
    # A guess is right in three of twelve on average, in eight or more once in 360 times.
    assert made["made"].accuracy * 12 >= 8


def test_places() -> None:
    made = ran("plot_9c_places")
    assert made["place"].shape == (80, 2) and np.isfinite(made["place"]).all()
    # Sixty fingerprints are a metre apart: less than half of the error of the middle.
    assert np.median(made["error"]) < np.median(made["middle"]) / 2
