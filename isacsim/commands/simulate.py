"""``isacsim simulate``: a scenario becomes a capture with its truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isacsim.commands.options import Settings, scenario_with
from isacsim.commands.source import Seed
from isacsim.terminal import Json, number, output, show_json, show_table

if TYPE_CHECKING:
    import xarray as xr

    from isacsim.scenario.model import Scenario

__all__ = ["simulate"]


def simulate(
    scenario: Annotated[
        str, typer.Argument(help="Name of a shipped scenario, or a .yaml file.", show_default=False)
    ],
    output_file: Annotated[Path, typer.Option("--output", "-o", help="netCDF file to write.")] = Path(
        "capture.nc"
    ),
    seed: Seed = None,
    settings: Settings = None,
    targets: Annotated[
        int | None,
        typer.Option(help="Number of targets; default: drawn as the scenario says.", show_default=False),
    ] = None,
    index: Annotated[int, typer.Option(help="Number of the sample within this seed.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
    as_json: Json = False,
) -> None:
    """Simulate one capture with its exact ground truth, and save it as netCDF.

    The file opens with isacsim.capture.netcdf.load_capture, or xarray.open_dataset(..., engine="h5netcdf").
    """
    from isacsim.capture.netcdf import check_capture_path, save_capture
    from isacsim.simulation.capture import simulate as make

    check_capture_path(output_file, overwrite=overwrite)
    loaded = scenario_with(scenario, settings)
    capture = make(loaded, seed=loaded.seed if seed is None else seed, n_targets=targets, index=index)
    save_capture(capture, output_file, overwrite=overwrite)
    if as_json:
        _as_json(capture, loaded, output_file)
        return
    _summary(capture, loaded)
    output().print(f"capture: {output_file} ({output_file.stat().st_size / 1e6:.1f} MB)")


def _as_json(capture: xr.Dataset, scenario: Scenario, path: Path) -> None:
    from isacsim.commands.remarks import impairment_lines, target_names

    receiver, truth = _truth(capture)
    radio = scenario.radio
    show_json(
        capture=path,
        size_bytes=path.stat().st_size,
        scenario={"name": scenario.name, "description": scenario.description},
        seed=capture.attrs["seed"],
        index=capture.attrs["index"],
        sizes={name: capture.sizes[name] for name in ("receiver", "subcarrier", "packet")},
        carrier_hz=radio.carrier_hz,
        bandwidth_hz=radio.bandwidth_hz,
        packet_rate_hz=radio.packet_rate_hz,
        receiver=receiver,
        truth=truth,
        targets=target_names(scenario, truth),
        motion_model=scenario.motion_model,
        impairments=impairment_lines(capture, scenario),
    )


def _truth(capture: xr.Dataset) -> tuple[str, xr.Dataset]:
    """Give the first surveillance receiver, and the truth there at the window's centre.

    Of an array, its first pair of elements: all have the truth of the centres.
    """
    from isacsim.simulation.truth import truth_at

    roles = capture.coords["role"].values.tolist()
    surveillance = str(capture.coords["receiver"].values[roles.index("surveillance")])
    truth = truth_at(capture, surveillance, 0.0)
    assert truth is not None  # it was simulated
    return surveillance, truth


def _summary(capture: xr.Dataset, scenario: Scenario) -> None:
    from isacsim.commands.remarks import impairment_lines, target_names

    out, radio, sizes = output(), scenario.radio, capture.sizes
    out.print(f"{scenario.name}: {scenario.description}")
    out.print(
        f"{sizes['receiver']} receiver(s) x {sizes['subcarrier']} subcarriers x {sizes['packet']} packets; "
        f"{radio.carrier_hz / 1e9:g} GHz, {radio.bandwidth_hz / 1e6:g} MHz, {radio.packet_rate_hz:g} packets/s; "
        f"seed {capture.attrs['seed']}, index {capture.attrs['index']}"
    )
    surveillance, truth = _truth(capture)
    columns = {
        "path length [m]": "path_length",
        "velocity [m/s]": "velocity",
        "acceleration [m/s²]": "acceleration",
        "jerk [m/s³]": "jerk",
        "amplitude [1]": "amplitude",
        "model error [λ]": "model_error",
    }
    names = target_names(scenario, truth)
    show_table(
        f"Truth at receiver {surveillance}, at the window's centre",
        ["target", *columns],
        [
            [names[p], *(number(float(truth[n][p]), 3) for n in columns.values())]
            for p in range(truth.sizes["path"])
        ],
    )
    worst = float(truth["model_error"].max()) if truth.sizes["path"] else 0.0
    followed = "the true motion" if scenario.motion_model == "exact" else "the cubic of the ground truth"
    out.print(
        f"model error: at most {worst:.3g} wavelengths between the true motion and its cubic; paths follow {followed}"
    )
    for line in impairment_lines(capture, scenario) or ["no impairments"]:
        out.print(line)
