"""The command ``dira train``: a model from spectra, stored or simulated meanwhile, to a folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from dira.commands.conditions import columns
from dira.commands.options import KINDS, Device, Output, Overwrite, Seed, Split, bar
from isacsim.errors import InputError

if TYPE_CHECKING:
    from isacsim.dataset.synthetic.endless import EndlessSamples

__all__ = ["train"]

_CONDITIONAL = ("generator", "gan", "vae")


def train(
    kind: Annotated[str, typer.Argument(help=f"One of {', '.join(KINDS)}.")],
    output: Output,
    stores: Annotated[
        list[Path] | None,
        typer.Argument(help="Zarr stores of spectra, of isacsim generate, dira expand, ...; or --stream."),
    ] = None,
    stream: Annotated[
        str | None,
        typer.Option(help="Scenarios, e.g. lab,corridor: samples are made during training, without end."),
    ] = None,
    uses: Annotated[
        int,
        typer.Option(
            help="Number of times that each sample of --stream is used, each time under another symmetry.",
            min=1,
        ),
    ] = 1,
    workers: Annotated[
        int | None, typer.Option(help="Processes that make samples of --stream; default: one a core.", min=0)
    ] = None,
    thinned: Annotated[
        bool,
        typer.Option(
            "--thinned",
            help="Simulate fewer subcarriers and packets of --stream, the SNR raised to match: ten times as fast.",
        ),
    ] = False,
    apart_from: Annotated[
        list[Path] | None,
        typer.Option(
            help="Store for validation or test; --stream may have none of its seeds. May be repeated."
        ),
    ] = None,
    variable: Annotated[
        str | None,
        typer.Option(
            help="Spectra to learn; default: aj_clean for a purifier, else aj_noisy. Of a paired-diffusion those that "
            "it is shown: aj_clean (default) to make aj_noisy, or aj_noisy to make aj_clean."
        ),
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
        Path | None,
        typer.Option(
            help="Folder for checkpoints, from which a run continues; default: one in the output, until it is trained."
        ),
    ] = None,
    budget: Annotated[
        bool, typer.Option("--budget", help="Measure the time it will take first, then train.")
    ] = False,
    seed: Seed = 0,
    device: Device = "auto",
    half: Annotated[bool, typer.Option("--half", help="Store weights as float16.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Train a model on spectra of stores, or of scenarios while they are simulated, and save it in a folder."""
    from accelerate import PartialState

    import dira

    if kind not in KINDS:
        raise InputError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}.")
    _check_output(output, overwrite=overwrite)
    if kind == "gan" and precision != "no":
        raise InputError("--precision is not for a gan; leave it out.")
    settings = _settings(config)
    if conditions is not None and kind not in _CONDITIONAL:
        raise InputError(f"--conditions is for a generator, gan or vae; leave it out for a {kind}.")
    name, default = KINDS[kind]
    model = getattr(dira, name)(**settings)
    variable = variable or default
    work = output / "checkpoints" if checkpoints is None else checkpoints
    training: dict[str, Any] = {"steps": steps, "batch_size": batch_size, "seed": seed}
    training |= {} if learning_rate is None else {"learning_rate": learning_rate}
    training |= {} if kind == "gan" else {"precision": precision}
    if stream is None:
        if not stores:
            raise InputError("give the stores to train on, or --stream with scenarios.")
        if uses != 1 or workers is not None or apart_from or thinned:
            raise InputError(
                "--uses, --workers, --thinned and --apart-from are for --stream; leave them out."
            )
        examples = _of_stores(kind, stores, variable, split, conditions)
        learnt_from = {"store": ",".join(s.name for s in stores), "variable": variable, "split": split}
    else:
        if stores or conditions is not None:
            wrong = "--conditions" if conditions is not None else "stores"
            raise InputError(f"give {wrong} or --stream, not both: a stream's labels are n_targets alone.")
        samples = _streamed(stream, seed, workers, apart_from or [], thinned=thinned)
        training["stream"] = samples.reused(uses, folder=work / "stream")
        model.variables = (variable, *model.variables[1:])
        if kind == "paired-diffusion" and variable == "aj_noisy":
            model.variables = ("aj_noisy", "aj_clean")
        examples, learnt_from = [], {"variable": variable}
    if budget:
        from dira.training.budget import measured

        typer.echo(measured(model, examples, training, checkpoints=work, device=device))
    with bar(f"training {kind}", "steps") as progress:
        model.fit(*examples, device=device, progress=progress, checkpoints=work, **training)
    if not PartialState().is_main_process:  # of several, started by torchrun or accelerate launch
        return
    model.history |= learnt_from
    model.save_pretrained(output, half=half)
    shutil.rmtree(work if checkpoints is None else work / "stream", ignore_errors=True)
    typer.echo(f"{name} trained on {model.history['samples']} spectra for {steps} steps: {output}")


def _streamed(
    scenarios: str, seed: int, workers: int | None, apart_from: list[Path], *, thinned: bool
) -> EndlessSamples:
    from isacsim.dataset.synthetic.endless import stream

    names = [name.strip() for name in scenarios.split(",") if name.strip()]
    return stream(names, seed=seed, workers=workers, apart_from=apart_from, thinned=thinned)


def _check_output(output: Path, *, overwrite: bool) -> None:
    """Refuse a folder that cannot take the model, before the work starts."""
    from isacsim.files import check_output

    if output.exists() and not output.is_dir():
        raise InputError(f"{output} is a file; -o names the folder of the model.")
    if (output / "config.json").exists() and not overwrite:
        raise InputError(f"{output} holds a model already; choose another name or pass --overwrite.")
    check_output(output / "config.json")


def _settings(config: str) -> dict[str, Any]:
    """The model's configuration from ``--config``."""
    try:
        settings = json.loads(config)
    except ValueError as error:
        raise InputError(f"--config must be JSON, got {config!r}: {error}.") from None
    if not isinstance(settings, dict):
        raise InputError(f"--config must be a JSON object, got {config!r}.")
    return settings


def _of_stores(
    kind: str, stores: list[Path], variable: str, split: str | None, conditions: str | None
) -> list[Any]:
    """Collect what `fit` learns from: spectra, and the data that belong to them."""
    from dira.data.several import load_together

    labelled = kind in (*_CONDITIONAL, "counter")
    wanted = "aj_noisy" if (kind, variable) == ("paired-diffusion", "aj_clean") else "aj_clean"
    samples = load_together(stores, variable, split=split, labelled=labelled, also=(wanted,))
    spectra = samples[variable]
    if kind in ("denoiser", "paired-diffusion"):
        if wanted not in samples or np.isnan(samples[wanted].values).all():
            raise InputError(f"{stores[0]} has no spectra {wanted!r}, which a {kind} learns from.")
        return [spectra, samples[wanted]]
    if kind == "detector":
        return [spectra, samples]
    if kind == "counter":
        return [spectra, samples["n_targets"].values]
    if kind in _CONDITIONAL:
        return [spectra, columns(samples, "n_targets" if conditions is None else conditions)]
    return [spectra]
