"""``isacsim environment``: the static part of a scenario in a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isacsim.commands.options import Settings, scenario_with
from isacsim.commands.source import Seed
from isacsim.errors import InputError
from isacsim.terminal import Json, number, output, show_json, show_table

if TYPE_CHECKING:
    from isacsim.scenario.model import Scenario

__all__ = ["environment"]


def environment(
    scenario: Annotated[
        str, typer.Argument(help="Name of a shipped scenario, or a .yaml file.", show_default=False)
    ],
    output_file: Annotated[
        Path, typer.Option("--output", "-o", help="Picture to write (.png, .pdf, .svg).")
    ] = Path("environment.png"),
    seed: Seed = None,
    settings: Settings = None,
    receiver: Annotated[
        str | None,
        typer.Option(help="Name of the receiver; default: the first surveillance one.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw the static part of a scenario: response, power over delay, and a ray-traced room with its paths."""
    from isacsim.figures.environment import environment_figure
    from isacsim.figures.spectra import check_picture, save_figure

    check_picture(output_file)
    loaded = scenario_with(scenario, settings)
    if loaded.environment.kind == "none":
        raise InputError(f"scenario {loaded.name} has no static part: its environment.kind is none.")
    receivers = loaded.radio.receivers
    names = [r.name for r in receivers]
    if receiver is None:
        receiver = next(r.name for r in receivers if r.role == "surveillance")
    if receiver not in names:
        raise InputError(f"--receiver {receiver}: scenario {loaded.name} has {', '.join(names)}.")
    chosen = names.index(receiver)
    figure = environment_figure(loaded, seed=loaded.seed if seed is None else seed, receiver=chosen)
    save_figure(figure, output_file)
    traced = _paths(loaded) if loaded.environment.kind == "sionna_rt" else []
    if as_json:
        show_json(scenario=loaded.name, receiver=receiver, traced_paths=traced, picture=output_file)
        return
    if traced:
        _show(traced)
    output().print(f"picture: {output_file}")


def _paths(scenario: Scenario) -> list[dict[str, Any]]:
    """Sum up the traced paths to each receiver; powers relative to that sent, lengths None without paths."""
    import numpy as np
    from scipy.constants import speed_of_light

    from isacsim.channel.sionna.ray_tracing import traced_paths
    from isacsim.scenario.environments import RayTraced

    assert isinstance(scenario.environment, RayTraced)  # the caller looked
    paths = traced_paths(scenario.environment, scenario.radio)
    rows = []
    for i, receiver in enumerate(scenario.radio.receivers):
        power = np.abs(paths.coefficient[i]) ** 2
        delay = paths.delay[i]
        found = power > 0
        share = power / power.sum() if found.any() else power
        spread = np.sqrt(max(share @ delay**2 - (share @ delay) ** 2, 0.0))
        lengths = delay[found] * speed_of_light
        rows.append(
            {
                "receiver": receiver.name,
                "paths": int(found.sum()),
                "shortest_m": float(lengths.min()) if found.any() else None,
                "longest_m": float(lengths.max()) if found.any() else None,
                "delay_spread_s": float(spread),
                "path_gain_db": float(10 * np.log10(power.sum())) if found.any() else None,
            }
        )
    return rows


def _show(traced: list[dict[str, Any]]) -> None:
    def shown(value: float | None, digits: int = 2) -> str:
        return "-" if value is None else number(value, digits)

    columns = ["receiver", "paths", "shortest [m]", "longest [m]", "delay spread [ns]", "path gain [dB]"]
    rows = [
        [
            one["receiver"],
            str(one["paths"]),
            shown(one["shortest_m"]),
            shown(one["longest_m"]),
            number(one["delay_spread_s"] * 1e9, 1),
            shown(one["path_gain_db"], 1),
        ]
        for one in traced
    ]
    show_table("Traced paths", columns, rows)
