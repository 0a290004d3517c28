"""Quality enhancement: DiRA's purifier, its ablations, and what else takes noise out (Fig. 8-10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from dira.experiment.expansion import distances as measured
from dira.experiment.expansion import generated
from dira.experiment.finding import FALSE, by_maxima
from dira.experiment.purifiers import (
    BY_VALIDATION,
    DENOISER,
    by_validation,
    chosen_guidance,
    denoiser,
    enhanced,
    purifier,
)
from dira.experiment.samples import counting_set, data
from dira.experiment.stages import Run
from dira.experiment.streamed import DETECTOR, detector, spectra_like, truth_of
from dira.metrics.detection import Matches, match_detections
from dira.metrics.fidelity import Judged, of_another, similarity
from dira.models.classical import clean_deconvolution, soft_threshold
from isacsim.dataset.synthetic.response import response_of

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ANOTHER", "chosen_classical", "compare", "distances", "process"]

ANOTHER = "clean of another sample"
_QUANTILES = (0.01, 0.05, 0.1, 0.2, 0.5, 0.8)
_FLOORS_DB = (-20.0, -15.0, -12.0, -10.0, -8.0, -6.0, -4.0, -3.0, -2.0)
_SNR_BANDS = 3
_SHOWN = 3


Classical = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]


def chosen_classical(run: Run) -> dict[str, Classical]:
    """The ways that are not trained, each with what the validation set's SSIM chose, as the guidance is chosen."""
    held, response = data(run, "validation"), response_of(run.scenario(run.preset.original)).values
    noisy, clean = held["aj_noisy"].values, held["aj_clean"].values

    def best(ways: dict[str, Classical]) -> tuple[str, Classical]:
        ssim = {
            name: float(similarity(way(noisy, response), clean).ssim.mean()) for name, way in ways.items()
        }
        name = max(ssim, key=lambda n: ssim[n])
        return name, ways[name]

    def soft(quantile: float) -> Classical:
        return lambda x, _: soft_threshold(x, quantile=quantile)

    def clean_down_to(floor: float, restore: Literal["response", "beam"]) -> Classical:
        return lambda x, unit: clean_deconvolution(x, unit, floor_db=floor, restore=restore)

    ways = (
        {f"soft threshold, {q:.0%} of the bins": soft(q) for q in _QUANTILES},
        {f"CLEAN, down to {f:g} dB": clean_down_to(f, "response") for f in _FLOORS_DB},
        {f"CLEAN, Gaussian beam, down to {f:g} dB": clean_down_to(f, "beam") for f in _FLOORS_DB},
    )
    return dict(best(some) for some in ways)


def compare(run: Run) -> dict[str, Any]:
    """Every way to take noise out, in every scenario: likeness to the clean spectra, targets kept and invented."""
    p, out = run.preset, dict[str, Any]()
    classical = chosen_classical(run)
    for scenario in (p.original, *p.others):
        samples, noisy = data(run, f"test-{scenario}"), counting_set(run, f"test-{scenario}")
        response = response_of(run.scenario(scenario)).values
        sets = {
            "unchanged": noisy.values,
            "all zero": np.zeros_like(noisy.values),
            **{name: make(noisy.values, response) for name, make in classical.items()},
            **{k: v.values for k, v in enhanced(run, f"test-{scenario}", noisy).items()},
            BY_VALIDATION: by_validation(run, f"test-{scenario}", noisy).values,
            ANOTHER: of_another(samples["aj_clean"].values, noisy.counts),
            "clean": samples["aj_clean"].values,
        }
        judged = {name: Judged.of(values, samples) for name, values in sets.items()}
        truth, like = truth_of(samples), samples["aj_clean"]
        found = {name: match_detections(by_maxima(values, like), truth) for name, values in sets.items()}
        # The detector's own scores tell more than the heights of what it draws.
        spectra = spectra_like(run, noisy.values)
        found[DETECTOR] = match_detections(
            detector(run).detect(spectra, threshold=0.0, device=run.device), truth
        )
        out[scenario] = {
            "rows": {name: one.scores() | _recalls(found[name]) for name, one in judged.items()},
            "curves": _curves(judged, samples),
            "spectra": len(noisy.values),
        }
    return out


def _recalls(matches: Matches) -> dict[str, float]:
    """Share of the true paths found, at each rate of false ones a spectrum."""
    return {f"recall_{false:g}": matches.recall(false) for false in FALSE}


def _curves(judged: dict[str, Judged], samples: xr.Dataset) -> dict[str, Any]:
    """Scores by SNR, in bands of equal numbers, and by number of targets."""
    snr, counts = samples["snr_db"].values, samples["n_targets"].values
    edges = np.quantile(snr, np.linspace(0, 1, _SNR_BANDS + 1))
    band = np.clip(np.searchsorted(edges, snr, side="right") - 1, 0, _SNR_BANDS - 1)
    out: dict[str, Any] = {"snr_db": edges.tolist(), "by_snr": {}, "by_count": {}}
    for name, one in judged.items():
        for key, group, group_of in (
            ("by_snr", range(_SNR_BANDS), band),
            ("by_count", np.unique(counts), counts),
        ):
            rows = [np.flatnonzero(group_of == g) for g in group]
            out[key][name] = [
                {"group": int(g), **one.scores(r)} for g, r in zip(group, rows, strict=True) if r.size
            ]
    return out


def distances(run: Run) -> dict[str, Any]:
    """Fig. 9 and 10: distance to clean spectra before and after, of original, generated and all spectra.

    Those are uneven, each in its own way; the clean ones are taken in the same shares of the classes.
    """
    p, seed = run.preset, run.preset.seeds[0]
    clean = counting_set(run, "reference", "aj_clean")
    original = counting_set(run, f"train-{seed}")
    more = generated(run, seed)["dira"].take_per_class(
        {n: max(0, p.expanded - size) for n, size in p.class_sizes.items()}
    )
    sets = {
        "original": {"unchanged": original, **enhanced(run, f"train-{seed}", original)},
        "generated": {"unchanged": more, **enhanced(run, f"more-{seed}", more)},
    }
    sets["all"] = {key: sets["original"][key] + sets["generated"][key] for key in sets["original"]}
    out: dict[str, Any] = {}
    for what, variants in sets.items():
        aim = clean.rebalanced_like(variants["unchanged"]).values
        out[what] = {name: measured(run, "clean", aim, one.values) for name, one in variants.items()}
    aim = clean.rebalanced_like(original).values
    other = counting_set(run, f"train-{seed}", "aj_clean").values
    return {**out, "clean of the training set": measured(run, "clean", aim, other)}


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
        chosen["aj_noisy"],
        t_star,
        rounds,
        scale=float(chosen_guidance(run)["scale"]),
        seed=13,
        device=run.device,
        watch=watch,
    )
    seen[DENOISER] = denoiser(run).enhance(chosen["aj_noisy"], device=run.device)
    seen["clean"] = chosen["aj_clean"].values
    return seen
