"""``isacsim generate --capture``: capture files become a data set."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isacsim.commands.source import in_options
from isacsim.errors import InputError
from isacsim.terminal import remark, sample_progress

__all__ = ["generate_captures", "refuse"]

_MOST_NOTES = 8


def generate_captures(
    files: Sequence[str],
    store: str,
    *,
    split: Sequence[str],
    chunk: int | None,
    overwrite: bool,
    shown: bool,
    like: str | None,
    window_s: float | None,
    hop_s: float | None,
    one_receiver: bool,
    **options: Any,
) -> None:
    """Make or finish the store; options as for :func:`isacsim.dataset.real.samples.capture_dataset`."""
    from isacsim.dataset.real.write import write_captures

    if len(split) > 1 or any("=" in text for text in split):
        raise InputError(
            f"--split is {' '.join(split)!r}; with --capture it is one of train, validation and test for all files (a "
            "column split in --labels says it for each)."
        )
    try:
        with sample_progress("captures", shown=shown) as tell:
            made = write_captures(
                files,
                store,
                overwrite=overwrite,
                chunk=chunk,
                progress=tell,
                length_s=window_s,
                hop_s=hop_s,
                split=split[0] if split else "train",
                settings=settings_like(like) if like else None,
                receivers="one" if one_receiver else "all",
                **options,
            )
    except InputError as error:
        raise in_options(error) from error
    lines = [f"{r['file']}: {line}" for r in json.loads(made.attrs["captures"]) for line in r["notes"]]
    for line in lines[:_MOST_NOTES]:
        remark(f"note: {line}")
    if len(lines) > _MOST_NOTES:
        remark(f"and {len(lines) - _MOST_NOTES} more, in the store's attribute captures")


def settings_like(like: str) -> dict[str, Any]:
    """Arguments of `isacsim.aj_spectrum` that a scenario asks for, or a store was made with."""
    from isacsim.dataset.synthetic.sample import spectrum_settings
    from isacsim.scenario.catalogue import load_scenario
    from isacsim.scenario.model import Scenario

    if not Path(like).is_dir() and "://" not in like:
        return spectrum_settings(load_scenario(like))
    from isacsim.dataset.store.store import open_record

    attrs = open_record(like).attrs
    if "scenarios" in attrs:
        text = next(iter(json.loads(attrs["scenarios"]).values()))
        return spectrum_settings(Scenario.from_yaml(text, file=like))
    if "spectrum" in attrs:
        made = json.loads(attrs["spectrum"])
        return {name: np.array(value) if isinstance(value, list) else value for name, value in made.items()}
    raise InputError(f"--like {like}: this store says nothing of how its spectra were made.")


def refuse(options: Mapping[str, Any], why: str) -> None:
    """Refuse options that were given and don't belong here.

    Raises
    ------
    InputError
        Naming the first.
    """
    for name, value in options.items():
        if value not in (None, False, "auto"):
            raise InputError(f"--{name.replace('_', '-')} {why}.")
