"""Pictures of CSI over time and frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib.figure import Figure

from isacsim.figures.spectra import COLORMAP

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["SHOWN", "Shown", "csi_figure", "draw_csi", "mark_phase"]

_DPI = 110

Shown = Literal["magnitude", "phase", "moving"]
SHOWN: dict[Shown, str] = {
    "magnitude": "magnitude",
    "phase": "phase",
    "moving": "phase of the moving part (mean over packets removed)",
}
"""Parts that can be drawn of CSI, and its title."""


def draw_csi(axes: Axes, csi: xr.DataArray, what: Shown) -> Any:
    """Draw CSI over packets and subcarriers.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where.
    csi : xarray.DataArray, complex, dims (subcarrier, packet)
        With coordinates ``frequency`` and ``time``.
    what : {"magnitude", "phase", "moving"}
        Magnitude in dB, phase in rad, or phase in rad after the mean over packets is taken out.

    Returns
    -------
    matplotlib.collections.QuadMesh
        For a colour bar.
    """
    csi = csi.transpose("subcarrier", "packet")
    values, frequency = csi.values, csi.coords["frequency"].values
    if what == "magnitude":
        shown = 20 * np.log10(np.maximum(np.abs(values), np.finfo(np.float32).tiny))
        low, high = np.percentile(shown, [1, 99.8])
        style: dict[str, Any] = {"cmap": COLORMAP, "vmin": low, "vmax": high}
    else:
        shown = np.angle(values - values.mean(axis=-1, keepdims=True) if what == "moving" else values)
        style = {"cmap": "twilight", "vmin": -np.pi, "vmax": np.pi}
    offset = (frequency - frequency.mean()) / 1e6
    mesh = axes.pcolormesh(
        csi.coords["time"].values, offset, shown, shading="nearest", rasterized=True, **style
    )
    axes.set_title(SHOWN[what], fontsize=10)
    axes.set_xlabel("time from the window's centre [s]")
    return mesh


def csi_figure(csi: xr.DataArray) -> Figure:
    """Magnitude, phase, and phase of what moves, over subcarrier and packet.

    Parameters
    ----------
    csi : xarray.DataArray, complex, dims (subcarrier, packet)
        Conditioned CSI with coordinates ``frequency`` and ``time``.
    """
    figure = Figure(figsize=(13.1, 3.6), dpi=_DPI, layout="constrained")
    row = figure.subplots(1, 3, sharex=True, sharey=True)
    meshes = [draw_csi(axes, csi, what) for axes, what in zip(row, SHOWN, strict=True)]
    figure.colorbar(meshes[0], ax=row[0], label="dB")
    mark_phase(figure.colorbar(meshes[-1], ax=[row[1], row[2]], label="rad"))
    row[0].set_ylabel("frequency − centre [MHz]")
    return figure


def mark_phase(bar: Any) -> None:
    """Label a colour bar of phases."""
    bar.set_ticks([-np.pi, 0, np.pi], labels=["−π", "0", "π"])
