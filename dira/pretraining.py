"""How the weights that come with dira were made: ``python -m dira.pretraining`` (``make weights``).

Data, checkpoints and enhanced spectra stay in the working folder: a run that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import torch
import typer

from dira import ConditionalDiffusion, PairedDenoiser, Purifier, TargetCounter
from dira.data import load, write
from dira.fidelity import similarity
from dira.model import Model
from dira.pretraining_measures import conditions, judge_counter, judge_generator, judge_purifier
from isacsim.commands.terminal import sample_progress
from isacsim.dataset.generate import generate
from isacsim.machine import machine
from isacsim.output_file import written_whole
from isacsim.scenario import Scenario, load_scenario

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["make_weights"]

SCENARIOS = ("default", "lab", "corridor", "hall")
PER_CLASS = dict.fromkeys((3, 4, 5, 6, 7), 600)
DATA_SEED = 20260
SPLITS = {"train": 0.8, "validation": 0.03, "test": 0.17}
# Two bins a side are one pixel of the network: a third of the time.
UNET = {"blocks": (32, 64, 128), "patch": 2}
# By the error at held-out clean spectra: the velocity is nearer at large steps, the noise at the small ones that the
# purifier walks. A rate of 3e-4 learns slower, at 3e-3 the training diverged after 1000 steps.
DIFFUSION: dict[str, Any] = {"batch_size": 16, "learning_rate": 1e-3, "average": 0.999}
COUNTER: dict[str, Any] = {"batch_size": 64, "learning_rate": 5e-4}
# Half of ResNet-18 as published: a quarter of its weights and of its time.
COUNTER_WIDTH = 32
# T* and strengths a of the guidance to choose from by SSIM to clean spectra of the validation set, in one round.
ENHANCE = {50: (1.0, 4.0, 16.0), 100: (1.0, 4.0), 150: (0.25, 1.0, 4.0)}
CHOSEN_ON = 24
# The features that the generator is judged on come from simulations of their own.
FEATURES: dict[str, Any] = {"per_class": dict.fromkeys((3, 4, 5, 6, 7), 60), "steps": 600, "width": 16}
# Enhancing is T* evaluations of the network a spectrum.
ENHANCED = {"train": 400, "validation": 60, "test": 150}


class _Record:
    """What was done, kept on disk with the seconds of every run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"seconds": {}}

    def note(self, **what: Any) -> None:
        self.content |= what
        with written_whole(self.path) as file:
            file.write_text(json.dumps(self.content, indent=1) + "\n", encoding="utf-8")

    @contextmanager
    def timed(self, what: str, unit: str = "steps") -> Iterator[Callable[[int, int, float], None]]:
        """A progress bar; seconds are added to those of a run that was stopped, minute by minute."""
        before, begun = self.content["seconds"].get(what, 0.0), time.perf_counter()
        written = begun

        def write_down() -> None:
            self.content["seconds"][what] = round(before + time.perf_counter() - begun)
            self.note()

        with sample_progress(what, unit=unit) as bar:

            def tell(done: int, total: int, loss: float) -> None:
                nonlocal written
                bar(done, total)
                if time.perf_counter() - written > 60:
                    written = time.perf_counter()
                    if np.isfinite(loss):
                        self.content.setdefault("loss", {})[what] = [done, round(loss, 5)]
                    write_down()

            yield tell
        write_down()


def _trained(model: Model, name: str, folder: Path, record: _Record, *given: Any, **how: Any) -> Any:
    """A model from the folder, or trained and put there, with the weights that users get: float16."""
    kept = folder / name
    if not (kept / "config.json").exists():
        with record.timed(name) as progress:
            model.fit(  # type: ignore[attr-defined]
                *given, checkpoints=folder / f"{name}-steps", every=500, progress=progress, **how
            )
        model.history |= {
            "scenarios": list(SCENARIOS),
            "data_seed": DATA_SEED,
            "seconds": record.content["seconds"][name],
        }
        model.save_pretrained(kept, half=True)
    return type(model).from_pretrained(kept)


def _choose(purifier: Purifier, held: xr.Dataset, record: _Record, folder: Path, device: str) -> None:
    """How the purifier is used, by SSIM on the validation set; kept in the record and with the model."""
    if "enhance" not in record.content:
        rows, few = [], _few(held, CHOSEN_ON)
        with record.timed("choosing T* and a", unit="settings") as progress:
            kinds = [(t, a) for t, strengths in ENHANCE.items() for a in strengths]
            for i, (t_star, a) in enumerate(kinds, start=1):
                made = purifier.enhance(few["aj_noisy"], t_star, 1, scale=a, seed=DATA_SEED, device=device)
                ssim = float(similarity(made, few["aj_clean"].values).ssim.mean())
                rows.append({"t_star": t_star, "rounds": 1, "scale": a, "ssim": round(ssim, 4)})
                progress(i, len(kinds), float("nan"))
        record.note(enhance={"spectra": few.sizes["sample"], "rows": rows})
    best = max(record.content["enhance"]["rows"], key=lambda row: row["ssim"])
    tried = ENHANCE[best["t_star"]]
    record.content["enhance"]["at_the_edge"] = [
        name
        for name, value, values in (("t_star", best["t_star"], [*ENHANCE]), ("scale", best["scale"], tried))
        if value in (min(values), max(values))
    ]
    purifier.history["enhance"] = {key: best[key] for key in ("t_star", "rounds", "scale")}
    purifier.save_pretrained(folder, half=True)


def _enhanced(
    purifier: Purifier, samples: xr.Dataset, store: Path, record: _Record, device: str
) -> xr.Dataset:
    """Purified spectra beside their truth, made once."""
    if not store.exists():
        with record.timed(f"enhancing {store.stem}", unit="spectra") as progress:
            # Each split's own noise: spectra of two splits must not share it.
            seed = DATA_SEED + list(SPLITS).index(store.stem.removeprefix("enhanced-"))
            values = purifier.enhance(
                samples["aj_noisy"], **purifier.chosen, seed=seed, device=device, progress=progress
            )
        samples["aj_enhanced"] = samples["aj_noisy"].copy(data=values)
        write(samples, store)
    return load(store, "aj_enhanced")


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
    record = _Record(work / "record.json")
    store = work / "spectra.zarr"
    scenarios = [load_scenario(name) for name in SCENARIOS]
    generate(scenarios, store, per_class=PER_CLASS, seed=DATA_SEED, splits=SPLITS)
    sets = {split: load(store, "aj_noisy", split=split) for split in SPLITS}
    train, test = sets["train"], sets["test"]

    purifier = _trained(
        Purifier(unet=UNET),
        "Purifier",
        work,
        record,
        train["aj_clean"],
        steps=purifier_steps,
        seed=seed,
        device=device,
        precision=precision,
        **DIFFUSION,
    )
    _choose(purifier, sets["validation"], record, work / "Purifier", device)
    rows = {split: _few(ds, ENHANCED[split]) for split, ds in sets.items()}
    enhanced = {
        split: _enhanced(purifier, ds, work / f"enhanced-{split}.zarr", record, device)
        for split, ds in rows.items()
    }
    denoiser = _trained(
        PairedDenoiser(unet=UNET),
        "PairedDenoiser",
        work,
        record,
        train["aj_noisy"],
        train["aj_clean"],
        steps=denoiser_steps,
        seed=seed,
        device=device,
        precision=precision,
        **DIFFUSION,
    )
    # It counts in what passed the purifier or the denoiser, and its features see all kinds.
    kinds = [train["aj_noisy"].values, train["aj_clean"].values]
    kinds += [
        denoiser.enhance(train["aj_noisy"], device=device),
        *2 * [enhanced["train"]["aj_enhanced"].values],
    ]
    n, few = train["n_targets"].values, enhanced["train"]["n_targets"].values
    spectra, counts = np.concatenate(kinds), np.concatenate([n, n, n, few, few])
    counter = _trained(
        TargetCounter(width=COUNTER_WIDTH),
        "TargetCounter",
        work,
        record,
        train["aj_noisy"].isel(sample=0).expand_dims(sample=len(counts)).copy(data=spectra),
        counts,
        steps=counter_steps,
        seed=seed,
        device=device,
        precision=precision,
        **COUNTER,
    )
    generator = _trained(
        ConditionalDiffusion(unet=UNET, prediction="v_prediction"),
        "ConditionalDiffusion",
        work,
        record,
        train["aj_noisy"],
        conditions(train),
        steps=generator_steps,
        seed=seed,
        device=device,
        precision=precision,
        **DIFFUSION,
    )
    held = enhanced["validation"]
    counter.calibrate(held["aj_enhanced"], held["n_targets"].values)
    for model in (purifier, denoiser, counter, generator):
        model.save_pretrained(output / type(model).__name__, half=True)
    with record.timed("generating", unit="spectra") as progress:
        made = generator.sample(conditions(test), seed=seed, sampler="dpm", device=device, progress=progress)
    features = _features(scenarios, work, record, device)
    record.note(
        machine={**machine(), "threads": torch.get_num_threads(), "torch": torch.__version__},
        samples={"train": train.sizes["sample"], "test": test.sizes["sample"]},
        generator={"sampler": "dpm, 20 steps", **judge_generator(made, features, test)},
        purifier=judge_purifier(enhanced["test"], rows["test"]["aj_noisy"], denoiser),
        counter=judge_counter(counter, test, enhanced["test"], denoiser),
    )
    with written_whole(output / "record.json") as file:
        file.write_text(json.dumps(record.content, indent=1) + "\n", encoding="utf-8")


def _few(samples: xr.Dataset, n: int) -> xr.Dataset:
    """Samples spread over the set, which is in the order of scenarios and classes."""
    size = samples.sizes["sample"]
    return samples.isel(sample=np.linspace(0, size - 1, min(n, size)).astype(int))


def _features(scenarios: list[Scenario], folder: Path, record: _Record, device: str) -> Any:
    """A counter of captures that are in no other set, for its features alone."""
    store = folder / "features.zarr"
    generate(scenarios, store, per_class=FEATURES["per_class"], seed=DATA_SEED + 1)
    own = load(store, "aj_noisy")
    both = np.concatenate([own["aj_noisy"].values, own["aj_clean"].values])
    counts = np.tile(own["n_targets"].values, 2)
    return _trained(
        TargetCounter(width=FEATURES["width"]),
        "features",
        folder,
        record,
        own["aj_noisy"].isel(sample=0).expand_dims(sample=len(counts)).copy(data=both),
        counts,
        steps=FEATURES["steps"],
        batch_size=COUNTER["batch_size"],
        seed=99,
        device=device,
    )


if __name__ == "__main__":
    typer.run(make_weights)
