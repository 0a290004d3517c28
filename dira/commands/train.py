"""The command ``dira train``: a model from a store's spectra to a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from dira.commands.conditions import columns
from dira.commands.options import KINDS, Device, Output, Overwrite, Seed, Split, Store, bar
from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["train"]

_CONDITIONAL = ("generator", "gan", "vae")


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
    samples = load(store, variable, split=split, labelled=kind in (*_CONDITIONAL, "counter"))
    training: dict[str, Any] = {
        "steps": steps,
        "batch_size": batch_size,
        "seed": seed,
        "checkpoints": checkpoints,
    }
    training |= {} if learning_rate is None else {"learning_rate": learning_rate}
    training |= {} if kind == "gan" else {"precision": precision}
    examples = _examples(kind, samples, variable, conditions, store)
    with bar(f"training {kind}", "steps") as progress:
        model.fit(*examples, device=device, progress=progress, **training)
    if not PartialState().is_main_process:  # of several, started by torchrun or accelerate launch
        return
    model.history |= {"store": store.name, "variable": variable, "split": split}
    model.save_pretrained(output, half=half)
    typer.echo(f"{name} trained on {samples.sizes['sample']} spectra for {steps} steps: {output}")


def _check_output(output: Path, *, overwrite: bool) -> None:
    """Refuse a folder that can't take the model, before the work starts."""
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


def _examples(
    kind: str, samples: xr.Dataset, variable: str, conditions: str | None, store: Path
) -> list[Any]:
    """What `fit` learns from: spectra, and what belongs to them."""
    spectra = samples[variable]
    if kind == "denoiser":
        if "aj_clean" not in samples or np.isnan(samples["aj_clean"].values).all():
            raise InputError(f"{store} has no spectra 'aj_clean', which a denoiser learns from.")
        return [spectra, samples["aj_clean"]]
    if kind == "counter":
        return [spectra, samples["n_targets"].values]
    if kind in _CONDITIONAL:
        return [spectra, columns(samples, "n_targets" if conditions is None else conditions)]
    return [spectra]
