"""The picture of the chain: scene, CSI, resolved spectrum and detections of one simulated capture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

import isacsim
from isacsim.conditioning.conditioning import condition
from isacsim.conditioning.pairs import pairs_together
from isacsim.dataset.synthetic.sample import sample_spectra
from isacsim.figures.scene import draw_scene
from isacsim.figures.spectra import COLORMAP, draw_aj
from isacsim.simulation.truth import realisation_of, truth_at

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SCENARIO", "SEED", "chain_figure", "draw_found"]

SCENARIO = "lab"
SEED = 4
# Shown 800 px wide, 100 dots are an inch: letters of 9 points are 12 px high.
_SIZE_IN = (8.0, 7.0)
_DPI = 115
_PAIR = 0


def chain_figure() -> Figure:
    """Draw where people walk, what a receiver gets, the spectrum of all antennas, and the paths found."""
    capture = isacsim.simulate(SCENARIO, seed=SEED)
    spectrum = sample_spectra(capture)["aj_noisy"].isel(receiver=0)
    pairs = pairs_together(condition(capture, reference="array", uniform=False), 0)
    paths = isacsim.estimate_paths(pairs)
    truth = truth_at(capture, str(capture.coords["receiver"].values[_PAIR]), 0.0)
    assert truth is not None  # it was simulated
    figure = Figure(figsize=_SIZE_IN, dpi=_DPI, layout=ConstrainedLayoutEngine(wspace=0.06, hspace=0.04))
    (scene, csi), (image, found) = figure.subplots(2, 2)
    drawn = realisation_of(capture)
    draw_scene(scene, drawn)
    _draw_csi(csi, capture.csi.isel(receiver=_PAIR))
    draw_aj(image, spectrum)
    draw_found(found, truth, paths)
    radio = drawn.scenario.radio
    for place, name in ((radio.transmitter_m, "transmitter"), (radio.receivers[0].position_m, "receiver")):
        text = f"{name},\n4 antennas"
        scene.annotate(
            text, place[:2], (0, -14), textcoords="offset points", ha="center", va="top", fontsize=8
        )
    low, high = scene.get_ylim()
    scene.set_ylim(low - 1, high)
    found.set(xlim=image.get_xlim(), ylim=image.get_ylim())
    titles = {
        scene: f"1. Scene: {truth.sizes['path']} people, two access points",
        csi: "2. CSI as received, one of 16 antenna pairs",
        image: "3. Spectrum resolved by all pairs",
        found: "4. Paths found, and the truth",
    }
    for axes, title in titles.items():
        axes.set_title("")  # what `draw_scene` says of the static part
        axes.set_title(title, fontsize=10, fontweight="bold", loc="left")
    return figure


def _draw_csi(axes: Axes, csi: xr.DataArray) -> None:
    """Magnitude over time and frequency; as many points as there are pixels."""
    csi = csi.isel(subcarrier=slice(None, None, 2), packet=slice(None, None, 4))
    level = 20 * np.log10(np.abs(csi.transpose("subcarrier", "packet").values))
    offset = (csi.coords["frequency"].values - csi.coords["frequency"].values.mean()) / 1e6
    low, high = np.percentile(level, [1, 99.8])
    mesh = axes.pcolormesh(
        csi.coords["time"].values,
        offset,
        level,
        cmap=COLORMAP,
        vmin=low,
        vmax=high,
        shading="nearest",
        rasterized=True,
    )
    axes.figure.colorbar(mesh, ax=axes, label="magnitude [dB]")
    axes.set_xlabel("time [s]")
    axes.set_ylabel("frequency offset [MHz]")


def draw_found(axes: Axes, truth: xr.Dataset, paths: xr.Dataset) -> None:
    """Truth in the colours of the scene, estimates with two standard errors."""
    circle: dict[str, Any] = {"facecolors": "none", "linewidths": 2.0, "s": 110}
    colours = [f"C{int(target) % 10}" for target in truth["target"].values]
    at = truth["acceleration"].values, truth["jerk"].values
    axes.scatter(*at, edgecolors=colours, **circle)
    axes.scatter([], [], edgecolors="#555555", label="truth, coloured as in 1", **circle)
    axes.errorbar(
        paths["acceleration"].values,
        paths["jerk"].values,
        xerr=2 * paths["std_acceleration"].values,
        yerr=2 * paths["std_jerk"].values,
        fmt="kx",
        ms=6,
        lw=1,
        label="estimate, ± 2 standard errors",
    )
    axes.legend(loc="upper left", fontsize=8, framealpha=0.9)
    axes.grid(color="#eeeeee")
    axes.set_xlabel("path acceleration [m/s²]")
    axes.set_ylabel("path jerk [m/s³]")
