"""Eight samples of a data set in one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from isacsim.figures.spectra import COLORMAP

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["montage_figure"]

_ROWS = ("noisy", "noiseless", "clean")
_DPI = 110
# Distance of neighbours' centres, in widths.
_GAP = 1.06


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
    wide, high = max(1.75 * chosen.size, 4.0) + 1.6, 6.2
    figure = Figure(figsize=(wide, high), dpi=_DPI)
    # Margins in inches, and all spectra in one pair of axes: a layout engine and two dozen axes take seconds to draw.
    edges = {"left": 0.75 / wide, "right": 1 - 0.85 / wide, "bottom": 0.6 / high, "top": 1 - 0.85 / high}
    axes = figure.subplots(gridspec_kw=edges)
    limits = [_limit(shown[name].values) for name in ("acceleration", "jerk")]
    step = [2 * limit * _GAP for limit in limits]
    mesh: Any = None
    for column, number in enumerate(chosen):
        one, x = shown.isel(sample=column), column * step[0]
        axes.text(x, 1.1 * limits[1], _title(one, int(number)), ha="center", va="bottom", fontsize=8)
        for row, kind in enumerate(_ROWS):
            y, spectrum = -row * step[1], one[f"aj_{kind}"].transpose("jerk", "acceleration").values
            if not np.isfinite(spectrum).all():
                axes.text(x, y, "none", ha="center", va="center", color="#777777")
                continue
            top = spectrum.max()
            scaled = (spectrum / top) ** 0.25 if top > 0 else np.zeros_like(spectrum)
            extent = (x - limits[0], x + limits[0], y - limits[1], y + limits[1])
            mesh = axes.imshow(
                scaled, extent=extent, origin="lower", vmin=0, vmax=1, cmap=COLORMAP, interpolation="nearest"
            )
            at = [one[f"target_{name}"].values for name in ("acceleration", "jerk")]
            inside = (np.abs(at[0]) <= limits[0]) & (np.abs(at[1]) <= limits[1])
            axes.scatter(
                x + at[0][inside],
                y + at[1][inside],
                s=70,
                facecolors="none",
                edgecolors="white",
                linewidths=1.4,
            )
    _ticks(axes.set_xticks, shown["acceleration"].values, [column * step[0] for column in range(chosen.size)])
    _ticks(axes.set_yticks, shown["jerk"].values, [-row * step[1] for row in range(len(_ROWS))])
    for row, kind in enumerate(_ROWS):
        axes.text(-1.35 * limits[0], -row * step[1], kind, rotation=90, ha="right", va="center", fontsize=9)
    axes.set_xlim(-limits[0], (chosen.size - 1) * step[0] + limits[0])
    axes.set_ylim(-(len(_ROWS) - 1) * step[1] - limits[1], limits[1])
    axes.set_aspect("auto")
    axes.tick_params(labelsize=7)
    for spine in axes.spines.values():
        spine.set_visible(False)
    figure.supxlabel("path acceleration [m/s²]", fontsize=9, y=0.08 / high)
    figure.supylabel("path jerk [m/s³]", fontsize=9, x=0.05 / wide)
    figure.suptitle(f"{chosen.size} of {total} samples; circles: ground truth", fontsize=11)
    if mesh is not None:
        height = edges["top"] - edges["bottom"]
        beside = figure.add_axes((edges["right"] + 0.12 / wide, edges["bottom"], 0.14 / wide, height))
        figure.colorbar(mesh, cax=beside, label="(P / max)$^{1/4}$")
    return figure


def _limit(axis: NDArray[np.floating]) -> float:
    """Half the extent of a symmetric axis, bins and all."""
    half = np.diff(axis).mean() / 2 if axis.size > 1 else 0.5
    return float(axis[-1] + half)


def _ticks(put: Any, axis: NDArray[np.floating], centres: list[float]) -> None:
    """Mark zero and a round value on either side of it, of every spectrum."""
    far = float(f"{0.6 * axis[-1]:.1g}")
    marks = (-far, 0.0, far)
    put([c + m for c in centres for m in marks], [f"{m:g}" for _ in centres for m in marks])


def _title(one: xr.Dataset, number: int) -> str:
    label = int(one["n_targets"])
    about = f"{label} target{'s' * (label != 1)}" if label >= 0 else "unlabelled"
    snr = float(one["snr_db"])
    level = "no noise" if np.isposinf(snr) else f"{snr:.0f} dB" if snr == snr else str(one["domain"].item())
    return f"{number} ({one['split'].item()})\n{about}, {level}"
