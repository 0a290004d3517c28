"""What keeps the experiments' comparisons fair: shares of the classes, chance of each set's own, peers' averages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from dira import ConditionalGAN, Purifier
from dira.experiment.counting import noisier
from dira.experiment.counting_figures import _spread_db, _thirds
from dira.experiment.presets import preset
from dira.experiment.purifiers import _chance
from dira.experiment.samples import Spectra, wanted
from dira.experiment.stages import Run, exclusive, freeze
from dira.models.gan import _Discriminator
from dira.training.source import batches
from isacsim.errors import InputError


def _spectra(*counts: int) -> Spectra:
    return Spectra(np.arange(len(counts), dtype=np.float32)[:, None, None], np.array(counts))


def test_a_set_takes_the_class_shares_of_another() -> None:
    even, uneven = _spectra(*[3, 4, 5] * 8), _spectra(4, 5, 5)
    got = even.rebalanced_like(uneven)
    assert np.unique(got.counts, return_counts=True)[1].tolist() == [4, 8]
    assert 3 not in got.counts
    assert np.unique(got.values).size == 12


def test_noise_is_added_and_the_highest_bin_stays_one() -> None:
    rng = np.random.default_rng(0)
    values = rng.exponential(size=(6, 12, 12)) ** 3
    values /= values.max(axis=(1, 2), keepdims=True)
    given = Spectra(values.astype(np.float32), np.arange(6))
    got, again, other = noisier(given, 0), noisier(given, 0), noisier(given, 1)
    np.testing.assert_array_equal(got.values, again.values)
    assert not np.array_equal(got.values, other.values)
    np.testing.assert_allclose(got.values.max(axis=(1, 2)), 1)
    assert (np.median(got.values, axis=(1, 2)) > np.median(given.values, axis=(1, 2))).all()
    np.testing.assert_array_equal(got.counts, given.counts)


def test_thirds_are_taken_by_rank_within_each_group() -> None:
    values, group = np.array([5.0, 1, 3, 40, 60, 50]), np.array([3, 3, 3, 7, 7, 7])
    assert _thirds(values, group).tolist() == [2, 0, 1, 0, 2, 1]
    assert _thirds(values, np.zeros(6)).tolist() == [1, 0, 0, 1, 2, 2]
    samples = xr.Dataset({"target_amplitude": (("sample", "target"), [[1.0, 10, np.nan], [2, 2, 2]])})
    assert _spread_db(samples).tolist() == [20, 0]


def test_no_two_sets_are_enhanced_with_the_same_noise(tmp_path: Any) -> None:
    run: Run = freeze(preset("laptop"), tmp_path, device="cpu", tell=lambda what, done, total: None)
    names = [*wanted(run), *(f"more-{s}" for s in run.preset.seeds)]
    assert len({_chance(name) for name in names}) == len(names)


def test_what_another_run_left_is_refused(tmp_path: Path) -> None:
    run, other = (Run(preset("smoke"), tmp_path, digest, "cpu", lambda *_: None) for digest in ("a", "b"))

    def train(_: Path) -> Purifier:
        return Purifier(unet={"blocks": [16, 32]}).fit(np.ones((4, 8, 8)), steps=1, batch_size=2)

    for of in (run, run):
        assert of.array("made", lambda: {"x": np.ones(3)}).keys() == {"x"}
        assert of.stage("done", lambda: {"value": float("nan")}) == {"value": None}
        assert of.model("purifier", train).history["steps"] == 1
    assert "NaN" not in (tmp_path / "stages" / "done.json").read_text()
    for again in (
        lambda: other.array("made", dict),
        lambda: other.stage("done", dict),
        lambda: other.model("purifier", train),
    ):
        with pytest.raises(InputError, match="is of a run frozen as a, not b"):
            again()
    for file in ("arrays/made.npz", "stages/done.json", "models/purifier/config.json", "frozen.json"):
        (tmp_path / file).write_text("{")
    for damaged in (
        lambda: run.array("made", dict),
        lambda: run.stage("done", dict),
        lambda: run.model("purifier", train),
        lambda: freeze(run.preset, tmp_path, device="cpu", tell=run.tell),
    ):
        with pytest.raises(
            InputError, match=r"(made\.npz|done\.json|config\.json|frozen\.json): this file is damaged"
        ):
            damaged()
    # A report makes nothing.
    for lost in (lambda: run.array("lost"), lambda: run.model("lost")):
        with pytest.raises(InputError, match=r"lost.* is missing, which an earlier stage"):
            lost()
    assert not list(tmp_path.rglob("lost*"))


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        exclusive(tmp_path),
        pytest.raises(InputError, match="another dira reproduce is running"),
        exclusive(tmp_path),
    ):
        pass
    with exclusive(tmp_path):
        pass


def test_the_first_of_two_rounds_has_the_bits_of_one_round() -> None:
    noisy = np.random.default_rng(0).random((5, 16, 16), np.float32)
    purifier = Purifier(unet={"blocks": (16, 32)}).fit(noisy, steps=2, batch_size=4)
    first = np.empty_like(noisy)

    def watch(start: int, number: int, t: int, x: np.ndarray) -> None:
        if number == 1 and t == 0:
            first[start : start + len(x)] = x[:, 0]

    how: dict[str, Any] = {"scale": 4.0, "seed": 5, "batch_size": 2}
    purifier.enhance(noisy, 6, 2, watch=watch, **how)
    np.testing.assert_array_equal(first, purifier.enhance(noisy, 6, 1, **how))


@pytest.mark.parametrize("wants_average", [True, False])
def test_a_gan_keeps_the_better_of_weights_and_their_average(wants_average: bool) -> None:
    spectra, labels = np.random.default_rng(0).random((8, 16, 16)), [3, 4] * 4
    seen: list[np.ndarray] = []

    def judge(gan: ConditionalGAN) -> float:
        seen.append(gan.sample([3, 4], seed=0))
        return float((len(seen) % 2 == 0) != wants_average)  # weights first, then their average

    how: dict[str, Any] = {"steps": 4, "batch_size": 4}
    gan = ConditionalGAN(width=8).fit(spectra, labels, average=0.9, best_by=judge, every=4, **how)
    assert len(seen) == 2 and not np.array_equal(*seen)
    np.testing.assert_array_equal(gan.sample([3, 4], seed=0), seen[wants_average])
    plain = ConditionalGAN(width=8).fit(spectra, labels, **how)
    np.testing.assert_array_equal(plain.sample([3, 4], seed=0), seen[0])


@pytest.mark.parametrize("judged", [True, False])
def test_a_gan_that_was_stopped_goes_on_with_the_same_bits(tmp_path: Path, judged: bool) -> None:
    spectra, labels = np.random.default_rng(0).random((8, 16, 16)), [3, 4] * 4

    def stop(done: int, _: int, __: float) -> None:
        if done == 5:
            raise KeyboardInterrupt

    calls: list[int] = []

    def judge(gan: ConditionalGAN) -> float:
        calls.append(1)
        return -float(gan.sample([3, 4], seed=0).mean())  # brighter with every step: the last ones are kept

    how: dict[str, Any] = {"steps": 8, "batch_size": 4, "average": 0.9, "every": 2}
    how |= {"best_by": judge} if judged else {}
    whole = ConditionalGAN(width=8).fit(spectra, labels, **how)
    before = len(calls)
    with pytest.raises(KeyboardInterrupt):
        ConditionalGAN(width=8).fit(spectra, labels, checkpoints=tmp_path, progress=stop, **how)
    early = ConditionalGAN(width=8).fit(spectra, labels, **how | {"steps": 4})
    calls.clear()
    resumed = ConditionalGAN(width=8).fit(spectra, labels, checkpoints=tmp_path, **how)
    assert len(calls) == before / 2  # the first half is not done again
    kept, first = whole.network.state_dict(), early.network.state_dict()
    assert all(torch.equal(value, kept[name]) for name, value in resumed.network.state_dict().items())
    assert not all(torch.equal(value, kept[name]) for name, value in first.items())
    assert resumed.history["best"] == whole.history["best"]
    for change, told in (
        ({"seed": 1}, r"training\.seed 0 there, 1 here"),
        ({"labels": [6, 7] * 4}, r"classes\.n_targets"),
    ):
        with pytest.raises(InputError, match=f"checkpoints of another training: {told}"):
            ConditionalGAN(width=8).fit(
                spectra, **{"labels": labels, "checkpoints": tmp_path, **how, **change}
            )


def test_a_gan_takes_the_steps_of_two_optimisers() -> None:
    spectra, labels = np.random.default_rng(1).random((8, 16, 16)), [3, 4] * 4
    how: dict[str, Any] = {"steps": 3, "batch_size": 4, "seed": 2}
    gan = ConditionalGAN(width=8).fit(spectra, labels, **how)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        makes = gan.build(gan.axes, gan.classes).train()
        judges = _Discriminator(gan.config, gan.axes, [2]).train()
    ways = [torch.optim.Adam(net.parameters(), 2e-4, betas=(0.0, 0.9)) for net in (makes, judges)]
    real = torch.from_numpy(gan.config.scaling.to_model(spectra[:, None].astype(np.float32)))
    numbers = torch.tensor([[0], [1]] * 4)
    for step, rows in enumerate(batches(8, 4, 2, 0, 3)):
        shown, of = real[rows], numbers[rows]
        chance = torch.Generator().manual_seed(step + 1_000_003 * 2)
        noise = torch.randn((2, 4, 128), generator=chance)
        false = makes(noise[0], of).detach()
        loss = torch.relu(1 - judges(shown, of)).mean() + torch.relu(1 + judges(false, of)).mean()
        ways[1].zero_grad()
        loss.backward()
        ways[1].step()
        ways[0].zero_grad()
        (-judges(makes(noise[1], of), of).mean()).backward()
        ways[0].step()
    kept = gan.network.state_dict()
    # Kernels may sum in another order from one tensor to the next, and Adam takes a rounding error of a gradient of
    # zero for a step. A wrong step moves nearly all weights by 2e-4.
    off = torch.cat(
        [(value - kept[name]).abs().float().flatten() for name, value in makes.state_dict().items()]
    )
    assert (off < 2e-5).float().mean() > 0.98 and off.max() < 3 * 2 * 2e-4


def test_a_gan_is_not_judged_by_what_is_no_number() -> None:
    with pytest.raises(InputError, match="best_by must give a finite number, got nan after 2 steps"):
        ConditionalGAN(width=8).fit(
            np.ones((4, 16, 16)), [3, 4] * 2, steps=2, batch_size=4, best_by=lambda _: float("nan")
        )
