"""The command ``dira enhance``: a store's spectra, purified."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from dira.commands.options import (
    Device,
    Folder,
    Output,
    Overwrite,
    Seed,
    Split,
    Store,
    bar,
    digest_of_weights,
    model_in,
)
from isacsim.errors import InputError

__all__ = ["enhance"]


def enhance(
    store: Store,
    output: Output,
    model: Folder = None,
    variable: Annotated[str, typer.Option(help="Spectra to purify.")] = "aj_noisy",
    split: Split = None,
    t_star: Annotated[
        int | None, typer.Option(help="Step to which a spectrum is diffused; default: the model's, else 50.")
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(help="Number of rounds; default: the model's, else 2.")
    ] = None,
    scale: Annotated[
        float | None, typer.Option(help="Strength a of the guidance; default: the model's, else 1.")
    ] = None,
    distance: Annotated[
        str | None, typer.Option(help="Distance to the input: ssim or mse; default ssim.")
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            help="diffused or input: its input with noise of the step, or as it is; default diffused."
        ),
    ] = None,
    gamma: Annotated[
        float | None, typer.Option(help="Bound γ of the guidance's magnitude; default 1.")
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Purify a store's spectra as aj_enhanced; labels and ground truth are copied.

    With a path detector as the model, aj_enhanced shows the self-terms of the paths that it finds.
    """
    from dira.data.stores import SPECTRA, check_store, load, write
    from dira.models.denoiser import PairedDenoiser
    from dira.models.detector import PathDetector
    from dira.models.paired_diffusion import PairedDiffusion

    check_store(output, overwrite=overwrite)
    samples = load(store, variable, split=split, also=SPECTRA)
    kinds = ("purifier", "denoiser", "detector", "paired-diffusion")
    purifier = model_in(model, *kinds, like=samples[variable])
    asked = {
        "t_star": t_star,
        "rounds": rounds,
        "scale": scale,
        "distance": distance,
        "reference": reference,
        "gamma": gamma,
    }
    how: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    once = isinstance(purifier, PairedDenoiser | PathDetector)
    sampled = isinstance(purifier, PairedDiffusion)
    if (once or sampled) and how:
        option = next(iter(how)).replace("_", "-")
        raise InputError(f"--{option} is for a purifier, and {model} is {purifier.title}; leave it out.")
    how = {} if once else {"seed": seed} if sampled else {**purifier.chosen, **how, "seed": seed}
    with bar("purifying", "spectra") as progress:
        where: dict[str, Any] = {"device": device} if once else {"device": device, "progress": progress}
        enhanced = (purifier.sample if sampled else purifier.enhance)(samples[variable], **how, **where)
    long_name = "purified acceleration-jerk spectrum, relative linear magnitude"
    samples["aj_enhanced"] = (
        samples[variable].copy(data=enhanced).assign_attrs(units="1", long_name=long_name)
    )
    origin = {"store": store.name, "variable": variable, "split": split, "attrs": samples.attrs}
    about = {
        "made_by": type(purifier).__name__,
        "weights_sha256": digest_of_weights(purifier),
        "enhanced_from": json.dumps(origin, default=str),
        **how,
    }
    write(samples, output, domain="enhanced", attrs=about, overwrite=overwrite)
    typer.echo(f"{samples.sizes['sample']} spectra: {output}")
