"""Figures of captures and spectra.

No global state: each function makes a `matplotlib.figure.Figure` or draws on an axes.

Spectra are drawn as ``(P / max P)^(1/4)``: P goes with the fourth power of a path's amplitude, so this scale is that
of amplitudes (method.md section 2).
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from isacsim.errors import InputError
from isacsim.files import check_output, written_whole

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = [
    "COLORMAP",
    "LEGEND",
    "SCALE",
    "check_picture",
    "doppler_figure",
    "draw_aj",
    "draw_doppler",
    "draw_true_doppler",
    "png",
    "save_figure",
    "spectra_figure",
    "spectrum_figure",
]

COLORMAP = "viridis"
FORMATS = (".png", ".pdf", ".svg")
_DPI = 110
_COLUMNS = 4
_FLOOR_DB = -30.0
SCALE = "(P / max)$^{1/4}$"
# White marks need a dark ground.
LEGEND: dict[str, Any] = {
    "loc": "upper left",
    "fontsize": 8,
    "framealpha": 0.6,
    "facecolor": "black",
    "labelcolor": "white",
}


def draw_aj(
    axes: Axes,
    spectrum: xr.DataArray,
    *,
    truth: xr.Dataset | None = None,
    estimates: xr.Dataset | None = None,
    scale: float | None = None,
) -> Any:
    """Draw one acceleration-jerk spectrum.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where.
    spectrum : xarray.DataArray, dims (acceleration, jerk)
        Linear magnitude.
    truth, estimates : xarray.Dataset, optional
        With ``acceleration`` and ``jerk`` over ``path``: white circles and red crosses. Those beyond the axes
        are left out.
    scale : float, optional
        The magnitude that gets the brightest colour; default: the spectrum's maximum.

    Returns
    -------
    matplotlib.collections.QuadMesh
        For a colour bar.
    """
    a, r = spectrum.coords["acceleration"].values, spectrum.coords["jerk"].values
    power = spectrum.transpose("jerk", "acceleration").values
    top = float(power.max()) if scale is None else scale
    shown = (power / top) ** 0.25 if top > 0 else np.zeros_like(power)
    mesh = axes.pcolormesh(a, r, shown, cmap=COLORMAP, vmin=0, vmax=1, shading="nearest", rasterized=True)
    styles: list[tuple[xr.Dataset | None, dict[str, Any]]] = [
        (truth, {"marker": "o", "s": 70, "facecolors": "none", "edgecolors": "white", "label": "truth"}),
        (estimates, {"marker": "x", "s": 36, "c": "#ff4d4d", "label": "estimate"}),
    ]
    for points, style in styles:
        if points is not None and points.sizes["path"]:
            at = points["acceleration"].values, points["jerk"].values
            axes.scatter(*at, linewidths=1.4, clip_on=True, **style)
    half = np.diff(a).mean() / 2 if a.size > 1 else 0.5, np.diff(r).mean() / 2 if r.size > 1 else 0.5
    axes.set_xlim(a[0] - half[0], a[-1] + half[0])
    axes.set_ylim(r[0] - half[1], r[-1] + half[1])
    axes.set_xlabel("path acceleration [m/s²]")
    axes.set_ylabel("path jerk [m/s³]")
    return mesh


def draw_doppler(axes: Axes, spectrogram: xr.DataArray) -> Any:
    """Draw one Doppler spectrogram in dB below its maximum, with the path velocity on the right-hand axis.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where.
    spectrogram : xarray.DataArray, dims (doppler, time)
        From :func:`isacsim.doppler_spectrogram`.

    Returns
    -------
    matplotlib.collections.QuadMesh
        For a colour bar.
    """
    power = spectrogram.transpose("doppler", "time").values.astype(np.float64)
    top = float(power.max())
    level = 10 * np.log10(np.maximum(power, top * 1e-12) / top) if top > 0 else np.full_like(power, _FLOOR_DB)
    doppler, time = spectrogram.coords["doppler"].values, spectrogram.coords["time"].values
    mesh = axes.pcolormesh(
        time, doppler, level, cmap=COLORMAP, vmin=_FLOOR_DB, vmax=0, shading="nearest", rasterized=True
    )
    edge = _occupied(power, doppler)
    axes.set_ylim(-edge, edge)
    axes.set_xlabel("time [s]")
    axes.set_ylabel("Doppler [Hz]")
    ratio = float(spectrogram.coords["path_velocity"][0] / doppler[0])

    def velocity(hz: Any) -> Any:
        return hz * ratio

    def frequency(v: Any) -> Any:
        return v / ratio

    right = axes.secondary_yaxis("right", functions=(velocity, frequency))
    right.set_ylabel("path velocity [m/s]")
    return mesh


def draw_true_doppler(axes: Axes, spectrogram: xr.DataArray, truth: xr.Dataset) -> None:
    """Draw the true Doppler of each path over a spectrogram, by the cubic of its path length.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        With the spectrogram, by :func:`draw_doppler`.
    spectrogram : xarray.DataArray, dims (doppler, time)
        From :func:`isacsim.doppler_spectrogram`.
    truth : xarray.Dataset
        With ``velocity``, ``acceleration`` and ``jerk`` over ``path``, at time 0.
    """
    if not truth.sizes["path"]:
        return
    time = spectrogram.coords["time"]
    per_velocity = float(spectrogram.coords["doppler"][0] / spectrogram.coords["path_velocity"][0])
    velocity = truth["velocity"] + truth["acceleration"] * time + truth["jerk"] * time**2 / 2
    lines = axes.plot(time, (velocity * per_velocity).transpose("time", "path"), "w--", lw=0.9)
    axes.legend(lines[:1], ["truth (its cubic)"], **LEGEND)
    edge = max(axes.get_ylim()[1], 1.1 * float(np.abs(velocity * per_velocity).max()))
    edge = min(edge, float(np.abs(spectrogram.coords["doppler"]).max()))
    axes.set_ylim(-edge, edge)


def spectrum_figure(
    spectra: xr.DataArray,
    *,
    titles: Sequence[str],
    truths: Sequence[xr.Dataset | None],
    spectrogram: xr.DataArray | None,
    title: str,
    note: str,
) -> Figure:
    """Consecutive AJ spectra in a grid above the Doppler spectrogram of the same stretch.

    Parameters
    ----------
    spectra : xarray.DataArray, dims (window, acceleration, jerk)
        Linear magnitude; each is scaled to its own maximum.
    titles : sequence of str
        One a window.
    truths : sequence of xarray.Dataset or None
        Truth at each window's centre, where there is one.
    spectrogram : xarray.DataArray or None, dims (doppler, time)
        From :func:`isacsim.doppler_spectrogram`.
    title, note : str
        Above and below everything.
    """
    count = spectra.sizes["window"]
    columns = min(count, _COLUMNS)
    rows = -(-count // columns)
    beside = spectrogram is not None and count == 1
    below = spectrogram is not None and not beside
    width = 11.0 if beside else max(7.5, 3.3 * columns + 1.6)
    heights = (4.2 if count == 1 else 3.1 * rows), (2.6 if below else 0.0)
    lines = textwrap.wrap(note, int(width * 14))
    height = sum(heights) + 0.75 + 0.2 * len(lines)
    foot = 0.2 * len(lines) / height
    figure = Figure(
        figsize=(width, height), dpi=_DPI, layout=ConstrainedLayoutEngine(rect=(0, foot, 1, 1 - foot))
    )
    upper: Any = figure
    lower: Any = None
    if below:
        parts: Any = figure.subfigures(2, 1, height_ratios=heights)
        upper, lower = parts
    grid = upper.subplots(rows, columns + beside, squeeze=False, sharex=not beside, sharey=not beside)
    used, others = list(grid.flat)[:count], list(grid.flat)[count:]
    mesh: Any = None
    for n, axes in enumerate(used):
        mesh = draw_aj(axes, spectra.isel(window=n), truth=truths[n])
        axes.set_title(titles[n], fontsize=9)
        if not beside:
            axes.label_outer()
    upper.colorbar(mesh, ax=used, label=SCALE, shrink=0.9, aspect=30)
    if any(t is not None and t.sizes["path"] for t in truths):
        used[0].legend(**LEGEND)
    if spectrogram is not None:
        axes = others.pop(0) if beside else lower.subplots()
        levels = draw_doppler(axes, spectrogram)
        axes.set_title("Doppler spectrogram", fontsize=9)
        axes.figure.colorbar(levels, ax=axes, label="dB below maximum", pad=0.1 if beside else 0.02)
    for empty in others:
        empty.remove()
    figure.suptitle(title, fontsize=11)
    figure.text(0.01, 0.01, "\n".join(lines), fontsize=8, color="#444444", va="bottom")
    return figure


def spectra_figure(
    spectra: dict[str, xr.DataArray],
    *,
    truth: xr.Dataset | None = None,
    estimates: dict[str, xr.Dataset] | None = None,
) -> Figure:
    """Several spectra of one window side by side, each scaled to its own maximum.

    Parameters
    ----------
    spectra : dict of str to xarray.DataArray, dims (acceleration, jerk)
        Title to spectrum.
    truth : xarray.Dataset, optional
        Marked on each.
    estimates : dict of str to xarray.Dataset, optional
        Marked on the spectrum of that title.
    """
    figure = Figure(figsize=(4.1 * len(spectra) + 0.8, 4.1), dpi=_DPI, layout="constrained")
    row = figure.subplots(1, len(spectra), sharex=True, sharey=True, squeeze=False)[0]
    mesh: Any = None
    for axes, (title, spectrum) in zip(row, spectra.items(), strict=True):
        mesh = draw_aj(axes, spectrum, truth=truth, estimates=(estimates or {}).get(title))
        axes.set_title(title, fontsize=10)
        axes.label_outer()
    handles, labels = row[0].get_legend_handles_labels()
    if handles:
        row[0].legend(handles, labels, **LEGEND)
    figure.colorbar(mesh, ax=list(row), label=SCALE, aspect=30)
    return figure


def doppler_figure(spectrogram: xr.DataArray, truth: xr.Dataset | None = None) -> Figure:
    """One Doppler spectrogram, with the true Doppler of each path over time.

    Parameters
    ----------
    spectrogram : xarray.DataArray, dims (doppler, time)
        From :func:`isacsim.doppler_spectrogram`.
    truth : xarray.Dataset, optional
        With ``velocity``, ``acceleration`` and ``jerk`` over ``path``, at time 0.
    """
    figure = Figure(figsize=(8.6, 3.8), dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    mesh = draw_doppler(axes, spectrogram)
    if truth is not None:
        draw_true_doppler(axes, spectrogram, truth)
    figure.colorbar(mesh, ax=axes, label="dB below maximum", pad=0.02)
    return figure


def check_picture(path: str | PathLike[str]) -> Path:
    """Refuse a picture's path that cannot work, before the work starts.

    Raises
    ------
    InputError
        If it does not end in .png, .pdf or .svg, or cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path}: a picture's name must end in {', '.join(FORMATS)}.")
    return check_output(path)


def save_figure(figure: Figure, path: str | PathLike[str]) -> None:
    """Write a figure; the format follows the name's ending, and the file appears whole or not at all."""
    with written_whole(check_picture(path)) as temporary:
        figure.savefig(temporary)


def png(figure: Figure) -> bytes:
    """Render a figure as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _occupied(power: np.ndarray, doppler: np.ndarray) -> float:
    """Frequency within which nearly all of the power above the noise floor lies, in Hz."""
    level = power.mean(axis=1)
    above = np.maximum(level - 1.5 * np.median(level), 0)
    order = np.argsort(np.abs(doppler))
    total = np.cumsum(above[order])
    largest = float(np.abs(doppler).max())
    if total[-1] <= 0:
        return largest
    edge = float(np.abs(doppler)[order][np.searchsorted(total, 0.995 * total[-1])])
    return min(largest, max(1.5 * edge, 8 * float(np.diff(doppler).mean())))
