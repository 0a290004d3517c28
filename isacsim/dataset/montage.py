"""Eight samples of a data set in one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from isacsim.plotting import draw_aj

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["montage_figure"]

_ROWS = ("noisy", "noiseless", "clean")
_DPI = 110


def montage_figure(dataset: xr.Dataset, *, samples: int = 8) -> Figure:
    """Noisy, noiseless and clean spectra of samples spread over a data set, with the truth marked.

    Parameters
    ----------
    dataset : xarray.Dataset
        From :func:`isacsim.open_dataset`. Of several receivers the first is shown, of delay bins the mean.
    samples : int
        How many.
    """
    total = dataset.sizes["sample"]
    chosen = np.unique(np.linspace(0, total - 1, min(samples, total)).round().astype(int))
    shown = dataset.isel(sample=chosen)
    if "receiver" in shown.dims:
        shown = shown.isel(receiver=0)
    if "delay" in shown.dims:
        shown = shown.mean("delay")
    shown = shown.load()
    width = 1.75 * chosen.size
    wide, high = max(width, 4.0) + 1.6, 6.2
    figure = Figure(figsize=(wide, high), dpi=_DPI)
    # Margins in inches: a layout engine would take longer than all the drawing.
    edges = {"left": 0.75 / wide, "right": 1 - 0.85 / wide, "bottom": 0.6 / high, "top": 1 - 0.85 / high}
    grid = figure.subplots(
        len(_ROWS),
        chosen.size,
        sharex=True,
        sharey=True,
        squeeze=False,
        gridspec_kw={**edges, "wspace": 0.06, "hspace": 0.05},
    )
    mesh: Any = None
    for column, number in enumerate(chosen):
        one = shown.isel(sample=column)
        points = _points(one)
        for row, kind in enumerate(_ROWS):
            axes = grid[row][column]
            spectrum = one[f"aj_{kind}"]
            if bool(spectrum.notnull().all()):
                mesh = draw_aj(axes, spectrum, truth=points)
            else:
                axes.text(
                    0.5, 0.5, "none", transform=axes.transAxes, ha="center", va="center", color="#777777"
                )
            axes.set_xlabel("")
            axes.set_ylabel(kind)
            axes.tick_params(labelsize=7)
            axes.label_outer()
        grid[0][column].set_title(_title(one, int(number)), fontsize=8)
    figure.supxlabel("path acceleration [m/s²]", fontsize=9, y=0.08 / high)
    figure.supylabel("path jerk [m/s³]", fontsize=9, x=0.1 / wide)
    figure.suptitle(f"{chosen.size} of {total} samples; circles: truth", fontsize=11)
    if mesh is not None:
        height = edges["top"] - edges["bottom"]
        beside = figure.add_axes((edges["right"] + 0.12 / wide, edges["bottom"], 0.14 / wide, height))
        figure.colorbar(mesh, cax=beside, label="(P / max)$^{1/4}$")
    return figure


def _points(one: xr.Dataset) -> xr.Dataset:
    """Truth of a sample as :func:`isacsim.plotting.draw_aj` takes it."""
    import xarray as xr

    a, r = one["target_acceleration"].values, one["target_jerk"].values
    there = np.isfinite(a)
    return xr.Dataset({"acceleration": ("path", a[there]), "jerk": ("path", r[there])})


def _title(one: xr.Dataset, number: int) -> str:
    label = int(one["n_targets"])
    about = f"{label} target{'s' * (label != 1)}" if label >= 0 else "unlabelled"
    snr = float(one["snr_db"])
    level = f"{snr:.0f} dB" if np.isfinite(snr) else str(one["domain"].item())
    return f"{number} ({one['split'].item()})\n{about}, {level}"
