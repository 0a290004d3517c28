"""The command ``dira``: train, expand, enhance, count, evaluate on zarr stores; reproduce and report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from dira.cli_judging import count, enhance, evaluate
from dira.cli_options import KINDS, Device, Folder, Output, Overwrite, Seed, Split, Store, bar, model_in
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


@app.callback()
def _root(debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False) -> None:
    """Generate, purify and count: learning from acceleration-jerk spectra."""


@app.command(epilog="Example: dira train purifier lab.zarr -o purifier --split train --steps 20000")
def train(
    kind: Annotated[str, typer.Argument(help=f"One of {', '.join(KINDS)}.")],
    store: Store,
    output: Output,
    variable: Annotated[
        str | None, typer.Option(help="Spectra to learn; default: aj_clean for a purifier, else aj_noisy.")
    ] = None,
    split: Split = "train",
    conditions: Annotated[
        str, typer.Option(help="Label columns of a generator, gan or vae, e.g. n_targets,scenario.")
    ] = "n_targets",
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
    elif kind == "counter":
        given.append(samples["n_targets"].values)
    elif kind != "purifier":
        given.append(_conditions(samples, conditions.split(",")))
    how: dict[str, Any] = {"steps": steps, "batch_size": batch_size, "seed": seed, "precision": precision}
    how |= {} if learning_rate is None else {"learning_rate": learning_rate}
    if kind != "gan":
        how["checkpoints"] = checkpoints
    elif checkpoints is not None or precision != "no":
        raise InputError("a gan is trained without --checkpoints and --precision.")
    else:
        del how["precision"]
    with bar(f"training {kind}", "steps") as progress:
        model.fit(*given, device=device, progress=progress, **how)
    if not PartialState().is_main_process:  # of several, started by torchrun or accelerate launch
        return
    model.history |= {"store": store.name, "variable": variable, "split": split}
    model.save_pretrained(output, half=half)
    typer.echo(f"{name} trained on {samples.sizes['sample']} spectra for {steps} steps: {output}")


def _conditions(samples: Any, names: list[str]) -> dict[str, Any]:
    """Label columns of a data set, each a condition of a generator."""
    for name in names:
        if name not in samples or samples[name].dims != ("sample",):
            columns = ", ".join(sorted(str(n) for n, v in samples.data_vars.items() if v.dims == ("sample",)))
            raise InputError(f"--conditions: the store has no label column {name!r}; it has {columns}.")
    return {name: np.array(samples[name].values.tolist()) for name in names}


@app.command(epilog="Example: dira expand --model generator --per-class 3=1800,4=1800 -o more.zarr --seed 1")
def expand(
    model: Folder,
    per_class: Annotated[str, typer.Option(help="Spectra for each number of targets, e.g. 3=100,4=100.")],
    output: Output,
    condition: Annotated[
        list[str] | None,
        typer.Option(help="Value of another condition of the model, e.g. scenario=lab; may be repeated."),
    ] = None,
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
    made_by = model_in(model, "generator", "gan", "vae")
    sizes = class_sizes(per_class)
    labels = np.repeat(list(sizes), list(sizes.values()))
    others = _values(condition or [])
    how: dict[str, Any] = {"seed": seed, "device": device}
    if type(made_by).__name__ == "ConditionalDiffusion":
        how |= {"sampler": sampler or "dpm", "steps": steps}
    elif sampler is not None or steps is not None:
        raise InputError(f"--sampler and --steps are for diffusion models, and {model} is none.")
    with bar("generating", "spectra") as progress:
        if "sampler" in how:
            how["progress"] = progress
        every = {name: np.repeat(value, len(labels)) for name, value in others.items()}
        spectra = made_by.sample({"n_targets": labels, **every}, **how)
    _, axes = made_by.fitted()
    dims = ["sample", *(["channel"] if spectra.ndim == 4 else []), "acceleration", "jerk"]
    attrs = {"units": "1", "long_name": "generated acceleration-jerk spectrum, relative linear magnitude"}
    dataset = xr.Dataset(
        {
            "aj_noisy": (dims, spectra, attrs),
            "n_targets": ("sample", labels.astype(np.int16)),
            "domain": ("sample", ["generated"] * len(labels)),
            "split": ("sample", ["train"] * len(labels)),
            **{name: ("sample", [value] * len(labels)) for name, value in others.items()},
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


def _values(given: list[str]) -> dict[str, int | str]:
    """Conditions as NAME=VALUE; whole numbers are numbers."""
    out: dict[str, int | str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name or not value or name in (*out, "n_targets"):
            raise InputError(
                f"--condition must be NAME=VALUE, each name once and not n_targets, got {one!r}."
            )
        out[name] = int(value) if value.lstrip("-").isdigit() else value
    return out


_EXAMPLES: dict[Callable[..., None], str] = {
    enhance: "dira enhance lab.zarr --model purifier -o clean.zarr --t-star 50 --rounds 2",
    count: "dira count clean.zarr --model counter --variable aj_enhanced",
    evaluate: "dira evaluate clean.zarr --variable aj_enhanced --reference lab.zarr --split test",
    demo: "dira demo --scenario lab --seed 7",
    experiments.reproduce: "dira reproduce --preset laptop -o out/laptop",
    experiments.report: "dira report out/laptop",
}
for _command, _example in _EXAMPLES.items():
    app.command(epilog=f"Example: {_example}")(_command)


def main() -> None:
    """Run the command."""
    app()
