"""Pictures of docs/encoder.md and docs/cross_modal.md."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import dira
import isacsim
from dira.data.windows import reduced
from dira.experiment.filling import filled_in
from docs.figures.results import ROOT
from isacsim.conditioning.conditioning import condition
from isacsim.figures.spectra import png

__all__ = ["encoder_picture", "surroundings_picture"]

_SURROUNDINGS = "docs/results/dira/surroundings.json"
_TASKS = {
    "sight": ("line of sight blocked or clear", 2),
    "room": ("which of three rooms", 3),
}


def encoder_picture() -> bytes:
    """One window as the encoder takes it, what pretraining hides, and what the encoder fills in."""
    encoder = dira.Encoder.pretrained()
    assert encoder.config.target == "samples"  # spectra need another picture
    capture = isacsim.simulate("activity_walk", seed=3)
    csi = condition(capture, uniform=False).isel(receiver=0)
    window = reduced(csi.values, csi["time"].values, csi["frequency"].values)
    hidden, filled, _ = filled_in(encoder, window, seed=0)
    values = window.values
    patch, times = encoder.config.patch, values.shape[-1]
    shown = hidden[0, 0].repeat_interleave(patch).numpy()
    real = values[0, 0, 0]
    given = np.where(shown, np.nan, real)
    # A patch holds part, band and time, in this order.
    parts = filled[0, 0].unflatten(-1, (2, real.shape[0], patch))[:, 0].permute(1, 0, 2).flatten(1).numpy()
    made = np.where(shown, parts, real)
    seconds = float(np.ptp(csi["time"].values))
    figure = Figure(figsize=(9, 4.6), layout="constrained")
    most = float(np.abs(real).max())
    grid = figure.subplots(3, 1, sharex=True)
    titles = ("a window: real part of one antenna pair", "60 % of its patches hidden", "filled in")
    for axes, image, title in zip(grid, (real, given, made), titles, strict=True):
        drawn = axes.imshow(
            image,
            aspect="auto",
            cmap="RdBu",
            vmin=-most,
            vmax=most,
            extent=(0, seconds * real.shape[1] / times, real.shape[0] + 0.5, 0.5),
            interpolation="nearest",
        )
        axes.set_facecolor("0.75")
        axes.set(title=title, ylabel="sub-band")
    grid[-1].set_xlabel("time [s]")
    figure.colorbar(drawn, ax=list(grid), label="value over the window's rms")
    return png(figure)


def surroundings_picture() -> bytes:
    """Accuracy of each way to tell the surroundings, chance beside it."""
    results: dict[str, Any] = json.loads((ROOT / _SURROUNDINGS).read_text(encoding="utf-8"))["results"]
    figure = Figure(figsize=(9, 3), layout="constrained")
    for axes, (task, (title, classes)) in zip(figure.subplots(1, 2), _TASKS.items(), strict=True):
        names = list(results[task])[::-1]
        bars = axes.barh(names, [results[task][name]["accuracy"] for name in names])
        axes.bar_label(bars, fmt="%.2f", padding=2)
        axes.axvline(1 / classes, color="k", linestyle=":", label="chance")
        axes.set(title=title, xlabel="accuracy", xlim=(0, 1.08))
        axes.legend(loc="lower right", fontsize=8)
    return png(figure)
