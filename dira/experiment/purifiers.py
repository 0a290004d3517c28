"""Purifier and paired denoiser of the experiments, the strength of the guidance, and what they make of spectra."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dira import PairedDenoiser, Purifier
from dira.experiment.samples import Spectra, counting_set, data
from dira.experiment.stages import Run
from dira.experiment.streamed import DETECTOR, drawn
from dira.metrics.fidelity import Judged

__all__ = [
    "BY_VALIDATION",
    "DENOISER",
    "by_validation",
    "chosen_guidance",
    "denoiser",
    "enhanced",
    "guidance",
    "purifier",
]

DENOISER = "paired denoiser"
BY_VALIDATION = "T* and a by validation, W = 1"
_GUIDES: tuple[tuple[Any, Any], ...] = (("ssim", "diffused"), ("ssim", "input"), ("mse", "diffused"))


def _fit(run: Run, model: Any, *examples: Any) -> Callable[[Path], Any]:
    p = run.preset
    name = type(model).__name__

    def make(checkpoints: Path) -> Any:
        return model.fit(
            *examples,
            steps=p.purifier_steps,
            batch_size=p.batch,
            learning_rate=p.purifier_rate,
            seed=7,
            **run.training(name, checkpoints),
        )

    return make


def purifier(run: Run) -> Purifier:
    """The diffusion model of clean spectra, from simulations that are in no other set; one for all seeds."""
    clean = counting_set(run, "simulated", "aj_clean").values
    model: Purifier = run.model("purifier", _fit(run, Purifier(unet=run.preset.unet.model_dump()), clean))
    return model


def denoiser(run: Run) -> PairedDenoiser:
    """The network of the purifier, trained on the noisy and clean pairs of the same simulations, for as many steps."""
    pair = (counting_set(run, "simulated", name).values for name in ("aj_noisy", "aj_clean"))
    model: PairedDenoiser = run.model(
        "denoiser", _fit(run, PairedDenoiser(unet=run.preset.unet.model_dump()), *pair)
    )
    return model


def guidance(run: Run) -> dict[str, Any]:
    """Strength a of the guidance (eq. 39) by SSIM to the clean spectra of the validation set.

    It is chosen for the T*, the distance and the reference of algorithm 1; the others are there to compare. A variant
    of its own has T* chosen too.
    """
    p, samples = run.preset, data(run, "validation")
    samples = samples.isel(
        sample=np.linspace(0, samples.sizes["sample"] - 1, min(64, samples.sizes["sample"])).astype(int)
    )
    _, first, _ = p.variants[0]
    kinds = [(first, *_GUIDES[0], 0.0), *((first, d, r, a) for d, r in _GUIDES for a in p.scales)]
    kinds += [(t_star, *_GUIDES[0], a) for t_star in p.t_stars for a in p.far_scales]
    rows: list[dict[str, Any]] = []
    for t_star, distance, reference, a in kinds:
        run.tell(f"guidance: T* = {t_star}, {distance}, {reference}, a = {a:g}", len(rows), len(kinds))
        purified = purifier(run).enhance(
            samples["aj_noisy"],
            t_star,
            1,
            distance,
            reference=reference,
            scale=a,
            seed=11,
            device=run.device,
        )
        kind = {"t_star": t_star, "distance": distance, "reference": reference, "a": a}
        rows.append({**kind, **Judged.of(purified, samples).scores()})
    own = [r for r in rows if (r["distance"], r["reference"]) == _GUIDES[0]]
    best = max((r for r in own if r["t_star"] == first and r["a"] > 0), key=lambda r: float(r["ssim"]))["a"]
    chosen = max(own, key=lambda r: float(r["ssim"]))
    strengths = [r["a"] for r in own if r["t_star"] == chosen["t_star"] and r["a"] > 0]
    return {
        "rows": rows,
        "scale": best,
        "at_the_edge": best in (min(p.scales), max(p.scales)),
        "chosen": {key: chosen[key] for key in ("t_star", "a")},
        "chosen_at_the_edge": chosen["t_star"] == max(first, *p.t_stars)
        or chosen["a"] in {min(strengths), max(strengths)},
        "spectra": samples.sizes["sample"],
    }


def chosen_guidance(run: Run) -> dict[str, Any]:
    """Return the choice of `guidance`, made once."""
    return run.stage("guidance", lambda: guidance(run))


def _chance(name: str) -> int:
    """A seed of each set's own: a noise that training and test sets share could be learnt."""
    return zlib.crc32(name.encode())


def enhanced(run: Run, name: str, spectra: Spectra) -> dict[str, Spectra]:
    """Spectra after every variant of the enhancement, the paired denoiser and the detector; made once for each name."""
    p = run.preset

    def make() -> dict[str, NDArray[Any]]:
        scale, model, by_variant = float(chosen_guidance(run)["scale"]), purifier(run), {}
        for variant, t_star, rounds in p.variants:
            if variant in by_variant:
                continue
            partial = np.empty_like(spectra.values)

            def watch(
                first: int,
                number: int,
                t: int,
                x: NDArray[np.float32],
                partial: NDArray[np.float32] = partial,
            ) -> None:
                if number == 1 and t == 0:
                    partial[first : first + len(x)] = x[:, 0]

            by_variant[variant] = model.enhance(
                spectra.values,
                t_star,
                rounds,
                scale=scale,
                seed=_chance(name),
                device=run.device,
                progress=run.progress(f"enhancing {name}, {variant}"),
                watch=watch,
            )
            for other, other_t, other_rounds in p.variants:
                if rounds > 1 and (other_t, other_rounds) == (t_star, 1):
                    by_variant[other] = partial
        by_variant[DENOISER] = denoiser(run).enhance(spectra.values, device=run.device)
        by_variant[DETECTOR] = drawn(run, spectra)
        return {str(i): by_variant[key] for i, key in enumerate(_names(run))}

    arrays = run.array(f"enhanced-{name}", make)
    return {key: Spectra(arrays[str(i)], spectra.counts) for i, key in enumerate(_names(run))}


def by_validation(run: Run, name: str, spectra: Spectra) -> Spectra:
    """Spectra after one round at the T* and the strength that the validation set chose."""

    def make() -> dict[str, NDArray[Any]]:
        chosen = chosen_guidance(run)["chosen"]
        values = purifier(run).enhance(
            spectra.values,
            chosen["t_star"],
            1,
            scale=chosen["a"],
            seed=_chance(name),
            device=run.device,
            progress=run.progress(f"enhancing {name}, {BY_VALIDATION}"),
        )
        return {"values": values}

    return Spectra(run.array(f"by-validation-{name}", make)["values"], spectra.counts)


def _names(run: Run) -> list[str]:
    return [*(name for name, _, _ in run.preset.variants), DENOISER, DETECTOR]
