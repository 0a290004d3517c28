"""Sizes of the experiments: ``smoke`` shows that it works, ``laptop`` takes hours, ``paper`` a GPU."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dira.config import Config, UNetConfig
from isacsim.errors import InputError

__all__ = ["PRESETS", "Preset", "preset"]


class Preset(Config):
    """Size of every part of the experiments."""

    name: str
    bins: int
    """Bins of acceleration and of jerk."""
    original: str = "lab"
    """Scenario that is trained on."""
    others: tuple[str, ...] = ("corridor", "hall")
    """Scenarios for the cross-validation."""
    out_of_domain: str = "lab_siso"
    """Out-of-domain scenario whose spectra are mixed in."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """One training set, generator and set of counters each."""
    class_sizes: dict[int, int]
    """Training spectra for each number of targets."""
    expanded: int
    """Size to which every class is brought."""
    reference: int
    """Spectra a class of the original scenario that distances are measured to, and generated ones."""
    test: int
    """Spectra a class of each scenario for counting and for enhancement."""
    simulated: int
    """Thinned spectra a class that purifier and denoiser are trained on, and that more simulation adds."""
    features: int
    """Thinned spectra a class that the features of the distances are trained on."""
    validation: int
    """Spectra a class for the best checkpoint of the GAN and for the purifier's guidance."""
    unet: UNetConfig
    prediction: Literal["epsilon", "v_prediction"] = "v_prediction"
    """Prediction of the generator: the noise, as the paper has it, or the velocity, nearer at large steps. The purifier
    walks small ones and predicts the noise."""
    learning_rate: float
    """Learning rate of the generator."""
    gan_rates: tuple[float, ...] = (1e-4, 2e-4, 4e-4)
    """Learning rates of the GAN to choose from."""
    purifier_rate: float
    """Learning rate of purifier and paired denoiser."""
    counter_width: int = 64
    batch: int = 16
    counter_batch: int = 64
    generator_steps: int
    purifier_steps: int
    counter_steps: int
    stream_steps: int
    """Steps of the detector and of the counter that learn from a stream of the original scenario."""
    stream_batch: int = 64
    stream_uses: int = 4
    """Number of times that each sample of the stream is used."""
    fine_tuning_steps: int = 200
    """Steps on the original data of the counter that was trained on the stream."""
    baseline_share: float = Field(default=1.0, gt=0, le=1)
    """Share of the generator's wall time that the VAE gets; the GAN gets the whole."""
    sizes: tuple[int, ...]
    """Numbers of training spectra of Fig. 7, shared among the classes as the training set is."""
    sizes_steps: int
    samplers: tuple[tuple[str, int], ...]
    """Samplers and steps of the table; the first is what everything else uses."""
    sampled: int
    """Spectra a class for each row of that table."""
    scales: tuple[float, ...] = (1.0, 4.0, 16.0, 64.0)
    """Strengths a of the guidance (eq. 39) to choose from on the validation set, at the first variant's T*."""
    t_stars: tuple[int, ...] = (100, 200)
    """Larger T*, each with the strengths ``far_scales``, from which the validation set chooses a variant of its own."""
    far_scales: tuple[float, ...] = (0.25, 1.0, 4.0)
    variants: tuple[tuple[str, int, int], ...] = (
        ("T* = 50, W = 2", 50, 2),
        ("T* = 50, W = 1", 50, 1),
        ("T* = 100, W = 1", 100, 1),
    )
    """Variants of the enhancement: name, T*, W; the first is DiRA's, the second the result of its first round."""
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    """Generated spectra as a share of the original ones."""
    shares: tuple[float, ...] = (0.25, 0.5, 1.0)
    """Shares of the original training set."""
    out_of_domain_share: float = 0.5
    """Out-of-domain spectra mixed in, as a share of the original ones."""
    model_based: int
    """Captures of each scenario that `estimate_paths` counts."""
    precision: Literal["no", "bf16", "fp16"] = "no"
    resamples: int = 50
    """Resamples in the bootstrap of each distance."""
    least: int = 2000
    """Spectra a side below which there is no Fréchet distance."""


_PAPER = {3: 1800, 4: 1600, 5: 1400, 6: 1200, 7: 1000}

PRESETS = {
    "smoke": Preset(
        name="smoke",
        bins=16,
        original="lab_cubic",
        others=("corridor_cubic",),
        out_of_domain="default",
        seeds=(0,),
        class_sizes={3: 5, 4: 4, 5: 4, 6: 3, 7: 3},
        expanded=5,
        reference=5,
        test=3,
        simulated=5,
        features=3,
        validation=2,
        unet=UNetConfig(blocks=(16, 32)),
        learning_rate=1e-3,
        purifier_rate=1e-3,
        counter_width=8,
        batch=8,
        counter_batch=8,
        gan_rates=(1e-4, 2e-4),
        generator_steps=6,
        purifier_steps=6,
        counter_steps=6,
        stream_steps=4,
        stream_batch=8,
        fine_tuning_steps=2,
        sizes=(5, 15),
        sizes_steps=4,
        samplers=(("dpm", 3), ("ddim", 3)),
        sampled=2,
        scales=(1.0, 4.0),
        t_stars=(12,),
        far_scales=(0.0, 1.0),
        variants=(("T* = 5, W = 2", 5, 2), ("T* = 5, W = 1", 5, 1), ("T* = 8, W = 1", 8, 1)),
        ratios=(1.0,),
        shares=(0.5, 1.0),
        model_based=1,
        resamples=2,
        least=10,
    ),
    "laptop": Preset(
        name="laptop",
        bins=64,
        class_sizes=dict.fromkeys(_PAPER, 50),
        expanded=100,
        reference=200,
        test=40,
        simulated=400,
        features=150,
        validation=40,
        unet=UNetConfig(blocks=(32, 64, 96), patch=2),
        learning_rate=1e-3,
        purifier_rate=1e-3,
        counter_width=16,
        generator_steps=1000,
        purifier_steps=2000,
        counter_steps=150,
        stream_steps=2000,
        stream_batch=32,
        baseline_share=0.25,
        sizes=(50, 150, 250),
        sizes_steps=300,
        samplers=(("dpm", 20), ("dpm", 10), ("ddim", 50), ("ddpm", 100)),
        sampled=20,
        scales=(1.0, 4.0, 16.0),
        t_stars=(150,),
        far_scales=(1.0, 4.0),
        variants=(("T* = 50, W = 1", 50, 1),),
        ratios=(1.0, 2.0),
        shares=(1.0,),
        model_based=40,
        precision="bf16",
        least=1000,
    ),
    "paper": Preset(
        name="paper",
        bins=64,
        class_sizes=_PAPER,
        expanded=1800,
        reference=1000,
        test=400,
        simulated=4000,
        features=1000,
        validation=200,
        unet=UNetConfig(blocks=(64, 128, 256), layers=2),
        learning_rate=3e-4,
        purifier_rate=3e-4,
        batch=64,
        generator_steps=150_000,
        purifier_steps=150_000,
        counter_steps=10_000,
        stream_steps=20_000,
        fine_tuning_steps=2000,
        sizes=(500, 1000, 1500),
        sizes_steps=100_000,
        samplers=(("ddim", 50), ("dpm", 20), ("dpm", 10), ("ddim", 20), ("ddpm", 1000)),
        sampled=400,
        model_based=300,
        precision="bf16",
    ),
}


def preset(name: str) -> Preset:
    """Give a preset by name.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    if name not in PRESETS:
        raise InputError(f"preset must be one of {', '.join(PRESETS)}, got {name!r}.")
    return PRESETS[name]
