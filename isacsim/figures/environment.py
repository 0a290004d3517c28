"""The static part of a scenario in pictures: its power over delay and frequency, and a traced room with its paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from numpy.typing import NDArray
from scipy.constants import speed_of_light

from isacsim.channel.sionna.ray_tracing import TracedPaths, traced_paths
from isacsim.channel.static import static_response
from isacsim.figures.spectra import COLORMAP
from isacsim.scenario.environments import RayTraced
from isacsim.scenario.section import Vector
from isacsim.simulation.drawing import draw_environment
from isacsim.streams import Stream, stream

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from isacsim.scenario.model import Scenario
    from isacsim.scenario.rooms import AnyRoom

__all__ = ["draw_room", "draw_traced", "environment_figure"]

# Weaker paths are left out of pictures.
_FAINTEST_DB = -45.0
_DRAWS = 200
_SHOWN = 4
_ROLES = {"surveillance": "#2050c0", "reference": "#30a0a0"}


def environment_figure(scenario: Scenario, *, seed: int, receiver: int) -> Figure:
    """Draw the static part of a scenario at one receiver.

    Parameters
    ----------
    scenario : Scenario
        Its environment must not be of kind none.
    seed : int
        Of the captures whose static parts are shown.
    receiver : int
        Number of the receiver.

    Returns
    -------
    matplotlib.figure.Figure
        The response of four captures over frequency, and its power over delay: that of the traced paths, else the mean
        over 200 captures as the radio's bandwidth resolves it (Hann window). A traced scene comes with a top and a
        side view; paths are coloured by their power.
    """
    environment = scenario.environment
    traced = isinstance(environment, RayTraced)
    n = 1 if isinstance(environment, RayTraced) and environment.phases == "traced" else _DRAWS
    # Of an array, its first pair of elements.
    first = next(i for i, one in enumerate(scenario.radio.streams) if one.receiver == receiver)
    responses = np.array([_static(scenario, seed, i)[first] for i in range(n)])
    name = scenario.radio.receivers[receiver].name
    figure = Figure(figsize=(11.5, 7.5) if traced else (10.5, 3.8), dpi=110, layout="constrained")
    if isinstance(environment, RayTraced):
        paths = traced_paths(environment, scenario.radio)
        grid = figure.add_gridspec(6, 2, width_ratios=[1.7, 1])
        top, side = figure.add_subplot(grid[:4, 0]), figure.add_subplot(grid[4:, 0])
        over_delay, over_frequency = figure.add_subplot(grid[:3, 1]), figure.add_subplot(grid[3:, 1])
        _views(top, side, scenario, paths, receiver)
        _traced_delays(over_delay, paths, receiver)
    else:
        over_delay, over_frequency = figure.subplots(1, 2)
        _mean_delays(over_delay, responses, scenario)
    _responses(over_frequency, responses, scenario)
    over_delay.set_title(f"power over delay, receiver {name}", fontsize=10)
    return figure


def _static(scenario: Scenario, seed: int, index: int) -> NDArray[np.complex128]:
    """Static part of a capture, (stream, subcarrier)."""
    drawn = scenario.model_copy(update={"environment": draw_environment(scenario, seed, index)})
    return static_response(drawn, stream(seed, index, Stream.STATIC, 1))


def _responses(axes: Axes, responses: NDArray[np.complex128], scenario: Scenario) -> None:
    offset = (scenario.radio.frequency_hz - scenario.radio.carrier_hz) / 1e6
    for i, response in enumerate(responses[:_SHOWN]):
        axes.plot(offset, 20 * np.log10(np.abs(response)), lw=1.2, label=f"capture {i}")
    if len(responses) > 1:
        axes.legend(fontsize=8, frameon=False, ncols=2)
        axes.set_title("response of single captures", fontsize=10)
    else:
        axes.set_title("response of every capture", fontsize=10)
    axes.set_xlabel(f"frequency from {scenario.radio.carrier_hz / 1e9:g} GHz [MHz]")
    axes.set_ylabel("|H|² [dB, unit path]")
    axes.grid(color="#eeeeee")


def _mean_delays(axes: Axes, responses: NDArray[np.complex128], scenario: Scenario) -> None:
    frequency = scenario.radio.frequency_hz
    window = np.hanning(frequency.size + 2)[1:-1]
    # Direct sums, since subcarriers need not be uniform.
    span = float(frequency[-1] - frequency[0])
    delay = np.linspace(0, min(1e-6, 0.9 * (frequency.size - 1) / span), 400) if span else np.zeros(1)
    turns = np.exp(2j * np.pi * np.outer(delay, frequency - frequency[0]))
    power = np.mean(np.abs(turns @ (responses * window).T / window.sum()) ** 2, axis=1)
    axes.plot(delay * 1e9, 10 * np.log10(power / power.max()), lw=1.5)
    axes.set_ylim(-45, 3)
    axes.set_xlabel("delay [ns]")
    axes.set_ylabel(f"mean over {len(responses)} captures [dB below maximum]")
    axes.grid(color="#eeeeee")


def _traced_delays(axes: Axes, paths: TracedPaths, receiver: int) -> None:
    level, shown = _levels(paths, receiver)
    length = paths.delay[receiver][shown] * speed_of_light
    colour = colormaps[COLORMAP](Normalize(_FAINTEST_DB, 0)(level[shown]))
    axes.vlines(length, _FAINTEST_DB, level[shown], colors=colour, lw=1.6)
    axes.set_ylim(_FAINTEST_DB, 3)
    axes.set_xlabel("path length [m]")
    axes.set_ylabel("dB below the strongest path")
    axes.grid(color="#eeeeee")


def _levels(paths: TracedPaths, receiver: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Power of each path in dB below the strongest, and which are shown."""
    amplitude = np.abs(paths.coefficient[receiver])
    level = 20 * np.log10(np.maximum(amplitude, 1e-30) / max(amplitude.max(), 1e-30))
    return level, (level >= _FAINTEST_DB) & (amplitude > 0)


def _views(top: Axes, side: Axes, scenario: Scenario, paths: TracedPaths, receiver: int) -> None:
    environment = scenario.environment
    assert isinstance(environment, RayTraced)
    for axes, vertical in ((top, 1), (side, 2)):
        if environment.room is not None:
            draw_room(axes, environment.room, vertical)
        lines = draw_traced(axes, scenario, paths, receiver, vertical)
        _antennas(axes, scenario, vertical)
        axes.set_aspect("equal", adjustable="datalim")
        axes.autoscale_view()
        axes.set_xlabel("x [m]")
        axes.set_ylabel(f"{'xyz'[vertical]} [m]")
    shown = int(_levels(paths, receiver)[1].sum())
    name = scenario.radio.receivers[receiver].name
    place = f"scene {environment.scene}" if environment.room is None else environment.room.kind
    top.set_title(f"{scenario.name} ({place}): {shown} paths to {name}, from above", fontsize=10)
    side.set_title("from the side", fontsize=10)
    handles, labels = top.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure = top.get_figure(root=True)
    assert figure is not None  # they were made on one
    figure.legend(
        unique.values(), unique.keys(), fontsize=8, loc="outside lower left", ncols=len(unique), frameon=False
    )
    figure.colorbar(lines, ax=[top, side], label="path power [dB below the strongest]", pad=0.01)


def draw_room(axes: Axes, room: AnyRoom, vertical: int = 1) -> None:
    """Draw walls, doors and furniture from above (`vertical` 1) or from the side (2)."""
    boxes = room.boxes()
    corners = np.array(room.outline_m())
    axes.set_axisbelow(True)
    if vertical == 1:
        axes.add_patch(Polygon(corners, fill=False, ec="#333333", lw=2.5, zorder=1))
        for door in room.doors:
            wall = next(w for w in room.walls_m() if _on(door.at_m, w))
            along = np.subtract(wall[1], wall[0]) / np.linalg.norm(np.subtract(wall[1], wall[0]))
            ends = np.array(door.at_m) + np.outer([-0.5, 0.5], along) * door.width_m
            axes.plot(*ends.T, c="#ffffff" if door.surface is None else "#b5722a", lw=3, zorder=2)
    else:
        lo, hi = corners[:, 0].min(), corners[:, 0].max()
        axes.add_patch(Rectangle((lo, 0), hi - lo, room.height_m, fill=False, ec="#333333", lw=2.5, zorder=1))
    for box in boxes:
        metal = box.surface.material == "metal"
        axes.add_patch(
            Rectangle(
                (box.corner_m[0], box.corner_m[vertical]),
                box.size_m[0],
                box.size_m[vertical],
                fc="#a9b4c0" if metal else "#d9c9ae",
                ec="#777777",
                lw=0.8,
                zorder=0,
            )
        )
        if box.name != "pillar" and vertical == 1:
            x, y = (box.corner_m[k] + box.size_m[k] / 2 for k in (0, 1))
            turn = 90 if box.size_m[1] > box.size_m[0] else 0
            axes.text(x, y, box.name, fontsize=6, ha="center", va="center", rotation=turn, zorder=1)
    axes.update_datalim(
        np.column_stack([corners[:, 0], corners[:, 1] if vertical == 1 else corners[:, 1] * 0])
    )


def _on(point: tuple[float, float], wall: tuple[tuple[float, float], tuple[float, float]]) -> bool:
    a, b, p = (np.array(x) for x in (*wall, point))
    return bool(abs(np.linalg.norm(p - a) + np.linalg.norm(p - b) - np.linalg.norm(b - a)) < 0.01)


def draw_traced(
    axes: Axes, scenario: Scenario, paths: TracedPaths, receiver: int, vertical: int = 1
) -> LineCollection:
    """Draw a receiver's traced paths, coloured by their power, the strongest on top."""
    level, shown = _levels(paths, receiver)
    ends = [np.array(scenario.radio.transmitter_m), np.array(scenario.radio.receivers[receiver].position_m)]
    chosen = np.flatnonzero(shown)[np.argsort(level[shown])]
    lines = []
    for p in chosen:
        met = paths.vertex[receiver, p]
        track = np.vstack([ends[0], met[~np.isnan(met[:, 0])], ends[1]])
        lines.append(track[:, [0, vertical]])
    collection = LineCollection(lines, cmap=COLORMAP, norm=Normalize(_FAINTEST_DB, 0), lw=1.0, zorder=1.5)
    collection.set_array(level[chosen])
    axes.add_collection(collection)
    return collection


def _antennas(axes: Axes, scenario: Scenario, vertical: int) -> None:
    environment = scenario.environment
    assert isinstance(environment, RayTraced)
    radio = scenario.radio
    looks: dict[str, Vector | None] = {antenna.name: antenna.looks_at_m for antenna in environment.receivers}
    looks |= {r.name: r.array.looks_at_m for r in radio.receivers if r.array is not None}
    sending = environment.transmitter if radio.transmitter_array is None else radio.transmitter_array
    marks = [("transmitter", radio.transmitter_m, "^", "#c02020", sending.looks_at_m)]
    marks += [
        (f"{r.role} receiver", r.position_m, "v", _ROLES[r.role], looks.get(r.name)) for r in radio.receivers
    ]
    for label, place, marker, colour, target in marks:
        at = (place[0], place[vertical])
        axes.scatter(*at, s=70, marker=marker, c=colour, ec="white", zorder=4, label=label)
        if target is not None:
            direction = np.subtract(target, place)
            tip = np.array(place) + 0.8 * direction / np.linalg.norm(direction)
            style = {"arrowstyle": "-|>", "color": colour, "lw": 1.6}
            axes.annotate("", (tip[0], tip[vertical]), xytext=at, arrowprops=style, zorder=4)
