"""What the counting experiment calls a gain, and how sure its counters are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dira import TargetCounter
from dira.experiment.counting import _calibration_error, _counter
from dira.experiment.criteria import _counting, gain
from dira.experiment.presets import Preset, preset
from dira.experiment.samples import Spectra
from dira.experiment.stages import Run
from isacsim.errors import InputError


class _Sure:
    """Says 3 with a given probability, whatever it sees."""

    counts = np.array([3, 4])

    def __init__(self, probability: float) -> None:
        self.probability = probability

    def predict_proba(self, spectra: Any, *, device: str) -> np.ndarray:
        return np.tile([self.probability, 1 - self.probability], (len(spectra), 1))


@pytest.mark.parametrize(("probability", "error"), [(0.75, 0.0), (0.95, 0.2), (0.55, 0.2)])
def test_calibration_is_judged_by_the_share_that_is_right(probability: float, error: float) -> None:
    # Ten groups of four, three of each right.
    counts = np.array([3, 3, 3, 4] * 10)
    test = Spectra(np.arange(40, dtype=np.float32)[:, None, None], counts)
    counter: Any = _Sure(probability)
    assert _calibration_error(counter, test, "cpu") == pytest.approx(error)


def _right(preset: Preset, right: Callable[[int, str, str], list[int]]) -> dict[str, Any]:
    names = ("original data", f"expanded, {preset.variants[0][0]}", "clean spectra")
    return {
        f"counting-{seed}": {
            name: {
                "scenarios": {
                    s: {"spectra": 100, "right": (got := right(seed, name, s)), "accuracy": len(got) / 100}
                    for s in (preset.original, *preset.others)
                }
            }
            for name in names
        }
        for seed in preset.seeds
    }


def test_what_test_spectra_leave_to_chance_is_no_gain() -> None:
    three = preset("laptop")
    # Every seed wins the same 12 of 100 spectra and loses 10 others: the same +0.02, and no gain.
    lucky = _right(
        three, lambda seed, name, s: list(range(40)) if "original" in name else list(range(10, 52))
    )
    better, half, mean = _counting(lucky, three)
    assert not better.met and "+0.020 ± 0.000 ± 0.09" in better.measured
    assert "0.400 to 0.420" in mean.measured
    assert not half.met and "no sure gap" in half.measured and "%" not in half.measured
    sizes = {"original data": 20, f"expanded, {three.variants[0][0]}": 40, "clean spectra": 60}
    best = _right(three, lambda seed, name, s: list(range(sizes[name] + seed)))
    better, half, mean = _counting(best, three)
    assert better.met and half.met and not mean.met
    assert "50% of the gap; lab 50% of the gap, corridor 50% of the gap, hall 50%" in half.measured


def test_counters_trained_otherwise_are_not_mixed_in(tmp_path: Path) -> None:
    run = Run(preset("smoke"), tmp_path, "a", "cpu", lambda *_: None)
    spectra = Spectra(np.random.default_rng(0).random((8, 16, 16), np.float32), np.array([3, 4] * 4))
    run.model(
        "counter-0",
        lambda _: TargetCounter(width=8).fit(spectra.values, spectra.counts, steps=1, batch_size=4),
    )
    with pytest.raises(
        InputError, match=r"counter-0 was trained with other settings than today's counters; delete it"
    ):
        _counter(run, "0", spectra, 0)


def test_a_gain_is_paired_by_seed() -> None:
    three = preset("laptop")
    # Of 100 test spectra, those right are the first ones: gains 0.02, 0.04, 0.06.
    both = {"original data": [30, 40, 50], "better": [32, 44, 56]}
    results = {
        f"counting-{seed}": {
            name: {"scenarios": {"lab": {"spectra": 100, "right": list(range(of[seed]))}}}
            for name, of in both.items()
        }
        for seed in three.seeds
    }
    got = gain(results, three, "better", "lab")
    # Standard deviation 0.02, Student's quantile 4.303 at two degrees of freedom.
    assert got.mean == pytest.approx(0.04)
    assert not got.sure  # over seeds it is 0.04 ± 0.05
    assert got.seeds == pytest.approx(4.3027 * 0.02 / np.sqrt(3), rel=1e-4)
    # Twelve spectra are won by one seed of three, the others by none: 12/100 · 1/3 is 0.04.
    assert got.spectra == pytest.approx(1.9842 * np.sqrt((12 / 9 - 0.16) / 99) / 10, rel=1e-4)
