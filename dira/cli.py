"""The command ``dira``: train, expand, enhance, count, evaluate on zarr stores; reproduce and report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from dira.commands.conditions import columns, values
from dira.commands.demo import demo
from dira.commands.judging import count, enhance, evaluate
from dira.commands.options import KINDS, Device, Folder, Output, Overwrite, Seed, Split, Store, bar, model_in
from dira.experiment import commands as experiments
from isacsim.errors import InputError
from isacsim.terminal import Guarded

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
        str | None,
        typer.Option(
            help="Label columns of a generator, gan or vae, e.g. n_targets,scenario,snr_db:10,20, where SNRs are in "
            "bands below 10, 10 to 20 and above 20; default: n_targets."
        ),
    ] = None,
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
    overwrite: Overwrite = False,
) -> None:
    """Train a model on a store's spectra and save it in a folder."""
    from accelerate import PartialState

    import dira
    from dira.data.stores import load
    from isacsim.files import check_output

    if kind not in KINDS:
        raise InputError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}.")
    name, default = KINDS[kind]
    if output.exists() and not output.is_dir():
        raise InputError(f"{output} is a file; -o names the folder of the model.")
    if (output / "config.json").exists() and not overwrite:
        raise InputError(f"{output} holds a model already; choose another name or pass --overwrite.")
    check_output(output / "config.json")
    if kind == "gan" and precision != "no":
        raise InputError("--precision is not for a gan; leave it out.")
    try:
        settings = json.loads(config)
    except ValueError as error:
        raise InputError(f"--config must be JSON, got {config!r}: {error}.") from None
    if not isinstance(settings, dict):
        raise InputError(f"--config must be a JSON object, got {config!r}.")
    conditional = kind in ("generator", "gan", "vae")
    if conditions is not None and not conditional:
        raise InputError(f"--conditions is for a generator, gan or vae; leave it out for a {kind}.")
    model = getattr(dira, name)(**settings)
    variable = variable or default
    samples = load(store, variable, split=split, labelled=conditional or kind == "counter")
    given: list[Any] = [samples[variable]]
    if kind == "denoiser":
        if "aj_clean" not in samples:
            raise InputError(f"{store} has no spectra 'aj_clean', which a denoiser learns from.")
        given.append(samples["aj_clean"])
    elif kind == "counter":
        given.append(samples["n_targets"].values)
    elif conditional:
        given.append(columns(samples, "n_targets" if conditions is None else conditions))
    how: dict[str, Any] = {"steps": steps, "batch_size": batch_size, "seed": seed, "checkpoints": checkpoints}
    how |= {} if learning_rate is None else {"learning_rate": learning_rate}
    how |= {} if kind == "gan" else {"precision": precision}
    with bar(f"training {kind}", "steps") as progress:
        model.fit(*given, device=device, progress=progress, **how)
    if not PartialState().is_main_process:  # of several, started by torchrun or accelerate launch
        return
    model.history |= {"store": store.name, "variable": variable, "split": split}
    model.save_pretrained(output, half=half)
    typer.echo(f"{name} trained on {samples.sizes['sample']} spectra for {steps} steps: {output}")


@app.command(epilog="Example: dira expand --per-class 3=1800,4=1800 -o more.zarr --model generator --seed 1")
def expand(
    per_class: Annotated[str, typer.Option(help="Spectra for each number of targets, e.g. 3=100,4=100.")],
    output: Output,
    model: Folder = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            help="Value of another condition of the model, e.g. scenario=lab or 'snr_db=10 to 20'; may be repeated."
        ),
    ] = None,
    sampler: Annotated[
        str | None, typer.Option(help="ddpm, ddim or dpm, of a diffusion model; default dpm.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Network evaluations a spectrum; default: the sampler's.")
    ] = None,
    guidance: Annotated[
        float | None,
        typer.Option(help="Weight of classifier-free guidance, of a diffusion model; default 1: none."),
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Generate spectra of each class from pure noise."""
    import xarray as xr

    from dira.data.stores import check_store, write
    from dira.models.schedule import scheduler
    from isacsim.dataset.notation import class_sizes

    check_store(output, overwrite=overwrite)
    made_by = model_in(model, "generator", "gan", "vae")
    sizes = class_sizes(per_class)
    labels = np.repeat(list(sizes), list(sizes.values()))
    others = values(condition or [], made_by)
    how: dict[str, Any] = {"seed": seed}
    more: dict[str, Any] = {"device": device}
    asked = {"sampler": sampler, "steps": steps, "guidance": guidance}
    with bar("generating", "spectra") as progress:
        if type(made_by).__name__ == "ConditionalDiffusion":
            name, config = sampler or "dpm", made_by.config
            walk = scheduler(name, config.schedule, prediction=config.prediction, steps=steps)
            how |= {"sampler": name, "steps": len(walk.timesteps)}
            how["guidance"] = 1.0 if guidance is None else guidance
            more["progress"] = progress
        elif any(value is not None for value in asked.values()):
            raise InputError(f"--{', --'.join(asked)} are for diffusion models, and {model} is none.")
        every = {name: np.repeat(value, len(labels)) for name, value in others.items()}
        spectra = made_by.sample({"n_targets": labels, **every}, **how, **more)
    _, axes = made_by.fitted()
    dims = ["sample", *(["channel"] if spectra.ndim == 4 else []), "acceleration", "jerk"]
    attrs = {"units": "1", "long_name": "generated acceleration-jerk spectrum, relative linear magnitude"}
    attrs |= axes.made_with
    weights = (model or made_by.shipped()) / "model.safetensors"
    dataset = xr.Dataset(
        {
            "aj_noisy": (dims, spectra, attrs),
            "n_targets": ("sample", labels.astype(np.int16)),
            "domain": ("sample", ["generated"] * len(labels)),
            "split": ("sample", ["train"] * len(labels)),
            **{name: ("sample", [value] * len(labels)) for name, value in others.items()},
        },
        attrs={
            "made_by": type(made_by).__name__,
            "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
            **how,
        },
    )
    if axes.acceleration_max is not None and axes.jerk_max is not None:
        dataset = dataset.assign_coords(
            acceleration=np.linspace(-axes.acceleration_max, axes.acceleration_max, axes.bins_acceleration),
            jerk=np.linspace(-axes.jerk_max, axes.jerk_max, axes.bins_jerk),
        )
    write(dataset, output, overwrite=overwrite)
    typer.echo(f"{len(labels)} spectra: {output}")


_EXAMPLES: dict[Callable[..., None], str] = {
    enhance: "dira enhance lab.zarr -o clean.zarr --model purifier --t-star 50 --rounds 2",
    count: "dira count clean.zarr --model counter --variable aj_enhanced",
    evaluate: "dira evaluate clean.zarr --reference lab.zarr --counter counter",
    demo: "dira demo --scenario lab --seed 7",
    experiments.reproduce: "dira reproduce --preset laptop -o out/laptop",
    experiments.report: "dira report out/laptop",
}
for _command, _example in _EXAMPLES.items():
    app.command(epilog=f"Example: {_example}")(_command)


def main() -> None:
    """Run the command."""
    app()
