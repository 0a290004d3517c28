"""``isacsim spectrum``: the acceleration-jerk spectra of consecutive windows, beside the Doppler spectrogram."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isacsim.checks import check_integer, check_number
from isacsim.commands import source as given
from isacsim.commands.options import Settings
from isacsim.commands.reading import reads_files
from isacsim.errors import InputError
from isacsim.terminal import output, progress, remark

if TYPE_CHECKING:
    import xarray as xr

    from isacsim.conditioning.windows import Windows

__all__ = ["spectrum"]

AccelerationMax = Annotated[
    float | None,
    typer.Option(
        help="Acceleration axis up to ± this, in m/s²; default: the scenario's, else 8 or what the packet rate "
        "allows.",
        show_default=False,
    ),
]
JerkMax = Annotated[
    float | None,
    typer.Option(help="Jerk axis up to ± this, in m/s³; default: likewise, 40.", show_default=False),
]
Bins = Annotated[
    int | None,
    typer.Option(help="Bins of each axis; default: the scenario's, else 64.", show_default=False),
]
Combine = Annotated[
    str | None,
    typer.Option(
        help="Subcarriers: single, noncoherent, coherent or delay; or resolved: all antenna pairs of the receiver's "
        "device; default: the scenario's, else coherent.",
        show_default=False,
    ),
]
Beams = Annotated[
    str | None,
    typer.Option(
        help="For resolved: fixed, blind or auto; default: the scenario's, else auto.", show_default=False
    ),
]
Equalise = Annotated[
    float | None,
    typer.Option(
        help="For resolved: 0 (strong paths dominate) to 1 (all equal); default: the scenario's, else 0.875.",
        show_default=False,
    ),
]
Lags = Annotated[
    str | None,
    typer.Option(
        help="Autocorrelation lags: positive or symmetric; default: the scenario's, else positive.",
        show_default=False,
    ),
]
Picture = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Picture (.png, .pdf, .svg); default: INPUT-spectrum.png.",
        show_default=False,
    ),
]


@reads_files
def spectrum(
    source: given.Input,
    output_file: Picture = None,
    data: Annotated[
        Path | None, typer.Option(help="Also save the spectra as netCDF (.nc).", show_default=False)
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing --data file (pictures always are).")
    ] = False,
    seed: given.Seed = None,
    changes: Settings = None,
    window_s: given.WindowLength = None,
    hop_s: given.Hop = None,
    start_s: given.Start = 0.0,
    max_windows: given.MaxWindows = 8,
    acceleration_max: AccelerationMax = None,
    jerk_max: JerkMax = None,
    bins: Bins = None,
    combine: Combine = None,
    beams: Beams = None,
    equalise: Equalise = None,
    lags: Lags = None,
    reference: given.Reference = "auto",
    pair: given.Pair = None,
    gain: given.Gain = "auto",
    receiver: given.Receiver = 0,
    *,
    reading: dict[str, Any],
) -> None:
    """Draw the acceleration-jerk spectra of consecutive windows of a capture, and its Doppler spectrogram.

    Real captures get the axes that their packet rate allows. On simulated ones the ground truth is marked.
    """
    from isacsim.capture.netcdf import check_capture_path
    from isacsim.commands.remarks import band_remark, mirror_remark
    from isacsim.conditioning.pairs import pairs_together, receiver_of
    from isacsim.figures.spectra import check_picture, save_figure, spectrum_figure
    from isacsim.simulation.truth import not_drawn_again, truth_at

    if output_file is not None:
        check_picture(output_file)
    if data is not None:
        check_capture_path(data, overwrite=overwrite)
    asked = {"combine": combine, "lags": lags, "beams": beams, "equalise": equalise}
    with progress() as bar:
        task = bar.add_task("reading", total=None)
        opened, windows = given.open_windows(
            source,
            lambda name: bar.update(task, description=name),
            file=reading,
            cut={"window_s": window_s, "hop_s": hop_s, "start_s": start_s, "max_windows": max_windows},
            seed=seed,
            settings=changes,
            reference=reference,
            pair=pair,
            gain=gain,
        )
        settings = {**opened.spectrum_settings(), **{n: v for n, v in asked.items() if v is not None}}
        settings |= _axes(settings, windows, acceleration_max, jerk_max, bins)
        bar.update(task, description="spectra", total=len(windows.used))
        try:
            name = str(receiver_of(windows.used[0].csi, receiver).coords["receiver"].values)
        except InputError as error:
            raise given.in_options(error) from error
        spectra = _spectra(windows, settings, receiver, lambda: bar.advance(task))
        bar.update(task, description="drawing", total=None)
        spectrogram, why_not = _spectrogram(
            opened.capture, windows, receiver, gain, resolved=settings.get("combine") == "resolved"
        )
        picture = spectra.mean("delay") if "delay" in spectra.dims else spectra
        note = _note(opened, windows, spectra, name)
        truths = [truth_at(opened.capture, name, w.centre) for w in windows.used]
        figure = spectrum_figure(
            picture,
            titles=[f"{w.start:.2f} to {w.start + w.packets * w.interval:.2f} s" for w in windows.used],
            truths=truths,
            spectrogram=spectrogram,
            title=f"{opened.name}: acceleration-jerk spectra",
            note=note,
        )
        output_file = Path(f"{opened.stem}-spectrum.png") if output_file is None else output_file
        save_figure(figure, output_file)
        if data is not None:
            _save(spectra, data, opened, windows, overwrite)
    if opened.simulated and any(truth is None for truth in truths):
        why_not = [*why_not, f"{not_drawn_again(opened.capture)}: no truth off its centre"]
    if settings.get("combine", "coherent") == "coherent":
        lost = band_remark(windows.used[0], settings.get("lag_ratio", 0.089))
        why_not = [*why_not, *filter(None, [lost])]
    pairs = pairs_together(windows.used[0].csi, receiver)
    if combine is None and settings.get("combine") != "resolved" and "receiver" in pairs.dims:
        why_not.append(
            f"this is the spectrum of one of {pairs.sizes['receiver']} antenna pairs; --combine resolved takes all, "
            "and separates paths by them"
        )
    why_not = [*why_not, *filter(None, [mirror_remark(windows.used[0].csi)])]
    for line in (*opened.notes, *windows.skipped, *why_not):
        remark(f"note: {line}")
    output().print(note)
    output().print(f"picture: {output_file}")
    if data is not None:
        output().print(f"spectra: {data}")


def _axes(
    settings: dict[str, Any],
    windows: Windows,
    acceleration_max: float | None,
    jerk_max: float | None,
    bins: int | None,
) -> dict[str, Any]:
    """Axes as asked for, else as the scenario says, else as wide as every window's packet rate allows."""
    from isacsim.conditioning.windows import common_axes
    from isacsim.spectrum.grid import BINS, symmetric_axis

    if bins is not None:
        check_integer("--bins", bins, least=2, most=4096)
    asked = {"acceleration": acceleration_max, "jerk": jerk_max}
    for largest, option in zip(asked.values(), ("--acceleration-max", "--jerk-max"), strict=True):
        if largest is not None:
            check_number(option, largest, above=0)
    if "acceleration" in settings:
        default = settings["acceleration"], settings["jerk"]
    elif None not in asked.values():
        default = None, None
    else:
        try:
            default = common_axes(windows.used, lag_ratio=settings.get("lag_ratio", 0.089))
        except InputError as error:
            raise given.in_options(error, ("--acceleration-max", "--jerk-max")) from error
    axes = {}
    for (name, largest), axis in zip(asked.items(), default, strict=True):
        count = bins if bins is not None else (BINS if axis is None else len(axis))
        axes[name] = symmetric_axis(float(axis[-1]) if largest is None else largest, count)
    return axes


def _spectra(windows: Windows, settings: dict[str, Any], receiver: int, done: Any) -> xr.DataArray:
    """Spectra over (window, [delay,] acceleration, jerk)."""
    import xarray as xr

    from isacsim.conditioning.pairs import array_of, receiver_of
    from isacsim.spectrum.aj import aj_spectrum

    spectra = []
    for window in windows.used:
        of = array_of if settings.get("combine") == "resolved" else receiver_of
        spectra.append(aj_spectrum(of(window.csi, receiver), **settings))
        done()
    out = xr.concat(
        spectra, "window", combine_attrs="override", coords="minimal", compat="override", join="override"
    )
    starts = [w.start for w in windows.used]
    units = {"units": "s", "long_name": "first packet of the window, on the capture's clock"}
    return out.assign_coords(start=("window", starts, units))


def _spectrogram(
    capture: xr.Dataset, windows: Windows, receiver: int, gain: str, *, resolved: bool
) -> tuple[xr.DataArray | None, list[str]]:
    """Doppler spectrogram from the first to the last window drawn; or why there is none."""
    from isacsim.conditioning.pairs import array_of, receiver_of
    from isacsim.conditioning.windows import capture_windows
    from isacsim.spectrum.doppler import doppler_spectrogram

    first, last = windows.used[0], windows.used[-1]
    start = first.start - float(capture.coords["time"][0])
    length = last.start + last.packets * last.interval - first.start
    try:
        whole = capture_windows(
            capture,
            window_s=length - first.interval / 2,
            start_s=max(start, 0.0),
            max_windows=1,
            reference=windows.reference,
            pair=windows.pair,
            gain=gain,  # type: ignore[arg-type]  # it worked for the windows
        )
        csi = (array_of if resolved else receiver_of)(whole.used[0].csi, receiver)
        # Long enough for a few Hz of resolution, short enough for several columns in the window.
        length = max(0.128, 16 * whole.used[0].interval)
        return doppler_spectrogram(
            csi,
            window_s=min(length, 0.5 * first.packets * first.interval),
            combine="resolved" if resolved else "noncoherent",
        ), []
    except InputError as error:
        return None, [f"no Doppler spectrogram: {error}"]


def _note(opened: given.Source, windows: Windows, spectra: xr.DataArray, receiver: str) -> str:
    first = windows.used[0]
    received = sum(w.received for w in windows.used)
    grid = sum(w.packets for w in windows.used)
    attrs = spectra.attrs
    a, r = (float(spectra.coords[n][-1]) for n in ("acceleration", "jerk"))
    cells = first.grid(attrs["lag_packets"] / attrs["packets"]).resolution(attrs["min_lag"])
    parts = [
        f"{windows.pace.said}, windows of {first.packets} packets "
        f"({first.packets * first.interval:.3g} s; {received} packets received for {grid} on the uniform grid)",
        f"lag {attrs['lag_packets']} packets, axes ±{a:.3g} m/s² and ±{r:.3g} m/s³, resolution cell "
        f"{cells[0]:.2g} m/s² by {cells[1]:.2g} m/s³",
        f"receiver {receiver}, conditioning: {windows.conditioning}, subcarriers combined: {attrs['combine']}"
        + (" (mean over delay bins drawn)" if "delay" in spectra.dims else "")
        + (f" with equalisation {attrs['equalise']:g}" if "equalise" in attrs else ""),
    ]
    if windows.remaining:
        parts.append(f"{windows.remaining} further windows not drawn")
    if opened.simulated and int(opened.capture.attrs["n_targets"]) == 0:
        parts.append("no targets")
    return "; ".join(parts) + "."


def _save(spectra: xr.DataArray, data: Path, opened: given.Source, windows: Windows, overwrite: bool) -> None:
    from isacsim import __version__
    from isacsim.capture.netcdf import save_capture

    dataset = spectra.to_dataset(name="aj_spectrum").assign_attrs(
        source=opened.name, conditioning=windows.conditioning, isacsim=__version__
    )
    for name in ("scenario", "seed", "index"):
        if name in opened.capture.attrs:
            dataset.attrs[name] = opened.capture.attrs[name]
    save_capture(dataset, data, overwrite=overwrite)
