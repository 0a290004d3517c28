"""Training of the weights that come with dira: ``python -m dira.pretraining.make_weights`` (``make weights``).

Data, checkpoints and enhanced spectra stay in the working folder: a run that was stopped goes on where it was.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray

from dira import ConditionalDiffusion, PairedDenoiser, Purifier, TargetCounter
from dira.data.stores import load, write
from dira.metrics.fidelity import similarity
from dira.models.model import Model
from dira.pretraining.measures import conditions, judge_counter, judge_generator, judge_purifier
from dira.pretraining.record import Record
from isacsim.compute.provenance import machine
from isacsim.dataset.synthetic.generate import generate
from isacsim.files import strict_json, written_whole
from isacsim.scenario.catalogue import load_scenario
from isacsim.scenario.model import Scenario

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["make_weights"]

SCENARIOS = ("default", "lab_cubic", "corridor_cubic", "hall_cubic")
PER_CLASS = dict.fromkeys((3, 4, 5, 6, 7), 600)
DATA_SEED = 20260
SPLITS = {"train": 0.8, "validation": 0.03, "test": 0.17}
# Two bins a side are one pixel of the network: a third of the time.
UNET = {"blocks": (32, 64, 128), "patch": 2}
# By the error at held-out clean spectra: the velocity is nearer at large steps, the noise at the small ones that the
# purifier walks. A rate of 3e-4 learns slower, at 3e-3 the training diverged after 1000 steps.
DIFFUSION: dict[str, Any] = {"batch_size": 16, "learning_rate": 1e-3, "average": 0.999}
COUNTER: dict[str, Any] = {"batch_size": 64, "learning_rate": 1e-3}
# Half of ResNet-18 as published: a quarter of its weights and of its time.
COUNTER_NETWORK: dict[str, Any] = {"width": 32, "augment": True}
# T* and strengths a of the guidance to choose from by SSIM to clean spectra of the validation set, in one round.
ENHANCE = {50: (4.0, 16.0), 150: (1.0, 4.0, 16.0)}
CHOSEN_ON = 60
# The features that the generator is judged on come from simulations of their own.
FEATURES: dict[str, Any] = {"per_class": dict.fromkeys((3, 4, 5, 6, 7), 60), "steps": 600, "width": 16}
# The counter is trained on what purifier and denoiser make of captures that neither has seen, as they make it of
# anybody's; enhancing is T* evaluations of the network a spectrum.
COUNTED = dict.fromkeys((3, 4, 5, 6, 7), 20)
ENHANCED = {"validation": 60, "test": 150}
# How often those spectra stand among the others.
REPEATED = 6


def _trained(model: Model, name: str, folder: Path, record: Record, *examples: Any, **how: Any) -> Any:
    """A model from the folder, or trained and put there, with the weights that users get: float16."""
    trained_folder = folder / name
    if not (trained_folder / "config.json").exists():
        with record.timed(name) as progress:
            model.fit(  # type: ignore[attr-defined]
                *examples, checkpoints=folder / f"{name}-steps", every=500, progress=progress, **how
            )
        model.history |= {
            "scenarios": list(SCENARIOS),
            "data_seed": DATA_SEED,
            "seconds": record.content["seconds"][name],
        }
        model.save_pretrained(trained_folder, half=True)
    return type(model).from_pretrained(trained_folder)


def _choose(purifier: Purifier, held: xr.Dataset, record: Record, folder: Path, device: str) -> None:
    """Choose how the purifier is used, by SSIM on the validation set; kept in the record and with the model."""
    if "enhance" not in record.content:
        rows, few = [], _few(held, CHOSEN_ON)
        with record.timed("choosing T* and a", unit="settings") as progress:
            kinds = [(t, a) for t, strengths in ENHANCE.items() for a in strengths]
            for i, (t_star, a) in enumerate(kinds, start=1):
                purified = purifier.enhance(
                    few["aj_noisy"], t_star, 1, scale=a, seed=DATA_SEED, device=device
                )
                ssim = float(similarity(purified, few["aj_clean"].values).ssim.mean())
                rows.append({"t_star": t_star, "rounds": 1, "scale": a, "ssim": round(ssim, 4)})
                progress(i, len(kinds), float("nan"))
        record.note(enhance={"spectra": few.sizes["sample"], "rows": rows})
    best = max(record.content["enhance"]["rows"], key=lambda row: row["ssim"])
    tried = ENHANCE[best["t_star"]]
    record.content["enhance"]["at_the_edge"] = [
        name
        for name, value, values in (("t_star", best["t_star"], [*ENHANCE]), ("scale", best["scale"], tried))
        if value == max(values) or (name == "scale" and value == min(values))
    ]
    purifier.history["enhance"] = {key: best[key] for key in ("t_star", "rounds", "scale")}
    purifier.save_pretrained(folder, half=True)


def _enhanced(
    purifier: Purifier, samples: xr.Dataset, store: Path, record: Record, device: str
) -> xr.Dataset:
    """Purified spectra beside their truth, made once."""
    if not store.exists():
        with record.timed(f"enhancing {store.stem}", unit="spectra") as progress:
            # Each set's own noise: no two must share it.
            seed = DATA_SEED + ["counted", *ENHANCED].index(store.stem.removeprefix("enhanced-"))
            values = purifier.enhance(
                samples["aj_noisy"], **purifier.chosen, seed=seed, device=device, progress=progress
            )
        samples["aj_enhanced"] = samples["aj_noisy"].copy(data=values)
        write(samples, store, domain="enhanced")
    return load(store, "aj_enhanced", also=("aj_clean", "aj_noisy"))


def make_weights(
    work: Annotated[Path, typer.Option(help="Folder for data and checkpoints.")] = Path("out/weights"),
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the weights go.")] = Path(
        "dira/weights"
    ),
    purifier_steps: Annotated[int, typer.Option(help="Steps of the purifier.")] = 4000,
    denoiser_steps: Annotated[int, typer.Option(help="Steps of the paired denoiser.")] = 2000,
    generator_steps: Annotated[int, typer.Option(help="Steps of the generator.")] = 2500,
    counter_steps: Annotated[int, typer.Option(help="Steps of the counter.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the trainings.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="no, bf16 or fp16.")] = "no",
) -> None:
    """Make dira's weights for the default spectra: a generator, a purifier, a paired denoiser and a counter."""
    work.mkdir(parents=True, exist_ok=True)
    steps = {
        "purifier": purifier_steps,
        "denoiser": denoiser_steps,
        "generator": generator_steps,
        "counter": counter_steps,
    }
    record = Record(work / "record.json", _plan(steps, seed, precision))

    def trained(model: Model, *examples: Any, **training: Any) -> Any:
        how = {"seed": seed, "device": device, "precision": precision, **training}
        return _trained(model, type(model).__name__, work, record, *examples, **how)

    scenarios = [load_scenario(name) for name in SCENARIOS]
    sets, counted = _data(scenarios, work)
    train = sets["train"]
    purifier = trained(Purifier(unet=UNET), train["aj_clean"], steps=purifier_steps, **DIFFUSION)
    _choose(purifier, sets["validation"], record, work / "Purifier", device)
    rows = {"counted": counted, **{split: _few(sets[split], n) for split, n in ENHANCED.items()}}
    enhanced = {
        name: _enhanced(purifier, ds, work / f"enhanced-{name}.zarr", record, device)
        for name, ds in rows.items()
    }
    pairs = (train["aj_noisy"], train["aj_clean"])
    denoiser = trained(PairedDenoiser(unet=UNET), *pairs, steps=denoiser_steps, **DIFFUSION)
    examples = _counter_examples(train, enhanced["counted"], denoiser, device)
    counter = trained(TargetCounter(**COUNTER_NETWORK), *examples, steps=counter_steps, **COUNTER)
    untrained = ConditionalDiffusion(unet=UNET, prediction="v_prediction")
    labelled = (train["aj_noisy"], conditions(train))
    generator = trained(untrained, *labelled, steps=generator_steps, **DIFFUSION)
    _calibrate(counter, enhanced["validation"], denoiser, device)
    for model in (purifier, denoiser, counter, generator):
        model.save_pretrained(output / type(model).__name__ / model.usual, half=True)
    test = sets["test"]
    with record.timed("generating", unit="spectra") as progress:
        generated = generator.sample(
            conditions(test), seed=seed, sampler="dpm", device=device, progress=progress
        )
    features = _features(scenarios, work, record, device)
    record.note(
        machine={**machine(), "threads": torch.get_num_threads(), "torch": torch.__version__},
        samples={name: ds.sizes["sample"] for name, ds in (sets | {"counted": counted}).items()},
        generator={"sampler": "dpm, 20 steps", **judge_generator(generated, features, test)},
        purifier=judge_purifier(enhanced["test"], denoiser, device),
        counter=judge_counter(counter, test, enhanced["test"], denoiser, device),
    )
    with written_whole(output / "record.json") as file:
        file.write_text(strict_json(record.content), encoding="utf-8")


def _data(scenarios: list[Scenario], work: Path) -> tuple[dict[str, xr.Dataset], xr.Dataset]:
    """Samples by split, and captures that neither purifier nor denoiser sees."""
    store, fresh = work / "spectra.zarr", work / "counted.zarr"
    generate(scenarios, store, per_class=PER_CLASS, seed=DATA_SEED, splits=SPLITS)
    generate(scenarios, fresh, per_class=COUNTED, seed=DATA_SEED + 2)
    return {split: load(store, "aj_noisy", split=split) for split in SPLITS}, load(fresh, "aj_noisy")


def _repeated(like: xr.DataArray, spectra: NDArray[np.float32]) -> xr.DataArray:
    """Spectra on the axes and with the settings of others."""
    return like.isel(sample=0).expand_dims(sample=len(spectra)).copy(data=spectra)


def _counter_examples(
    train: xr.Dataset, counted: xr.Dataset, denoiser: PairedDenoiser, device: str
) -> tuple[xr.DataArray, NDArray[Any]]:
    """Spectra of every kind and their counts: the counter counts in all, and its features see them all."""
    kinds = [train["aj_noisy"].values, train["aj_clean"].values]
    kinds += REPEATED * [denoiser.enhance(counted["aj_noisy"], device=device), counted["aj_enhanced"].values]
    counts = [*2 * [train["n_targets"].values], *2 * REPEATED * [counted["n_targets"].values]]
    return _repeated(train["aj_noisy"], np.concatenate(kinds)), np.concatenate(counts)


def _calibrate(counter: TargetCounter, held: xr.Dataset, denoiser: PairedDenoiser, device: str) -> None:
    """By held-out spectra of every kind but clean ones, which nobody has."""
    kinds = [
        held["aj_noisy"].values,
        held["aj_enhanced"].values,
        denoiser.enhance(held["aj_noisy"], device=device),
    ]
    counts = np.tile(held["n_targets"].values, len(kinds))
    counter.calibrate(np.concatenate(kinds), counts, device=device)


def _plan(steps: dict[str, int], seed: int, precision: str) -> dict[str, Any]:
    """Plan of a work folder, which its record holds: results of another plan are not continued."""
    return {
        "data": {
            "scenarios": SCENARIOS,
            "per_class": PER_CLASS,
            "splits": SPLITS,
            "counted": COUNTED,
            "enhanced": ENHANCED,
            "seed": DATA_SEED,
        },
        "steps": steps,
        "seed": seed,
        "precision": precision,
        "networks": {"unet": UNET, "counter": COUNTER_NETWORK},
        "training": {"diffusion": DIFFUSION, "counter": COUNTER, "features": FEATURES, "repeated": REPEATED},
        "enhance": {"t_star and scales": ENHANCE, "spectra": CHOSEN_ON},
    }


def _few(samples: xr.Dataset, n: int) -> xr.Dataset:
    """Samples spread over the set, which is in the order of scenarios and classes."""
    size = samples.sizes["sample"]
    return samples.isel(sample=np.linspace(0, size - 1, min(n, size)).astype(int))


def _features(scenarios: list[Scenario], folder: Path, record: Record, device: str) -> Any:
    """A counter of captures that are in no other set, for its features alone."""
    store = folder / "features.zarr"
    generate(scenarios, store, per_class=FEATURES["per_class"], seed=DATA_SEED + 1)
    own = load(store, "aj_noisy")
    both = np.concatenate([own["aj_noisy"].values, own["aj_clean"].values])
    counts = np.tile(own["n_targets"].values, 2)
    return _trained(
        TargetCounter(width=FEATURES["width"], augment=False),
        "features",
        folder,
        record,
        _repeated(own["aj_noisy"], both),
        counts,
        steps=FEATURES["steps"],
        batch_size=COUNTER["batch_size"],
        seed=99,
        device=device,
    )


if __name__ == "__main__":
    typer.run(make_weights)
