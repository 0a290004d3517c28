"""The command ``dira expand``: spectra of each class from pure noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from dira.commands.conditions import values
from dira.commands.options import Device, Folder, Output, Overwrite, Seed, bar, digest_of_weights, model_in
from isacsim.errors import InputError
from isacsim.schema import AXES, DATASET, described

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from dira.config import Axes

__all__ = ["expand"]

# Variables of a data set that hold something else than a condition's name for it.
_TAKEN = (
    "snr_db",
    "seed",
    "index",
    "domain",
    "split",
    "source",
    "origin",
    "origin_sample",
    "scale",
    "csi_rms",
)


def expand(
    per_class: Annotated[str, typer.Option(help="Spectra for each number of targets, e.g. 3=100,4=100.")],
    output: Output,
    model: Folder = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            help="Value of another condition of the model, as scenario=lab_cubic or 'snr_db=10 to 20'; may be repeated."
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
    from dira.data.stores import check_store, write
    from dira.models.diffusion import ConditionalDiffusion
    from dira.models.schedule import scheduler
    from isacsim.dataset.notation import class_sizes

    check_store(output, overwrite=overwrite)
    generator = model_in(model, "generator", "gan", "vae")
    sizes = class_sizes(per_class)
    labels = np.repeat(list(sizes), list(sizes.values()))
    others = values(condition or [], generator)
    how: dict[str, Any] = {"seed": seed}
    where: dict[str, Any] = {"device": device}
    asked = {"sampler": sampler, "steps": steps, "guidance": guidance}
    with bar("generating", "spectra") as progress:
        if isinstance(generator, ConditionalDiffusion):
            name, config = sampler or "dpm", generator.config
            walk = scheduler(name, config.schedule, prediction=config.prediction, steps=steps)
            how |= {"sampler": name, "steps": len(walk.timesteps)}
            how["guidance"] = 1.0 if guidance is None else guidance
            where["progress"] = progress
        elif any(value is not None for value in asked.values()):
            raise InputError(f"--{', --'.join(asked)} are for diffusion models, and {model} is none.")
        repeated = {name: np.repeat(value, len(labels)) for name, value in others.items()}
        spectra = generator.sample({"n_targets": labels, **repeated}, **how, **where)
    _, axes = generator.fitted()
    digest = digest_of_weights(generator)
    samples = _data_set(spectra, labels, others, axes)
    source = f"{type(generator).__name__} {digest[:12]}"
    samples["source"] = described(DATASET, "source", [source] * len(labels))
    samples["seed"] = described(DATASET, "seed", np.full(len(labels), seed))
    about = {"made_by": type(generator).__name__, "weights_sha256": digest, **how}
    write(samples, output, domain="generated", attrs=about, overwrite=overwrite)
    typer.echo(f"{len(labels)} spectra: {output}")


def _data_set(
    spectra: NDArray[np.float32], labels: NDArray[np.int64], others: dict[str, int | str], axes: Axes
) -> xr.Dataset:
    """Generated spectra with their conditions.

    Channels are delays where the spectra that the model has learnt were made by delay, else receivers. A condition
    whose name a data set has another use for (a band of SNRs) is ``condition_NAME``.
    """
    import xarray as xr

    attrs = {"units": "1", "long_name": "generated acceleration-jerk spectrum, relative linear magnitude"}
    channels = ["delay" if axes.made_with.get("combine") == "delay" else "receiver"]
    dims = ["sample", *(channels if spectra.ndim == 4 else []), "acceleration", "jerk"]
    samples = xr.Dataset(
        {
            "aj_noisy": (dims, spectra, attrs | axes.made_with),
            "n_targets": described(DATASET, "n_targets", labels.astype(np.int16)),
            **{
                f"condition_{name}" if name in _TAKEN else name: ("sample", [value] * len(labels))
                for name, value in others.items()
                if name != "scenario"
            },
        }
    )
    if "scenario" in others:
        samples["scenario"] = described(DATASET, "scenario", [str(others["scenario"])] * len(labels))
    if axes.acceleration_max is not None and axes.jerk_max is not None:
        a = np.linspace(-axes.acceleration_max, axes.acceleration_max, axes.bins_acceleration)
        r = np.linspace(-axes.jerk_max, axes.jerk_max, axes.bins_jerk)
        samples = samples.assign_coords(
            acceleration=described(AXES, "acceleration", a), jerk=described(AXES, "jerk", r)
        )
    return samples
