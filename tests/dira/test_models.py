"""The models on tiny spectra: what they refuse, that they learn, and that chance is where it is said to be."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import dira
from dira.commands.options import KINDS
from dira.config import Scaling, ScheduleConfig
from dira.models.model import Model, NotFitted
from dira.models.schedule import alphas_bar
from dira.networks.resnet import ResNet18
from isacsim.errors import InputError

pytestmark = pytest.mark.numerical

TINY = {"unet": {"blocks": (16, 32)}}
# They learn from windows of CSI, not from spectra: `dira train` does not take them.
OF_WINDOWS = {"Encoder", "PathPosterior", "PeopleCounter", "WindowClassifier"}


def test_dira_train_takes_every_model_of_spectra():
    models = {name for name in dira.__all__ if isinstance(getattr(dira, name), type)}
    assert {name for name, _ in KINDS.values()} == models - OF_WINDOWS
    for name, variable in KINDS.values():
        model = getattr(dira, name)
        assert issubclass(model, Model) and model.title and model().scaling
        assert variable in ("aj_noisy", "aj_clean")


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def spots(n: int, seed: int = 0, size: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Spectra with one bright row (class 3) or one bright column (class 4)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, 5, n)
    spectra = np.full((n, size, size), 1e-4, np.float32)
    for i, label in enumerate(labels):
        place = rng.integers(2, size - 2)
        spectra[i][(place, slice(None)) if label == 3 else (slice(None), place)] = rng.uniform(0.5, 2)
    return spectra, labels


@pytest.fixture(scope="module")
def trained() -> dira.ConditionalDiffusion:
    torch.set_num_threads(1)
    return dira.ConditionalDiffusion(**TINY).fit(
        *spots(64, size=8), steps=300, batch_size=16, learning_rate=3e-3, average=0.95
    )


def test_generates_each_class_from_noise(trained):
    wanted = np.array([3] * 48 + [4] * 48)
    made = trained.sample(wanted, seed=5, sampler="ddim", steps=20)
    assert made.shape == (96, 8, 8) and made.dtype == np.float32 and made.min() >= 0 and made.max() <= 1
    # A bright row has its brightest pixels in one row: the spread of the row means tells the classes apart. By the
    # fourth root, as the one bin that is Pmax by definition outweighs all others of its row and column else.
    root = made**0.25
    along, across = root.mean(axis=2).max(axis=1), root.mean(axis=1).max(axis=1)
    guess = np.where(along > across, 3, 4)
    # Chance is a half with a standard deviation of 0.05: five of them. Training ends elsewhere on another processor.
    assert (guess == wanted).mean() > 0.75


@pytest.mark.parametrize(("sampler", "steps"), [("ddpm", 8), ("ddim", 4), ("dpm", 4)])
def test_a_sample_depends_on_its_seed_and_place_alone(trained, sampler, steps):
    how = {"seed": 3, "sampler": sampler, "steps": steps}
    five = trained.sample([3, 4, 3, 4, 3], **how)
    np.testing.assert_array_equal(five, trained.sample([3, 4, 3, 4, 3], **how))
    # Batches of another size round otherwise, 3e-5 here; another seed is 0.1 and more away.
    np.testing.assert_allclose(trained.sample([3, 4, 3], batch_size=2, **how), five[:3], atol=2e-3)
    assert np.abs(trained.sample([3, 4, 3, 4, 3], **how | {"seed": 4}) - five).max() > 0.1


def test_threads_are_those_of_the_environment_and_set_back(trained, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before, used = torch.get_num_threads(), []
    watched = trained.network.register_forward_pre_hook(lambda *_: used.append(torch.get_num_threads()))
    torch.set_num_threads(2)
    try:
        trained.sample([3], seed=3, sampler="dpm", steps=1)
        assert torch.get_num_threads() == 2
    finally:
        watched.remove()
        torch.set_num_threads(before)
    assert set(used) == {1}


def test_as_many_steps_as_trained(trained):
    """Times of DPM-Solver++ come twice then; each step is made all the same."""
    steps = trained.config.schedule.steps
    made = trained.sample([3], seed=3, sampler="dpm", steps=steps)
    assert np.isfinite(made).all()


def test_global_random_state_is_left_alone(trained):
    before = torch.random.get_rng_state()
    dira.ConditionalDiffusion(**TINY).fit(*spots(4), steps=1, batch_size=2)
    trained.sample([3], seed=0, sampler="ddim", steps=1)
    assert torch.equal(before, torch.random.get_rng_state())


def test_saved_and_read_again(trained, tmp_path):
    trained.save_pretrained(tmp_path / "model")
    assert sorted(f.name for f in (tmp_path / "model").iterdir()) == ["config.json", "model.safetensors"]
    modes = {f.stat().st_mode for f in (tmp_path / "model").iterdir()}
    assert len(modes) == 1  # who may read one may read the other
    again = dira.ConditionalDiffusion.from_pretrained(tmp_path / "model")
    how = {"seed": 1, "sampler": "ddim", "steps": 3}
    np.testing.assert_array_equal(again.sample([4, 3], **how), trained.sample([4, 3], **how))
    assert again.classes == {"n_targets": [3, 4]} and again.history["samples"] == 64
    trained.save_pretrained(tmp_path / "half", half=True)
    half, whole = ((tmp_path / k / "model.safetensors").stat().st_size for k in ("half", "model"))
    assert half < 0.6 * whole
    with pytest.raises(InputError, match="holds a ConditionalDiffusion, not a Purifier"):
        dira.Purifier.from_pretrained(tmp_path / "model")
    with pytest.raises(InputError, match=r"config\.json is missing"):
        dira.Purifier.from_pretrained(tmp_path)
    data = (tmp_path / "model" / "model.safetensors").read_bytes()
    (tmp_path / "model" / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="damaged"):
        dira.ConditionalDiffusion.from_pretrained(tmp_path / "model")


class Stopped(Exception):
    pass


def stop_at(step: int):
    def look(done: int, total: int, loss: float) -> None:
        if done == step:
            raise Stopped

    return look


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_stopped_and_resumed_has_the_same_bits(tmp_path, average):
    spectra, labels = spots(10)
    how = {"steps": 6, "batch_size": 4, "average": average, "every": 2}
    whole = dira.ConditionalDiffusion(**TINY).fit(spectra, labels, **how)
    with pytest.raises(Stopped):
        dira.ConditionalDiffusion(**TINY).fit(
            spectra, labels, checkpoints=tmp_path, progress=stop_at(5), **how
        )
    assert [f.name for f in sorted(tmp_path.iterdir())] == ["step-00000002", "step-00000004"]
    resumed = dira.ConditionalDiffusion(**TINY).fit(spectra, labels, checkpoints=tmp_path, **how)
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    # Seconds are those of both parts: the part that was lost counts for nothing.
    kept = json.loads((sorted(tmp_path.iterdir())[-1] / "state.json").read_text())
    assert 0 < kept["seconds"] < resumed.history["seconds"] + 0.1
    with pytest.raises(InputError, match=r"another training: training\.steps 6 there, 9 here"):
        dira.ConditionalDiffusion(**TINY).fit(spectra, labels, checkpoints=tmp_path, **how | {"steps": 9})
    with pytest.raises(InputError, match="another training: data"):
        dira.ConditionalDiffusion(**TINY).fit(spectra * np.arange(1, 17), labels, checkpoints=tmp_path, **how)
    (sorted(tmp_path.iterdir())[-1] / "optimiser.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match="damaged"):
        dira.ConditionalDiffusion(**TINY).fit(spectra, labels, checkpoints=tmp_path, **how)


def test_schedules_end_in_noise():
    alphas = alphas_bar(ScheduleConfig())
    assert float(alphas[-1].sqrt()) == pytest.approx(0.0064, abs=1e-4)  # METHOD section 5
    assert float((1 - alphas[49]).sqrt()) == pytest.approx(0.17, abs=0.01)
    alphas_bar(ScheduleConfig(kind="cosine"))
    with pytest.raises(InputError, match=r"at the last of 100 steps √ᾱ is 0\.\d+.*below 0\.01"):
        dira.ConditionalDiffusion(schedule={"steps": 100})


def test_scaling_keeps_amplitudes_and_comes_back():
    spectra = np.random.default_rng(0).random((3, 1, 4, 4)).astype(np.float32)
    scaled = Scaling().to_model(spectra * 7)
    assert scaled.max() == 1 and scaled.min() >= -1
    np.testing.assert_allclose(
        Scaling().from_model(scaled), spectra / spectra.max(axis=(1, 2, 3), keepdims=True), rtol=1e-5
    )
    assert (Scaling().to_model(np.zeros((1, 1, 2, 2), np.float32)) == -1).all()


def test_purification_follows_its_reference(trained):
    spectra, _ = spots(48, seed=1, size=12)
    purifier = dira.Purifier(**TINY).fit(spectra, steps=150, batch_size=16, learning_rate=3e-3, average=0.95)
    clean, _ = spots(6, seed=2, size=12)
    noisy = clean + 0.02 * np.random.default_rng(3).random(clean.shape).astype(np.float32)
    how = {"t_star": 60, "seed": 0}
    made = purifier.enhance(noisy, rounds=1, **how)
    np.testing.assert_array_equal(made, purifier.enhance(noisy, rounds=1, **how))
    np.testing.assert_allclose(
        made[:2], purifier.enhance(noisy, rounds=1, batch_size=2, **how)[:2], atol=2e-3
    )

    def off(values: np.ndarray) -> float:
        relative = [v / v.max(axis=(1, 2), keepdims=True) for v in (values, clean)]
        return float(np.mean((relative[0] ** 0.25 - relative[1] ** 0.25) ** 2))

    assert off(made) < 0.75 * off(noisy)
    # The stronger the guidance, the nearer to what was given.
    given = Scaling().to_model(noisy[:, None])[:, 0]
    free, held = (
        np.mean(
            (
                2
                * purifier.enhance(noisy, rounds=1, distance="mse", reference="input", scale=a, **how) ** 0.25
                - 1
                - given
            )
            ** 2
        )
        for a in (0.0, 3.0)
    )
    assert held < free


def test_resnet_18_is_the_published_one():
    assert (
        sum(p.numel() for p in ResNet18(3, 1000).parameters()) == 11_689_512
    )  # He et al. 2016, as torchvision counts
    assert ResNet18(1, 5)(torch.zeros(2, 1, 64, 64)).shape == (2, 5)
    assert ResNet18(1, 5).stages(torch.zeros(1, 64, 16, 16)).shape == (1, 512, 2, 2)


def test_the_counter_learns_and_tells_how_sure_it_is():
    spectra, counts = spots(96, size=32)
    counter = dira.TargetCounter(width=8).fit(spectra, counts, steps=60, batch_size=16)
    held_out, truth = spots(64, seed=9, size=32)
    # By chance 0.5 ± 0.06; training ends elsewhere on another processor.
    assert counter.score(held_out, truth) > 0.75
    table = counter.confusion(held_out, truth)
    assert table.sum() == 64 and np.trace(table) == round(64 * counter.score(held_out, truth))
    assert counter.features(held_out).shape == (64, 64)

    def surprise() -> float:
        p = counter.predict_proba(held_out)
        return -float(np.log(p[np.arange(64), np.searchsorted(counter.counts, truth)]).mean())

    before, predicted = surprise(), counter.predict(held_out)
    counter.calibrate(held_out, truth)
    assert surprise() <= before + 1e-6
    best = counter.config.temperature
    for measure in (counter.score, counter.confusion, counter.calibrate):
        with pytest.raises(InputError, match="labels"):
            measure(held_out, truth[:-1])
    assert counter.calibrate(held_out, truth).config.temperature == pytest.approx(
        best
    )  # whatever was set before
    np.testing.assert_array_equal(counter.predict(held_out), predicted)


def test_channels_between_sample_and_axes():
    spectra = np.random.default_rng(0).random((4, 2, 3, 16, 16))
    model = dira.ConditionalDiffusion(**TINY).fit(
        spectra,
        {"n_targets": [3, 4, 3, 4], "scenario": ["lab", "hall", "hall", "lab"]},
        steps=1,
        batch_size=2,
    )
    assert model.classes == {"n_targets": [3, 4], "scenario": ["hall", "lab"]}
    made = model.sample(
        {"n_targets": [3], "scenario": ["lab"]}, seed=0, sampler="ddim", steps=1, guidance=2.0
    )
    assert made.shape == (1, 6, 16, 16)


AXES = {"acceleration": np.linspace(-8, 8, 16), "jerk": np.linspace(-40, 40, 16)}


def labelled(**axes: np.ndarray) -> xr.DataArray:
    return xr.DataArray(np.ones((4, 16, 16)), AXES | axes, ("sample", "acceleration", "jerk"))


def test_other_axes_are_refused(trained):
    purifier = dira.Purifier(**TINY).fit(labelled(), steps=1, batch_size=2)
    assert purifier.enhance(labelled(), t_star=1, rounds=1, seed=0).shape == (4, 16, 16)
    with pytest.raises(InputError, match="acceleration_max 16 where the model has 8"):
        purifier.enhance(labelled(acceleration=np.linspace(-16, 16, 16)), seed=0)
    with pytest.raises(InputError, match="bins_jerk 12 where the model has 16"):
        purifier.enhance(np.ones((2, 16, 12)), seed=0)


GOOD = (np.ones((4, 16, 16)), [3, 4, 3, 4])


@pytest.mark.parametrize(
    ("spectra", "labels", "how", "message"),
    [
        (np.ones((4, 16)), [1] * 4, {}, r"shape \(sample, \[channel,\] acceleration, jerk\).*got \(4, 16\)"),
        (-np.ones((4, 16, 16)), [1] * 4, {}, "not negative"),
        (np.full((4, 16, 16), np.nan), [1] * 4, {}, "4 of 4 samples hold NaN"),
        (np.ones((4, 15, 16)), [1] * 4, {}, "15 x 16 bins do not fit 2 blocks.*multiples of 2"),
        (GOOD[0], [1, 2], {}, r"n_targets must have one value for each of 4 samples, got \(2,\)"),
        (GOOD[0], [1.5] * 4, {}, "whole numbers"),
        (*GOOD, {"steps": 0}, "fit: steps: .*greater than or equal to 1, got 0"),
        (*GOOD, {"batch": 3}, "fit: batch: Extra inputs are not permitted, got 3"),
        (*GOOD, {"device": "tpu"}, "device must be auto, cpu, cuda or mps, got 'tpu'"),
    ],
)
def test_what_can_t_be_trained_on_is_refused(spectra, labels, how, message):
    with pytest.raises(InputError, match=message):
        dira.ConditionalDiffusion(**TINY).fit(spectra, labels, **{"steps": 1, **how})


def test_wrong_arguments_of_sampling(trained):
    for wrong, message in [
        ({"labels": [5], "seed": 0}, r"n_targets 5 is none of the model's \[3, 4\]"),
        ({"labels": [3], "seed": -1}, "seed must be an integer of at least 0, got -1"),
        ({"labels": [3], "seed": 0, "sampler": "euler"}, "ddpm, ddim, dpm, got 'euler'"),
        ({"labels": [3], "seed": 0, "steps": 1001}, "from 1 to 1000, got 1001"),
        ({"labels": {"count": [3]}, "seed": 0}, r"labels must name \['n_targets'\], got \['count'\]"),
        ({"seed": 0}, "needs labels"),
    ]:
        with pytest.raises(InputError, match=message):
            trained.sample(**wrong)
    with pytest.raises(NotFitted, match="Purifier is not trained"):
        dira.Purifier().enhance(np.ones((1, 16, 16)), seed=0)
    with pytest.raises(InputError, match=r"ConditionalDiffusion: prediction: .*got 'x0'"):
        dira.ConditionalDiffusion(prediction="x0")
    purifier = dira.Purifier(unet={"blocks": (16, 32)}).fit(np.ones((2, 16, 16)), steps=1, batch_size=2)
    for scale in (None, "a", float("nan"), -1, True):
        with pytest.raises(InputError, match=f"scale must be a number of at least 0, got {scale!r}"):
            purifier.enhance(np.ones((1, 16, 16)), 2, 1, scale=scale, seed=0)


def test_nothing_is_unpickled():
    told = [
        (path.name, call)
        for path in Path(dira.__file__).parent.rglob("*.py")
        for call in re.findall(r"(?:torch|pickle)\.loads?\(.*", path.read_text())
        if "weights_only=True" not in call
    ]
    assert told == []
