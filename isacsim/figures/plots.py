"""Plotting for scripts and notebooks: one picture on an axes of yours, or on a new one.

They are `isacsim.plot_spectrum`, `plot_doppler`, `plot_csi` and `plot_tracks`. Pages and commands draw their figures by
the other modules here, without pyplot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from isacsim.checks import check_choice, check_number, refusal
from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from isacsim.figures.csi import Shown

__all__ = ["plot_csi", "plot_doppler", "plot_spectrum", "plot_tracks"]


def plot_spectrum(
    spectrum: xr.DataArray,
    *,
    truth: xr.Dataset | None = None,
    estimates: xr.Dataset | None = None,
    ax: Axes | None = None,
    scale: float | None = None,
    colorbar: bool = True,
) -> Axes:
    """Plot one acceleration-jerk spectrum as (P / max P)^(1/4), with true and estimated paths on it.

    Parameters
    ----------
    spectrum : xarray.DataArray, dims (acceleration, jerk)
        Linear magnitude, from :func:`isacsim.aj_spectrum` or a data set; further dimensions must have size 1.
    truth, estimates : xarray.Dataset, optional
        With ``acceleration`` (m/s²) and ``jerk`` (m/s³) over ``path``: white circles and red crosses. A simulated
        capture of one receiver is such a truth.
    ax : matplotlib.axes.Axes, optional
        Where; default: a new figure of pyplot.
    scale : float, optional
        The magnitude that gets the brightest colour; default: the spectrum's maximum.
    colorbar : bool
        Whether to add a colour bar.

    Returns
    -------
    matplotlib.axes.Axes
        What was drawn on.

    Raises
    ------
    InputError
        If the spectrum, the paths or the axes are not of that kind.
    """
    from isacsim.figures.spectra import LEGEND, SCALE, draw_aj

    image = _image("spectrum", spectrum, ("acceleration", "jerk"), coords=("acceleration", "jerk"))
    points = {
        "truth": _paths("truth", truth, ("acceleration", "jerk")),
        "estimates": _paths("estimates", estimates, ("acceleration", "jerk")),
    }
    if scale is not None:
        check_number("scale", scale, above=0)
    ax = _axes(ax)
    mesh = draw_aj(ax, image, scale=scale, **points)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(**LEGEND)
    if colorbar:
        ax.figure.colorbar(mesh, ax=ax, label=SCALE)
    return ax


def plot_doppler(
    spectrogram: xr.DataArray,
    *,
    truth: xr.Dataset | None = None,
    ax: Axes | None = None,
    colorbar: bool = True,
) -> Axes:
    """Plot one Doppler spectrogram in dB below its maximum, with the path velocity on the right-hand axis.

    Parameters
    ----------
    spectrogram : xarray.DataArray, dims (doppler, time)
        From :func:`isacsim.doppler_spectrogram`; further dimensions must have size 1.
    truth : xarray.Dataset, optional
        With ``velocity`` (m/s), ``acceleration`` (m/s²) and ``jerk`` (m/s³) over ``path`` at time 0: dashed lines.
    ax : matplotlib.axes.Axes, optional
        Where; default: a new figure of pyplot.
    colorbar : bool
        Whether to add a colour bar.

    Returns
    -------
    matplotlib.axes.Axes
        What was drawn on.

    Raises
    ------
    InputError
        If the spectrogram, the paths or the axes are not of that kind.
    """
    from isacsim.figures.spectra import draw_doppler, draw_true_doppler

    image = _image(
        "spectrogram", spectrogram, ("doppler", "time"), coords=("doppler", "time", "path_velocity")
    )
    paths = _paths("truth", truth, ("velocity", "acceleration", "jerk"))
    ax = _axes(ax)
    mesh = draw_doppler(ax, image)
    if paths is not None:
        draw_true_doppler(ax, image, paths)
    if colorbar:
        ax.figure.colorbar(mesh, ax=ax, label="dB below maximum", pad=0.12)
    return ax


def plot_csi(
    csi: xr.DataArray, *, what: Shown = "magnitude", ax: Axes | None = None, colorbar: bool = True
) -> Axes:
    """Plot CSI over time and frequency.

    Parameters
    ----------
    csi : xarray.DataArray, complex, dims (subcarrier, packet)
        With coordinates ``frequency`` (Hz) and ``time`` (s); further dimensions must have size 1: of a capture of
        several receivers, ``capture.csi.isel(receiver=0)``.
    what : {"magnitude", "phase", "moving"}
        Magnitude in dB, phase in rad, or phase in rad after the mean over packets is taken out.
    ax : matplotlib.axes.Axes, optional
        Where; default: a new figure of pyplot.
    colorbar : bool
        Whether to add a colour bar.

    Returns
    -------
    matplotlib.axes.Axes
        What was drawn on.

    Raises
    ------
    InputError
        If the CSI or the axes are not of that kind.
    """
    from isacsim.figures.csi import SHOWN, draw_csi, mark_phase

    check_choice("what", what, SHOWN)
    image = _image("csi", csi, ("subcarrier", "packet"), coords=("frequency", "time"))
    if image.dtype.kind != "c":
        raise InputError(f"csi must be complex, got {image.dtype}.")
    ax = _axes(ax)
    mesh = draw_csi(ax, image, what)
    ax.set_ylabel("frequency − centre [MHz]")
    if colorbar:
        bar = ax.figure.colorbar(mesh, ax=ax, label="dB" if what == "magnitude" else "rad")
        if what != "magnitude":
            mark_phase(bar)
    return ax


def plot_tracks(tracks: xr.Dataset, *, ax: Axes | None = None, colorbar: bool = True) -> Axes:
    """Plot the speeds of tracks, with a band of one standard error, over the Doppler energy.

    Parameters
    ----------
    tracks : xarray.Dataset
        From :func:`isacsim.track`.
    ax : matplotlib.axes.Axes, optional
        Where; default: a new figure of pyplot.
    colorbar : bool
        Whether to add a colour bar.

    Returns
    -------
    matplotlib.axes.Axes
        What was drawn on.

    Raises
    ------
    InputError
        If that is no result of `isacsim.track`, or the axes are not of that kind.
    """
    import xarray as xr

    from isacsim.figures.tracks import draw_energy, draw_speeds

    needed = {"doppler_energy", "velocity", "std_velocity", "time"}
    if not isinstance(tracks, xr.Dataset) or not needed <= set(tracks.variables):
        raise InputError(f"tracks must be what isacsim.track gives, got {_said(tracks)}.")
    ax = _axes(ax)
    mesh = draw_energy(ax, tracks)
    draw_speeds(ax, tracks, None)
    ax.set_xlabel("time [s]")
    if colorbar:
        ax.figure.colorbar(mesh, ax=ax, label="dB over the noise floor")
    return ax


def _axes(ax: Axes | None) -> Axes:
    """Give the axes passed, or those of a new figure of pyplot."""
    from matplotlib.axes import Axes

    if ax is None:
        import matplotlib.pyplot as plt

        return plt.subplots(layout="constrained")[1]
    if not isinstance(ax, Axes):
        raise refusal("ax", "a matplotlib Axes, or None for a new figure", ax)
    return ax


def _image(name: str, array: Any, dims: tuple[str, str], *, coords: Sequence[str]) -> xr.DataArray:
    """Give an array with just these dimensions; further ones of size 1 go."""
    import xarray as xr

    if not isinstance(array, xr.DataArray):
        raise InputError(
            f"{name} must be an xarray.DataArray with dims {', '.join(dims)}, got {_said(array)}."
        )
    lost = [d for d in dims if d not in array.dims]
    more = [str(d) for d, size in array.sizes.items() if d not in dims and size > 1]
    if lost or more:
        choose = f"; choose one: .isel({', '.join(f'{d}=0' for d in more)})" if more and not lost else ""
        raise InputError(f"{name} must have dims {', '.join(dims)}, got {_sizes(array)}{choose}.")
    if 0 in array.shape:
        raise InputError(f"{name} must not be empty, got {_sizes(array)}.")
    missing = [name for name in coords if name not in array.coords]
    if missing:
        raise InputError(f"{name} must have the coordinates {', '.join(missing)}, which it lacks.")
    return array.squeeze([d for d in array.dims if d not in dims], drop=True)


def _paths(name: str, paths: Any, needed: tuple[str, ...]) -> xr.Dataset | None:
    """Give a data set with these variables over path alone."""
    import xarray as xr

    if paths is None:
        return None
    if not isinstance(paths, xr.Dataset) or not set(needed) <= set(paths.data_vars):
        raise InputError(
            f"{name} must be an xarray.Dataset with {', '.join(needed)} over path, got {_said(paths)}."
        )
    chosen = paths[list(needed)]
    more = [str(d) for d, size in chosen.sizes.items() if d != "path" and size > 1]
    if "path" not in chosen.dims or more:
        choose = f"; choose one: .isel({', '.join(f'{d}=0' for d in more)})" if more else ""
        raise InputError(f"{name} must be over path alone, got {_sizes(chosen)}{choose}.")
    return chosen.squeeze([d for d in chosen.dims if d != "path"], drop=True)


def _sizes(array: xr.DataArray | xr.Dataset) -> str:
    return ", ".join(f"{d} {size}" for d, size in array.sizes.items()) or "none"


def _said(value: Any) -> str:
    """Name the kind of a value, and its shape or variables where it has such."""
    kind = type(value).__name__
    if (shape := getattr(value, "shape", None)) is not None:
        return f"{kind} of shape {tuple(shape)}"
    if (names := getattr(value, "data_vars", None)) is not None:
        return f"{kind} with {', '.join(map(str, names)) or 'no variables'}"
    return kind
