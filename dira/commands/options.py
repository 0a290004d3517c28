"""Parts that the commands of dira share: options, progress bar, models by folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from isacsim.errors import InputError

__all__ = [
    "KINDS",
    "Device",
    "Folder",
    "Output",
    "Overwrite",
    "Seed",
    "Split",
    "Store",
    "bar",
    "digest_of_weights",
    "model_in",
]

Store = Annotated[Path, typer.Argument(help="Zarr store of spectra, e.g. from isacsim generate.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers.")]
Split = Annotated[str | None, typer.Option(help="Only samples of this split.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="File or store to write.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing output.")]
Folder = Annotated[
    Path | None,
    typer.Option("--model", help="Folder of a trained model; default: the one that comes with dira."),
]
KINDS = {
    "generator": ("ConditionalDiffusion", "aj_noisy"),
    "gan": ("ConditionalGAN", "aj_noisy"),
    "vae": ("ConditionalVAE", "aj_noisy"),
    "purifier": ("Purifier", "aj_clean"),
    "denoiser": ("PairedDenoiser", "aj_noisy"),
    "paired-diffusion": ("PairedDiffusion", "aj_clean"),
    "counter": ("TargetCounter", "aj_noisy"),
    "detector": ("PathDetector", "aj_noisy"),
}


@contextmanager
def bar(name: str, unit: str) -> Iterator[Any]:
    """A progress bar."""
    from isacsim.terminal import sample_progress

    with sample_progress(name, unit=unit) as tell:
        yield lambda done, total, loss: tell(done, total)


def model_in(folder: Path | None, *kinds: str, like: Any = None) -> Any:
    """A trained model of one of the kinds, from its folder; without one that of the first kind that comes with dira.

    Of several that come with dira it is the one that fits the spectra ``like``.
    """
    import dira

    if folder is None:
        return getattr(dira, KINDS[kinds[0]][0]).pretrained(like)
    try:
        name = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model"]
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{folder} holds no model of dira (config.json is missing or damaged).") from None
    allowed = [KINDS[kind][0] for kind in kinds]
    if name not in allowed:
        raise InputError(f"{folder} holds a {name}; this takes a {' or '.join(allowed)}.")
    return getattr(dira, name).from_pretrained(folder)


def digest_of_weights(model: Any) -> str:
    """SHA-256 of the weights of a model that was read from a folder."""
    return hashlib.sha256((model.folder / "model.safetensors").read_bytes()).hexdigest()
