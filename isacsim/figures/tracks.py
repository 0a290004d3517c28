"""Figure of tracks: Doppler energy with the speeds found over it, and the motion index below."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray

from isacsim.figures.spectra import COLORMAP

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["draw_energy", "draw_speeds", "tracks_figure"]

_DPI = 110
_WIDTH = 11.0
# Of energies over the noise floor, dB: what lies beyond shows no more.
_RANGE_DB = 30.0
_LINES = ("#ff4d4d", "#ffb347", "#ff66d9", "#ffffff")
_MOVING, _UNKNOWN = "#2a9d5c", "#bbbbbb"


def tracks_figure(
    tracks: xr.Dataset,
    *,
    title: str,
    note: str,
    truth: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> Figure:
    """Draw what `isacsim.track` gave.

    Parameters
    ----------
    tracks : xarray.Dataset
        From :func:`isacsim.track`.
    title, note : str
        Above and below everything.
    truth : (times, velocities), optional
        s, shape (time,), and m/s, shape (target, time), where they are known.
    """
    lines = textwrap.wrap(note, int(_WIDTH * 14))
    foot = 0.2 * len(lines) / 6.4
    layout = ConstrainedLayoutEngine(rect=(0, foot, 1, 1 - foot))
    figure = Figure(figsize=(_WIDTH, 6.4), dpi=_DPI, layout=layout)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.3))
    mesh = draw_energy(upper, tracks)
    figure.colorbar(mesh, ax=upper, label="dB over the noise floor", pad=0.01)
    draw_speeds(upper, tracks, truth)
    _draw_motion(lower, tracks)
    figure.suptitle(title, fontsize=11)
    figure.text(0.01, 0.01, "\n".join(lines), fontsize=8, color="#444444", va="bottom")
    return figure


def draw_energy(axes: Axes, tracks: xr.Dataset) -> Any:
    """Draw the Doppler energy of tracks, in dB over the noise floor; gives what a colour bar takes."""
    energy = tracks["doppler_energy"].transpose("path_velocity", "window").values.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        level = 10 * np.log10(energy)
    known = level[np.isfinite(level)]
    top = max(float(np.percentile(known, 99.8)), 6.0) if known.size else _RANGE_DB
    # Windows that cannot tell stay white.
    mesh = axes.pcolormesh(
        tracks["time"].values,
        tracks["path_velocity"].values,
        np.ma.masked_invalid(level),
        cmap=COLORMAP,
        vmin=max(0.0, top - _RANGE_DB),
        vmax=top,
        shading="nearest",
        rasterized=True,
    )
    axes.set_ylabel("path velocity [m/s] (> 0: growing)")
    axes.set_title("Doppler energy and tracks", fontsize=9)
    return mesh


def draw_speeds(
    axes: Axes, tracks: xr.Dataset, truth: tuple[NDArray[np.float64], NDArray[np.float64]] | None
) -> None:
    """Draw the velocity of each track with a band of one standard error, and the truth dashed."""
    time = tracks["time"].values
    if truth is not None:
        for n, velocity in enumerate(truth[1]):
            axes.plot(truth[0], velocity, "w--", lw=1.0, label="truth" if n == 0 else None)
    for n in range(tracks.sizes["track"]):
        speed, error = (tracks[name].values[n] for name in ("velocity", "std_velocity"))
        colour = _LINES[n % len(_LINES)]
        axes.plot(time, speed, color=colour, lw=1.3, label=f"track {n}")
        axes.fill_between(time, speed - error, speed + error, color=colour, alpha=0.3, lw=0)
    edge = float(tracks["path_velocity"].values[-1])
    axes.set_ylim(-edge, edge)
    axes.legend(loc="upper left", fontsize=8, framealpha=0.6, facecolor="black", labelcolor="white", ncols=3)


def _draw_motion(axes: Axes, tracks: xr.Dataset) -> None:
    time, motion = tracks["time"].values, tracks["motion"].values
    index, threshold = tracks["motion_index"].values, tracks["motion_threshold"].values
    axes.plot(time, index, color="black", lw=1.0, label="motion index")
    axes.plot(time, threshold, color="#d62728", lw=1.0, ls="--", label="threshold")
    if (index[np.isfinite(index)] > 0).any():
        axes.set_yscale("log")
        axes.set_ylim(top=5 * float(np.nanmax([index, threshold])))  # room for the legend
    edges = axes.get_xaxis_transform()
    half = float(tracks.attrs["hop_s"]) / 2
    for state, colour, name in ((1, _MOVING, "motion"), (-1, _UNKNOWN, "unknown")):
        for n, (low, high) in enumerate(_stretches(motion == state)):
            axes.fill_between(
                [time[low] - half, time[high] + half],
                0,
                1,
                transform=edges,
                color=colour,
                alpha=0.25,
                lw=0,
                label=name if n == 0 else None,
            )
    axes.set_xlim(time[0] - half, time[-1] + half)
    axes.set_xlabel("time [s]")
    axes.set_ylabel("share of the energy")
    axes.set_title("motion index", fontsize=9)
    axes.legend(loc="upper left", fontsize=8, framealpha=0.8, ncols=4)


def _stretches(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last window of each stretch of windows."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(low), int(high) - 1) for low, high in zip(edges[::2], edges[1::2], strict=True)]
