"""Quality enhancement: DiRA's purifier, its ablations, and what else takes noise out (Fig. 8-10)."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dira import PairedDenoiser, Purifier
from dira.denoise import clean_deconvolution, soft_threshold
from dira.experiment.expansion import features, generated
from dira.experiment.samples import Spectra, counting_set, data
from dira.experiment.stages import Run
from dira.fidelity import peak_fidelity, similarity
from dira.metrics import kernel_distance
from isacsim.dataset.response import response_of

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "ANOTHER",
    "DENOISER",
    "compare",
    "denoiser",
    "distances",
    "enhanced",
    "guidance",
    "process",
    "purifier",
]

DENOISER = "paired denoiser"
ANOTHER = "clean of another sample"
_QUANTILES = (0.5, 0.7, 0.8, 0.9, 0.95)
_SNR_BANDS = 3
_SHOWN = 3
_GUIDES: tuple[tuple[Any, Any], ...] = (("ssim", "diffused"), ("ssim", "input"), ("mse", "diffused"))
# A path's side lobes reach -14 dB: below that the clean spectra have maxima at no target themselves.
_ABOVE_SIDE_LOBES_DB = -12.0


def _fit(run: Run, model: Any, *given: Any) -> Callable[[Path], Any]:
    p = run.preset
    name = type(model).__name__

    def make(checkpoints: Path) -> Any:
        return model.fit(
            *given,
            steps=p.purifier_steps,
            batch_size=p.batch,
            learning_rate=3e-4,
            seed=7,
            device=run.device,
            precision=p.precision,
            checkpoints=checkpoints,
            progress=run.progress(f"training {name}"),
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

    It is chosen for the distance and reference of algorithm 1; the others are there to compare.
    """
    p, samples = run.preset, data(run, "validation")
    samples = samples.isel(
        sample=np.linspace(0, samples.sizes["sample"] - 1, min(64, samples.sizes["sample"])).astype(int)
    )
    _, t_star, _ = p.variants[0]
    kinds = [(d, r, a) for d, r in _GUIDES for a in p.scales]
    rows: list[dict[str, Any]] = []
    for distance, reference, a in [(*_GUIDES[0], 0.0), *kinds]:
        run.tell(f"guidance: {distance}, {reference}, a = {a:g}", len(rows), len(kinds) + 1)
        made = purifier(run).enhance(
            samples["aj_noisy"],
            t_star,
            1,
            distance,
            reference=reference,
            scale=a,
            seed=11,
            device=run.device,
        )
        rows.append({"distance": distance, "reference": reference, "a": a, **_scores(made, samples)})
    own = [r for r in rows if (r["distance"], r["reference"]) == _GUIDES[0] and r["a"] > 0]
    best = max(own, key=lambda r: float(r["ssim"]))["a"]
    return {
        "rows": rows,
        "scale": best,
        "at_the_edge": best in (min(p.scales), max(p.scales)),
        "spectra": samples.sizes["sample"],
    }


def _scale(run: Run) -> float:
    return float(run.stage("guidance", lambda: guidance(run))["scale"])


def _chance(name: str) -> int:
    """A seed of each set's own: a noise that training and test sets share could be learnt."""
    return zlib.crc32(name.encode())


def enhanced(run: Run, name: str, spectra: Spectra) -> dict[str, Spectra]:
    """Spectra after every variant of the enhancement and after the paired denoiser; made once for each name."""
    p = run.preset

    def make() -> dict[str, NDArray[Any]]:
        scale, model, made = _scale(run), purifier(run), {}
        for variant, t_star, rounds in p.variants:
            if variant in made:
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

            made[variant] = model.enhance(
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
                    made[other] = partial
        made[DENOISER] = denoiser(run).enhance(spectra.values, device=run.device)
        return {str(i): made[key] for i, key in enumerate(_names(run))}

    kept = run.array(f"enhanced-{name}", make)
    return {key: Spectra(kept[str(i)], spectra.counts) for i, key in enumerate(_names(run))}


def _names(run: Run) -> list[str]:
    return [*(name for name, _, _ in run.preset.variants), DENOISER]


def _scores(values: NDArray[np.float32], samples: xr.Dataset) -> dict[str, float]:
    like, peaks = similarity(values, samples["aj_clean"].values), peak_fidelity(values, samples)
    a, r = peaks.rms()
    high = peak_fidelity(values, samples, floor_db=_ABOVE_SIDE_LOBES_DB)
    return {
        "ssim": float(like.ssim.mean()),
        "psnr_db": float(like.psnr_db.mean()),
        "kept": peaks.kept_share,
        "invented": peaks.invented_mean,
        "kept_high": high.kept_share,
        "invented_high": high.invented_mean,
        "added_high": high.added_mean,
        "a_rms": a,
        "r_rms": r,
    }


def compare(run: Run) -> dict[str, Any]:
    """Every way to take noise out, in every scenario: likeness to the clean spectra, targets kept and invented."""
    p, out = run.preset, {}
    held = data(run, "validation")
    quantile = max(
        _QUANTILES,
        key=lambda q: float(
            similarity(soft_threshold(held["aj_noisy"], quantile=q), held["aj_clean"].values).ssim.mean()
        ),
    )
    for scenario in (p.original, *p.others):
        samples, noisy = data(run, f"test-{scenario}"), counting_set(run, f"test-{scenario}")
        response = response_of(run.scenario(scenario))
        sets = {
            "unchanged": noisy.values,
            "all zero": np.zeros_like(noisy.values),
            f"soft threshold, {quantile:.0%} of the bins": soft_threshold(noisy.values, quantile=quantile),
            "CLEAN": clean_deconvolution(noisy.values, response),
            "CLEAN, Gaussian beam": clean_deconvolution(noisy.values, response, restore="beam"),
            **{k: v.values for k, v in enhanced(run, f"test-{scenario}", noisy).items()},
            ANOTHER: _of_another(samples["aj_clean"].values, noisy.counts),
            "clean": samples["aj_clean"].values,
        }
        rows = {name: _scores(values, samples) for name, values in sets.items()}
        out[scenario] = {"rows": rows, "curves": _curves(sets, samples), "spectra": len(noisy.values)}
    return out


def _of_another(values: NDArray[np.float32], counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """To each sample another one's of as many targets: what a model scores that ignores its input."""
    out = np.empty_like(values)
    for n in np.unique(counts):
        rows = np.flatnonzero(counts == n)
        out[rows] = values[np.roll(rows, 1)]
    return out


def _curves(sets: dict[str, NDArray[np.float32]], samples: xr.Dataset) -> dict[str, Any]:
    """Scores by SNR, in bands of equal numbers, and by number of targets."""
    snr, counts = samples["snr_db"].values, samples["n_targets"].values
    edges = np.quantile(snr, np.linspace(0, 1, _SNR_BANDS + 1))
    band = np.clip(np.searchsorted(edges, snr, side="right") - 1, 0, _SNR_BANDS - 1)
    out: dict[str, Any] = {"snr_db": edges.tolist(), "by_snr": {}, "by_count": {}}
    for name, values in sets.items():
        for key, group, of in (("by_snr", range(_SNR_BANDS), band), ("by_count", np.unique(counts), counts)):
            rows = [np.flatnonzero(of == g) for g in group]
            out[key][name] = [
                {"group": int(g), **_scores(values[r], samples.isel(sample=r))}
                for g, r in zip(group, rows, strict=True)
                if r.size
            ]
    return out


def distances(run: Run) -> dict[str, Any]:
    """Fig. 9 and 10: distance to clean spectra before and after, of original, generated and all spectra.

    Those are uneven, each in its own way; the clean ones are taken in the same shares of the classes.
    """
    p, seed, judge = run.preset, run.preset.seeds[0], features(run)
    clean = counting_set(run, "reference", "aj_clean")
    original = counting_set(run, f"train-{seed}")
    more = generated(run, seed)["dira"].first(
        {n: max(0, p.expanded - size) for n, size in p.class_sizes.items()}
    )
    sets = {
        "original": {"unchanged": original, **enhanced(run, f"train-{seed}", original)},
        "generated": {"unchanged": more, **enhanced(run, f"more-{seed}", more)},
    }
    sets["all"] = {key: sets["original"][key] + sets["generated"][key] for key in sets["original"]}
    out: dict[str, Any] = {}
    for what, variants in sets.items():
        aim = clean.mixed_as(variants["unchanged"]).values
        out[what] = {
            name: asdict(kernel_distance(aim, one.values, features=judge, resamples=p.resamples))
            for name, one in variants.items()
        }
    out["clean of the training set"] = asdict(
        kernel_distance(
            clean.mixed_as(original).values,
            counting_set(run, f"train-{seed}", "aj_clean").values,
            features=judge,
            resamples=p.resamples,
        )
    )
    return out


def process(run: Run) -> dict[str, NDArray[Any]]:
    """Fig. 8: how a few spectra change on their way through the enhancement."""
    p, samples = run.preset, data(run, f"test-{run.preset.original}")
    rows = np.linspace(0, samples.sizes["sample"] - 1, _SHOWN).astype(int)
    chosen = samples.isel(sample=rows)
    _, t_star, rounds = p.variants[0]
    wanted = [t_star, t_star // 2, 0]
    seen: dict[str, NDArray[Any]] = {"noisy": chosen["aj_noisy"].values}

    def watch(_: int, number: int, t: int, x: NDArray[np.float32]) -> None:
        if t in wanted:
            seen[f"round {number}, t = {t}"] = x[:, 0]

    purifier(run).enhance(
        chosen["aj_noisy"], t_star, rounds, scale=_scale(run), seed=13, device=run.device, watch=watch
    )
    seen[DENOISER] = denoiser(run).enhance(chosen["aj_noisy"], device=run.device)
    seen["clean"] = chosen["aj_clean"].values
    return seen
