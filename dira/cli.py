"""The command ``dira``: train, expand, enhance, count, evaluate on zarr stores; reproduce and report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from dira.demo import demo
from dira.experiment import commands as experiments
from isacsim.commands.guard import Guarded
from isacsim.errors import InputError

__all__ = ["app", "main"]

app = typer.Typer(
    name="dira",
    cls=Guarded,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)

Store = Annotated[Path, typer.Argument(help="Zarr store of spectra, e.g. from isacsim generate.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Seed = Annotated[int, typer.Option(help="Seed of all that is drawn.")]
Split = Annotated[str | None, typer.Option(help="Only samples of this split.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="What to write.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
Folder = Annotated[Path, typer.Option("--model", help="Folder of a trained model.")]
KINDS = {
    "generator": ("ConditionalDiffusion", "aj_noisy"),
    "gan": ("ConditionalGAN", "aj_noisy"),
    "vae": ("ConditionalVAE", "aj_noisy"),
    "purifier": ("Purifier", "aj_clean"),
    "denoiser": ("PairedDenoiser", "aj_noisy"),
    "counter": ("TargetCounter", "aj_noisy"),
}


@app.callback()
def _root(debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False) -> None:
    """Generate, purify and count: learning from acceleration-jerk spectra."""


@contextmanager
def _bar(name: str, unit: str) -> Iterator[Any]:
    from isacsim.commands.terminal import sample_progress

    with sample_progress(name, unit=unit) as tell:
        yield lambda done, total, loss: tell(done, total)


@app.command(epilog="Example: dira train purifier lab.zarr -o purifier --split train --steps 20000")
def train(
    kind: Annotated[str, typer.Argument(help=f"One of {', '.join(KINDS)}.")],
    store: Store,
    output: Output,
    variable: Annotated[
        str | None, typer.Option(help="Spectra to learn; default: aj_clean for a purifier, else aj_noisy.")
    ] = None,
    split: Split = "train",
    steps: Annotated[int, typer.Option(help="Optimiser steps.")] = 10_000,
    batch_size: Annotated[int, typer.Option(help="Samples a step.")] = 64,
    learning_rate: Annotated[float | None, typer.Option(help="Default: the model's.")] = None,
    precision: Annotated[str, typer.Option(help="no, bf16 or fp16.")] = "no",
    config: Annotated[
        str, typer.Option(help='Configuration as JSON, e.g. \'{"unet": {"blocks": [32, 64]}}\'.')
    ] = "{}",
    checkpoints: Annotated[
        Path | None, typer.Option(help="Folder to save to on the way, and to go on from.")
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    half: Annotated[bool, typer.Option("--half", help="Store weights as float16.")] = False,
) -> None:
    """Train a model on a store's spectra and save it in a folder."""
    from accelerate import PartialState

    import dira
    from dira.data import load

    if kind not in KINDS:
        raise InputError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}.")
    name, default = KINDS[kind]
    if output.exists() and not output.is_dir():
        raise InputError(f"{output} is a file; -o names the folder of the model.")
    try:
        settings = json.loads(config)
    except ValueError as error:
        raise InputError(f"--config must be JSON, got {config!r}: {error}.") from None
    if not isinstance(settings, dict):
        raise InputError(f"--config must be a JSON object, got {config!r}.")
    model = getattr(dira, name)(**settings)
    variable = variable or default
    samples = load(store, variable, split=split, labelled=kind in ("generator", "gan", "vae", "counter"))
    given: list[Any] = [samples[variable]]
    if kind == "denoiser":
        given.append(samples["aj_clean"])
    elif kind != "purifier":
        given.append(samples["n_targets"].values)
    how: dict[str, Any] = {"steps": steps, "batch_size": batch_size, "seed": seed, "precision": precision}
    how |= {} if learning_rate is None else {"learning_rate": learning_rate}
    if kind != "gan":
        how["checkpoints"] = checkpoints
    elif checkpoints is not None or precision != "no":
        raise InputError("a gan is trained without --checkpoints and --precision.")
    else:
        del how["precision"]
    with _bar(f"training {kind}", "steps") as progress:
        model.fit(*given, device=device, progress=progress, **how)
    if not PartialState().is_main_process:  # of several, started by torchrun or accelerate launch
        return
    model.history |= {"store": store.name, "variable": variable, "split": split}
    model.save_pretrained(output, half=half)
    typer.echo(f"{name} trained on {samples.sizes['sample']} spectra for {steps} steps: {output}")


def _model(folder: Path, *kinds: str) -> Any:
    import dira

    try:
        name = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model"]
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{folder} holds no model of dira (config.json is missing or damaged).") from None
    allowed = [KINDS[kind][0] for kind in kinds]
    if name not in allowed:
        raise InputError(f"{folder} holds a {name}; this takes a {' or '.join(allowed)}.")
    return getattr(dira, name).from_pretrained(folder)


@app.command(epilog="Example: dira expand --model generator --per-class 3=1800,4=1800 -o more.zarr --seed 1")
def expand(
    model: Folder,
    per_class: Annotated[str, typer.Option(help="Spectra for each number of targets, e.g. 3=100,4=100.")],
    output: Output,
    sampler: Annotated[
        str | None, typer.Option(help="ddpm, ddim or dpm, of a diffusion model; default dpm.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Network evaluations a spectrum.")] = None,
    seed: Seed = 0,
    device: Device = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Generate spectra of each class from pure noise."""
    import xarray as xr

    from dira.data import check_store, write
    from isacsim.commands.generate import class_sizes

    check_store(output, overwrite=overwrite)
    made_by = _model(model, "generator", "gan", "vae")
    sizes = class_sizes(per_class)
    labels = np.repeat(list(sizes), list(sizes.values()))
    how: dict[str, Any] = {"seed": seed, "device": device}
    if type(made_by).__name__ == "ConditionalDiffusion":
        how |= {"sampler": sampler or "dpm", "steps": steps}
    elif sampler is not None or steps is not None:
        raise InputError(f"--sampler and --steps are for diffusion models, and {model} is none.")
    with _bar("generating", "spectra") as progress:
        if "sampler" in how:
            how["progress"] = progress
        spectra = made_by.sample(labels, **how)
    _, axes = made_by.fitted()
    dims = ["sample", *(["channel"] if spectra.ndim == 4 else []), "acceleration", "jerk"]
    attrs = {"units": "1", "long_name": "generated acceleration-jerk spectrum, relative linear magnitude"}
    dataset = xr.Dataset(
        {
            "aj_noisy": (dims, spectra, attrs),
            "n_targets": ("sample", labels.astype(np.int16)),
            "domain": ("sample", ["generated"] * len(labels)),
            "split": ("sample", ["train"] * len(labels)),
        },
        attrs={"made_by": type(made_by).__name__, **{k: str(v) for k, v in how.items() if k != "progress"}},
    )
    if axes.acceleration_max is not None and axes.jerk_max is not None:
        dataset = dataset.assign_coords(
            acceleration=np.linspace(-axes.acceleration_max, axes.acceleration_max, axes.bins_acceleration),
            jerk=np.linspace(-axes.jerk_max, axes.jerk_max, axes.bins_jerk),
        )
    write(dataset, output, overwrite=overwrite)
    typer.echo(f"{len(labels)} spectra: {output}")


@app.command(epilog="Example: dira enhance lab.zarr --model purifier -o clean.zarr --t-star 50 --rounds 2")
def enhance(
    store: Store,
    model: Folder,
    output: Output,
    variable: Annotated[str, typer.Option(help="Spectra to purify.")] = "aj_noisy",
    split: Split = None,
    t_star: Annotated[
        int | None, typer.Option(help="Step to which a spectrum is diffused; default: the model's, else 50.")
    ] = None,
    rounds: Annotated[int | None, typer.Option(help="How often; default: the model's, else 2.")] = None,
    scale: Annotated[
        float | None, typer.Option(help="Strength a of the guidance; default: the model's, else 1.")
    ] = None,
    distance: Annotated[str, typer.Option(help="ssim or mse: what holds it to its input.")] = "ssim",
    seed: Seed = 0,
    device: Device = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Purify a store's spectra; labels and truth go along, the result is aj_enhanced."""
    from dira.data import check_store, load, write

    check_store(output, overwrite=overwrite)
    purifier = _model(model, "purifier", "denoiser")
    samples = load(store, variable, split=split)
    with _bar("purifying", "spectra") as progress:
        if type(purifier).__name__ == "PairedDenoiser":
            made = purifier.enhance(samples[variable], device=device)
        else:
            asked = {"t_star": t_star, "rounds": rounds, "scale": scale}
            how = purifier.chosen | {name: value for name, value in asked.items() if value is not None}
            made = purifier.enhance(
                samples[variable],
                **how,
                distance=distance,
                seed=seed,
                device=device,
                progress=progress,
            )
    long_name = "purified acceleration-jerk spectrum, relative linear magnitude"
    samples["aj_enhanced"] = samples[variable].copy(data=made).assign_attrs(units="1", long_name=long_name)
    write(samples, output, overwrite=overwrite)
    typer.echo(f"{samples.sizes['sample']} spectra: {output}")


@app.command(epilog="Example: dira count clean.zarr --model counter --variable aj_enhanced")
def count(
    store: Store,
    model: Folder,
    variable: Annotated[str, typer.Option(help="Spectra to count in.")] = "aj_noisy",
    split: Split = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="CSV with the count and probabilities of each.")
    ] = None,
    device: Device = "auto",
) -> None:
    """Count targets in a store's spectra; beside the truth where there are labels."""
    from dira.data import load
    from isacsim.commands.terminal import show_table
    from isacsim.output_file import written_whole

    counter = _model(model, "counter")
    samples = load(store, variable, split=split)
    odds = counter.predict_proba(samples[variable], device=device)
    found = counter.counts[odds.argmax(axis=1)]
    truth = samples["n_targets"].values
    if output is not None:
        with written_whole(output) as file:
            head = ",".join(["sample", "label", "count", *(f"p_{c}" for c in counter.counts)])
            rows = [
                ",".join([str(i), str(int(t)), str(int(c)), *(f"{p:.6f}" for p in of)])
                for i, (t, c, of) in enumerate(zip(truth, found, odds, strict=True))
            ]
            file.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    known = np.isin(truth, counter.counts)
    table = [
        [str(t), *(str(int(((truth == t) & (found == c)).sum())) for c in counter.counts)]
        for t in sorted(set(truth.tolist()))
    ]
    show_table("label down, count across", ["", *map(str, counter.counts)], table)
    if known.any():
        right = float((found == truth)[known].mean())
        typer.echo(f"{right:.3f} of {int(known.sum())} labelled spectra counted right")


@app.command(
    epilog="Example: dira evaluate clean.zarr --variable aj_enhanced --reference lab.zarr --split test"
)
def evaluate(
    store: Store,
    variable: Annotated[str, typer.Option(help="Spectra to judge.")] = "aj_enhanced",
    split: Split = None,
    reference: Annotated[
        Path | None, typer.Option(help="Store of real or clean spectra to measure distances to.")
    ] = None,
    reference_variable: Annotated[str, typer.Option(help="Its spectra.")] = "aj_clean",
    counter: Annotated[Path | None, typer.Option(help="Counter whose features are used.")] = None,
    seed: Seed = 0,
) -> None:
    """Judge spectra: likeness to their clean ones, targets kept and invented, distance to a reference set."""
    from dira.data import load
    from dira.fidelity import peak_fidelity, similarity
    from dira.metrics import kernel_distance, precision_recall
    from isacsim.commands.terminal import show_table

    samples = load(store, variable, split=split)
    rows: list[list[str]] = []
    if "aj_clean" in samples and bool(samples["aj_clean"].notnull().all()):
        clean = samples["aj_clean"]
        for name, values in (
            (variable, samples[variable].values),
            ("all zero", np.zeros_like(clean.values)),
        ):
            like = similarity(values, clean.values)
            kept = peak_fidelity(values, samples)
            rms = kept.rms()
            rows.append(
                [
                    name,
                    f"{like.ssim.mean():.3f}",
                    f"{like.psnr_db.mean():.1f}",
                    f"{kept.kept_share:.3f}",
                    f"{kept.invented_mean:.2f}",
                    f"{rms[0]:.3f}",
                    f"{rms[1]:.2f}",
                ]
            )
        head = ["spectra", "SSIM", "PSNR [dB]", "kept", "invented", "a rms [m/s²]", "r rms [m/s³]"]
        show_table("", head, rows)
    if reference is not None:
        if counter is None:
            raise InputError("--reference needs --counter, whose features the distance is measured on.")
        features = _model(counter, "counter")
        other = load(reference, reference_variable, split=split)[reference_variable]
        got = kernel_distance(other, samples[variable], features=features, seed=seed)
        precision, recall = precision_recall(other, samples[variable], features=features)
        typer.echo(
            f"kernel distance (counter features) {got.value:.4g} [{got.low:.4g}, {got.high:.4g}], floor "
            f"{got.floor:.4g}; precision {precision:.3f}, recall {recall:.3f}; {got.real} and {got.generated} spectra"
        )
    elif not rows:
        raise InputError(f"{store} has no clean spectra, and there is no --reference: nothing to judge by.")


app.command(epilog="Example: dira demo --scenario lab --seed 7")(demo)
app.command(epilog="Example: dira reproduce --preset laptop -o out/laptop")(experiments.reproduce)
app.command(epilog="Example: dira report out/laptop")(experiments.report)


def main() -> None:
    """Run the command."""
    app()
