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
    """Doppler spectra of one window's patches, those that pretraining hides, and what the encoder fills in."""
    encoder = dira.Encoder.pretrained()
    capture = isacsim.simulate("activity_walk", seed=3)
    csi = condition(capture, uniform=False).isel(receiver=0)
    window = reduced(csi.values, csi["time"].values, csi["frequency"].values)
    hidden, filled, true = filled_in(encoder, window, seed=0)
    shown = hidden[0, 0].numpy()[np.newaxis]
    real, made = (np.fft.fftshift(part[0, 0].numpy().T, axes=0) for part in (true, filled))
    seconds = float(np.ptp(csi["time"].values))
    half_hz = 0.5 * window.values.shape[-1] / seconds
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    grid = figure.subplots(1, 3, sharey=True)
    images = real, np.where(shown, np.nan, real), np.where(shown, made, real)
    titles = (
        "Doppler spectra of a window",
        f"{encoder.config.hidden:.0%} hidden",
        "filled in",
    )
    for axes, image, title in zip(grid, images, titles, strict=True):
        drawn = axes.imshow(
            10 * image,
            aspect="auto",
            origin="lower",
            vmin=10 * float(real.min()),
            vmax=10 * float(real.max()),
            extent=(0, seconds, -half_hz, half_hz),
            interpolation="nearest",
        )
        axes.set_facecolor("w")
        axes.set(title=title, xlabel="time [s]")
    grid[0].set_ylabel("Doppler frequency [Hz]")
    figure.colorbar(drawn, ax=list(grid), label="power over the mean [dB]")
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
