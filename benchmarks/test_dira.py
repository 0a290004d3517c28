"""Training and purification with dira against plain loops over the same network, on one thread."""

from __future__ import annotations

import copy
import time as clock
from functools import partial

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from diffusers import DDPMScheduler, UNet2DModel
from diffusers.optimization import get_cosine_schedule_with_warmup
from diffusers.training_utils import EMAModel
from torch.utils.data import DataLoader

import dira
from dira.config import Axes
from dira.models.diffusion import diffusion_loss
from dira.training.source import batches
from dira.training.train import Training, _seed

SIZE, BATCH, STEPS, SAMPLES = 32, 16, 4, 64
IMAGES, T_STAR, ROUNDS = 8, 10, 1
HOW = Training(steps=STEPS, batch_size=BATCH)
AXES = Axes(channels=1, bins_acceleration=SIZE, bins_jerk=SIZE)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    # Two threads of torch collapse beside any busy neighbour.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def spectra():
    return np.random.default_rng(0).random((SAMPLES, SIZE, SIZE), np.float32)


def ours(spectra):
    return dira.Purifier().fit(spectra, steps=STEPS, batch_size=BATCH, device="cpu", threads=1).network


def plain(spectra):
    """What anyone would write: the same network, noise, loss, clipping, optimiser, rates and average of weights."""
    model = dira.Purifier()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(HOW.seed)
        network = model.build(AXES, {}).train()
    average = copy.deepcopy(network).requires_grad_(False)
    optimiser = torch.optim.AdamW(network.parameters(), HOW.learning_rate, weight_decay=HOW.weight_decay)
    data = torch.from_numpy(model.config.scaling.to_model(spectra[:, None]))
    for step, rows in enumerate(batches(SAMPLES, BATCH, HOW.seed, 0, STEPS)):
        generator = torch.Generator().manual_seed(_seed(HOW.seed, step))
        torch.rand(BATCH, generator=generator)  # which labels ours would withhold
        loss = diffusion_loss(
            network,
            data[torch.from_numpy(rows)],
            None,
            config=model.config,
            alphas=model.alphas,
            generator=generator,
            rows=slice(0, BATCH),
            batch_size=BATCH,
        )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), HOW.clip)
        optimiser.param_groups[0]["lr"] = HOW.rate(step)
        optimiser.step()
        optimiser.zero_grad()
        with torch.no_grad():
            decay = min(HOW.average, (1 + step) / (10 + step))
            for mine, other in zip(average.parameters(), network.parameters(), strict=True):
                mine.lerp_(other, 1 - decay)
    return average


def field(spectra):
    """The loop of diffusers' unconditional training example, with its average of weights, at the same size."""
    config = dira.Purifier().build(AXES, {}).network.config
    model = UNet2DModel(**{k: v for k, v in config.items() if not k.startswith("_")})
    scheduler = DDPMScheduler(num_train_timesteps=1000)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.95, 0.999), weight_decay=1e-6)
    data = torch.from_numpy(2 * spectra[:, None] ** 0.25 - 1)
    loader = DataLoader(data, batch_size=BATCH, shuffle=True)
    rates = get_cosine_schedule_with_warmup(optimiser, num_warmup_steps=500, num_training_steps=STEPS)
    ema = EMAModel(model.parameters(), decay=0.9999, use_ema_warmup=True, inv_gamma=1.0, power=0.75)
    here = Accelerator(cpu=True)
    model, optimiser, loader, rates = here.prepare(model, optimiser, loader, rates)
    model.train()
    for _, clean in zip(range(STEPS), loader, strict=False):
        noise = torch.randn(clean.shape)
        steps = torch.randint(0, 1000, (len(clean),)).long()
        noisy = scheduler.add_noise(clean, noise, steps)
        with here.accumulate(model):
            loss = torch.nn.functional.mse_loss(model(noisy, steps).sample, noise)
            here.backward(loss)
            here.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            rates.step()
            optimiser.zero_grad()
        ema.step(model.parameters())
    return model


def measured(benchmark, function, units):
    benchmark.extra_info["units"] = units
    benchmark.pedantic(function, rounds=5, warmup_rounds=1)
    return units / benchmark.stats.stats.median


def test_train_ours(benchmark, spectra):
    network = ours(spectra)
    for (name, value), other in zip(network.named_parameters(), plain(spectra).parameters(), strict=True):
        assert torch.equal(value, other), name
    rate = measured(benchmark, partial(ours, spectra), BATCH * STEPS)
    size = sum(p.numel() for p in network.parameters())
    benchmark.extra_info["note"] = (
        f"{rate:.0f} samples/s: {SIZE} x {SIZE} bins, batches of {BATCH}, {size / 1e6:.2f} million parameters, "
        "float32, one thread. The plain loop ends with the same bits."
    )


def test_train_plain(benchmark, spectra):
    measured(benchmark, partial(plain, spectra), BATCH * STEPS)
    benchmark.extra_info["note"] = in_turns("the plain loop", plain, spectra)


def in_turns(name, function, spectra):
    """What a busy neighbour takes, he takes from both of a pair."""
    ratios = np.array([cpu_time(function, spectra) / cpu_time(ours, spectra) for _ in range(5)])
    return (
        f"In turns, by CPU time, {name} takes {np.median(ratios):.2f} of ours (median of {len(ratios)}; "
        f"{ratios.min():.2f} to {ratios.max():.2f})."
    )


def cpu_time(function, *args):
    start = clock.process_time()
    function(*args)
    return clock.process_time() - start


def test_train_field(benchmark, spectra):
    size = sum(p.numel() for p in field(spectra).parameters())
    assert size == sum(p.numel() for p in dira.Purifier().build(AXES, {}).parameters())
    measured(benchmark, partial(field, spectra), BATCH * STEPS)
    benchmark.extra_info["note"] = in_turns("the loop of diffusers' example", field, spectra)


@pytest.fixture(scope="module")
def purifier(spectra):
    return dira.Purifier().fit(spectra, steps=1, batch_size=BATCH, device="cpu")


def enhanced(purifier, spectra):
    return purifier.enhance(spectra[:IMAGES], T_STAR, ROUNDS, seed=0, device="cpu")


def test_enhance_ours(benchmark, purifier, spectra):
    assert np.array_equal(enhanced(purifier, spectra), enhanced(purifier, spectra))
    rate = measured(benchmark, partial(enhanced, purifier, spectra), IMAGES * T_STAR * ROUNDS)
    benchmark.extra_info["note"] = (
        f"{rate:.0f} steps of the walk a second: {rate / 100:.2f} images/s at the paper's T* = 50, W = 2 (100 steps an "
        f"image), {SIZE} x {SIZE} bins, {IMAGES} at once, guided by SSIM, float32, one thread."
    )


@torch.no_grad()
def evaluated(purifier, spectra):
    network, _ = purifier.fitted()
    images = torch.from_numpy(purifier.config.scaling.to_model(spectra[:IMAGES, None]))
    for t in range(T_STAR * ROUNDS, 0, -1):
        network(images, torch.full((IMAGES,), t - 1))


def test_enhance_network(benchmark, purifier, spectra):
    measured(benchmark, partial(evaluated, purifier, spectra), IMAGES * T_STAR * ROUNDS)
