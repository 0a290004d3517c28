"""Baselines for DiRA's generator: a GAN and a VAE as large, in as much wall time or a share of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dira import ConditionalDiffusion, ConditionalGAN, ConditionalVAE
from dira.config import Axes
from dira.experiment.generators import features, generator, size_of
from dira.experiment.samples import Spectra, counting_set
from dira.experiment.stages import Run
from dira.metrics.distances import kernel_distance
from dira.models.model import Model

__all__ = ["STEP_SECONDS", "baselines", "gan_rate"]

_PROBE = 16
# How often the GAN is judged on its way, and what is left of its time for training.
_JUDGED, _GAN_SHARE = 20, 0.9
# Share of a training after which its learning rates are compared.
_TRIED = 0.25
_AVERAGE = 0.999
STEP_SECONDS = ("step_seconds", "step_seconds_of_dira")


def _equal_width(run: Run, kind: type[Model], parameters: int) -> int:
    """Width at which a GAN's generator or a VAE has about as many parameters as the diffusion model."""
    p = run.preset
    axes = Axes(channels=1, bins_acceleration=p.bins, bins_jerk=p.bins)
    classes: dict[str, list[int | str]] = {"n_targets": list(p.class_sizes)}

    def off(width: int) -> int:
        net = kind(width=width).build(axes, classes)
        return abs(sum(parameter.numel() for parameter in net.parameters()) - parameters)

    return min(range(8, 129, 8), key=off)


def _step_seconds(kind: type[Any], settings: dict[str, Any], train: Spectra, how: dict[str, Any]) -> float:
    """Wall time of a step of training, after a first one: the median, as other work may be going on."""
    begun = []
    kind(**settings).fit(
        train.values,
        train.counts,
        steps=_PROBE + 1,
        progress=lambda done, total, loss: begun.append(time.perf_counter()),
        **how,
    )
    return float(np.median(np.diff(begun)))


@dataclass(frozen=True)
class _Budget:
    """Budget of a baseline: a share of the wall time of DiRA's generator."""

    width: int
    steps: int
    step_seconds: float
    of_dira: float

    @classmethod
    def measured(
        cls, run: Run, name: str, kind: type[Model], train: Spectra, share: float, dira: Any
    ) -> _Budget:
        """Measure a step of each, one after the other: a machine's speed may change between trainings.

        It is measured once, so that a training that was stopped goes on with as many steps.
        """
        p = run.preset

        def measure() -> dict[str, Any]:
            width = _equal_width(run, kind, size_of(dira))
            how: dict[str, Any] = {"batch_size": p.batch, "seed": 0, "device": run.device}
            settings = dira.config.model_dump()
            of_dira = _step_seconds(ConditionalDiffusion, settings, train, {"precision": p.precision, **how})
            averaged = {"average": _AVERAGE} if kind is ConditionalGAN else {}
            own = _step_seconds(kind, {"width": width}, train, how | averaged)
            steps = max(1, int(share * p.generator_steps * of_dira / own))
            return {"width": width, "steps": steps, "step_seconds": own, "of_dira": of_dira}

        return cls(**run.stage(f"budget-{name}", measure))

    @property
    def seconds(self) -> dict[str, float]:
        return dict(zip(STEP_SECONDS, (self.step_seconds, self.of_dira), strict=True))


def _gan(
    run: Run, train: Spectra, seed: int, budget: _Budget, rate: float, checkpoints: Path | None = None
) -> ConditionalGAN:
    """A GAN's best checkpoint by the validation set, of its weights or of their average."""
    p, judge, validation = run.preset, features(run), counting_set(run, "validation")

    def best(gan: ConditionalGAN) -> float:
        generated = gan.sample(validation.counts, seed=seed, device=run.device)
        return kernel_distance(validation.values, generated, features=judge, resamples=0).value

    return ConditionalGAN(width=budget.width).fit(
        train.values,
        train.counts,
        steps=budget.steps,
        batch_size=p.batch,
        learning_rate=rate,
        seed=seed,
        average=_AVERAGE,
        best_by=best,
        every=max(1, budget.steps // _JUDGED),
        checkpoints=checkpoints,
        device=run.device,
        progress=run.progress(f"training gan-{seed}, rate {rate:g}"),
    )


def gan_rate(run: Run) -> dict[str, Any]:
    """The GAN's learning rate, by the validation set after a part of a training; its time is not the GAN's."""
    p, seed = run.preset, run.preset.seeds[0]
    train = counting_set(run, f"train-{seed}")
    dira = generator(run, f"dira-{seed}", train, p.generator_steps, seed)
    budget = _Budget.measured(run, "gan-rate", ConditionalGAN, train, _GAN_SHARE * _TRIED, dira)
    tried = {f"{rate:g}": _gan(run, train, seed, budget, rate).history["best"] for rate in p.gan_rates}
    return {"steps": budget.steps, "distance": tried, "rate": float(min(tried, key=lambda r: tried[r]))}


def baselines(run: Run, train: Spectra, seed: int, dira: Any) -> dict[str, Any]:
    """The GAN and the VAE: as many parameters, as much wall time or the preset's share of it."""
    p = run.preset

    def gan(checkpoints: Path) -> ConditionalGAN:
        rate = run.stage("gan-rate", lambda: gan_rate(run))["rate"]
        budget = _Budget.measured(run, f"gan-{seed}", ConditionalGAN, train, _GAN_SHARE, dira)
        trained = _gan(run, train, seed, budget, rate, checkpoints)
        trained.history |= budget.seconds
        return trained

    def vae(checkpoints: Path) -> ConditionalVAE:
        budget = _Budget.measured(run, f"vae-{seed}", ConditionalVAE, train, p.baseline_share, dira)
        trained = ConditionalVAE(width=budget.width).fit(
            train.values,
            train.counts,
            steps=budget.steps,
            batch_size=p.batch,
            seed=seed,
            device=run.device,
            checkpoints=checkpoints,
            progress=run.progress(f"training vae-{seed}"),
        )
        trained.history |= budget.seconds
        return trained

    return {"gan": run.model(f"gan-{seed}", gan), "vae": run.model(f"vae-{seed}", vae)}
