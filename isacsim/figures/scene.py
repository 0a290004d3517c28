"""The scene of a simulated capture from above: antennas, what reflects, what moves and where to."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from isacsim.channel.sionna.ray_tracing import traced_paths
from isacsim.figures.environment import draw_room, draw_traced
from isacsim.scenario.arrays import Array, axes_of, element_places
from isacsim.scenario.environments import NoEnvironment, Rayleigh, RayTraced, TwoRay, Wall
from isacsim.scenario.numbers import support
from isacsim.targets.kinematics import Motion, PathMotion

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from isacsim.scenario.model import Scenario
    from isacsim.simulation.realisation import Realisation

__all__ = ["draw_scene", "scene_figure"]

_Colour: TypeAlias = str | tuple[float, float, float]
_COLOURS: tuple[_Colour, ...] = colormaps["tab10"].colors  # type: ignore[attr-defined]
_MOVER = "#777777"
# An arrow ends where the target would be after so many seconds at its present velocity.
_ARROW_S = 0.5
# How wide an array is drawn, m.
_ARRAY_M = 1.0


def scene_figure(drawn: Realisation) -> Figure:
    """Draw antennas, static environment, targets and movers from above.

    Parameters
    ----------
    drawn : Realisation
        Of the capture; see :func:`isacsim.simulation.truth.realisation_of`.

    Returns
    -------
    matplotlib.figure.Figure
        A target in space is a dot at its place at the window's centre, with its track over the window and an arrow of
        half a second's travel. A target given by its path length alone could be anywhere on an ellipse with the
        antennas as foci (for the first surveillance receiver, at the antennas' height). The arrow shows how far the
        ellipse moves in half a second.
    """
    figure = Figure(figsize=(7.6, 5.4), dpi=110, layout="constrained")
    axes = figure.subplots()
    draw_scene(axes, drawn)
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside right upper", fontsize=8, frameon=False)
    return figure


def draw_scene(axes: Axes, drawn: Realisation) -> None:
    """Draw the scene from above into axes, without a legend.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where.
    drawn : Realisation
        As for `scene_figure`, which says what is drawn.
    """
    scenario = drawn.scenario
    radio = scenario.radio
    first = next(i for i, r in enumerate(radio.receivers) if r.role == "surveillance")
    transmitter = np.array(radio.transmitter_m)
    receiver = np.array(radio.receivers[first].position_m)
    first_mover = len(drawn.motions) - len(scenario.movers)
    for path in (*drawn.reference, *range(first_mover, len(drawn.motions))):
        motion = drawn.motions[path]
        target = int(drawn.target[path])
        mover = scenario.movers[path - first_mover].name if target < 0 else ""
        colour = _MOVER if mover else _COLOURS[target % len(_COLOURS)]
        label = mover or f"target {target}"
        if isinstance(motion, PathMotion):
            length, velocity = drawn.kinematics[0, first, path], drawn.kinematics[1, first, path]
            _ellipse(axes, transmitter, receiver, length, velocity, 40 + 47 * path, colour, label)
        else:
            _track(axes, motion, radio.time_s, colour, label)
    for antenna in radio.receivers:
        _antenna(axes, antenna.position_m, "v", antenna.role, antenna.array)
        axes.plot(
            *zip(transmitter[:2], antenna.position_m[:2], strict=True), ":", c="#bbbbbb", lw=0.8, zorder=0
        )
    _antenna(axes, radio.transmitter_m, "^", "transmitter", radio.transmitter_array)
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.08)
    axes.autoscale_view()
    _environment(axes, scenario)
    axes.set_xlabel("x [m]")
    axes.set_ylabel("y [m]")
    axes.grid(color="#eeeeee", zorder=0)


def _antenna(
    axes: Axes, position: tuple[float, float, float], marker: str, role: str, array: Array | None
) -> None:
    colour = {"transmitter": "#c02020", "surveillance": "#2050c0", "reference": "#30a0a0"}[role]
    label = role if role == "transmitter" else f"{role} receiver"
    if array is not None:
        # Centimetres, drawn as wide as can be seen; an arrow where it looks.
        offset = element_places(array, position, 1.0)[:, :2] - np.array(position[:2])
        label += f", {len(offset)} elements"
        if (size := float(np.abs(offset).max())) > 1e-9:
            drawn = np.array(position[:2]) + offset * (_ARRAY_M / 2 / size)
            axes.plot(*drawn.T, ".", c=colour, ms=6, zorder=4)
        if array.looks_at_m is not None:
            ahead = axes_of(array, position)[0, :2]
            _arrow(axes, np.array(position[:2]), np.array(position[:2]) + _ARRAY_M * ahead, colour)
    axes.scatter(position[0], position[1], s=80, marker=marker, c=colour, zorder=4, label=label)


def _ellipse(
    axes: Axes,
    transmitter: np.ndarray,
    receiver: np.ndarray,
    length: float,
    velocity: float,
    angle_deg: float,
    colour: _Colour,
    label: str,
) -> None:
    """Ellipse of one bistatic path length, with an arrow across it to where it moves."""
    apart = float(np.linalg.norm(receiver - transmitter))
    if length <= apart:  # shorter than the line of sight: a path that no place in space has
        axes.plot([], [], c=colour, label=f"{label} (shorter than the line of sight)")
        return
    middle = (transmitter + receiver)[:2] / 2
    along = (receiver - transmitter)[:2]
    turn = float(np.arctan2(along[1], along[0]))

    def half_axes(d: float) -> tuple[float, float]:
        return d / 2, float(np.sqrt(max(d**2 - apart**2, 0.0))) / 2

    a, b = half_axes(length)
    axes.add_patch(
        Ellipse(
            (middle[0], middle[1]),
            2 * a,
            2 * b,
            angle=np.rad2deg(turn),
            fill=False,
            ec=colour,
            lw=1.6,
            label=label,
        )
    )
    # A patch alone does not widen the axes.
    axes.update_datalim([middle - a, middle + a])

    def point(d: float) -> np.ndarray:
        p, q = half_axes(d)
        x, y = p * np.cos(np.deg2rad(angle_deg)), q * np.sin(np.deg2rad(angle_deg))
        return middle + np.array([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)])

    _arrow(axes, point(length), point(max(length + velocity * _ARROW_S, apart)), colour)


def _track(axes: Axes, motion: Motion, time: np.ndarray, colour: _Colour, label: str) -> None:
    assert not isinstance(motion, PathMotion)  # the caller asked
    track = motion.state(time).position
    now = motion.state(0.0)
    axes.plot(track[:, 0], track[:, 1], c=colour, lw=2.2, alpha=0.5)
    axes.scatter(now.position[0, 0], now.position[0, 1], s=36, c=[colour], zorder=3, label=label)
    _arrow(axes, now.position[0, :2], now.position[0, :2] + _ARROW_S * now.velocity[0, :2], colour)


def _arrow(axes: Axes, start: np.ndarray, end: np.ndarray, colour: _Colour) -> None:
    if np.hypot(*(end - start)) > 0:
        style = {"arrowstyle": "-|>", "color": colour, "lw": 1.4, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", (end[0], end[1]), xytext=(start[0], start[1]), arrowprops=style)
        axes.update_datalim([start, end])


def _environment(axes: Axes, scenario: Scenario) -> None:
    environment = scenario.environment
    text = "no static part"
    if isinstance(environment, Rayleigh):
        least, most = support(environment.n_taps)
        taps = f"{least:g} random taps" if least == most else f"{least:g} to {most:g} random taps"
        if most == 1:
            taps = "one random tap"
        line = "" if environment.k_factor_db is None else " and the line of sight"
        text = f"static part: {taps}{line}, without a place in space"
    elif isinstance(environment, TwoRay):
        surface = environment.surface
        text = "static part: line of sight and one reflection"
        if isinstance(surface, Wall):
            _wall(axes, surface, scenario.radio.transmitter_m[2])
            text += " at the wall"
        else:
            text += f" at the floor, z = {np.mean(support(surface.height_m)):g} m"
    elif isinstance(environment, RayTraced):
        paths = traced_paths(environment, scenario.radio)
        if environment.room is not None:
            draw_room(axes, environment.room)
        first = next(i for i, r in enumerate(scenario.radio.receivers) if r.role == "surveillance")
        draw_traced(axes, scenario, paths, first).set_alpha(0.5)
        text = f"static part: {np.count_nonzero(paths.coefficient[first])} traced paths"
    elif not isinstance(environment, NoEnvironment):
        text = f"static part: {environment.kind}, without a place in space"
    axes.set_title(text, fontsize=9, color="#555555")


def _wall(axes: Axes, wall: Wall, height: float) -> None:
    """Where the plane cuts the transmitter's height: a line n·(p - point) = 0."""
    normal, point = np.array(wall.normal), np.mean([support(x) for x in wall.point_m], axis=1)
    across = normal[:2]
    if not across.any():  # a ceiling
        return
    size = float(across @ across)
    foot = point[:2] - across * normal[2] * (height - point[2]) / size
    axes.axline(
        (foot[0], foot[1]), (foot[0] - across[1], foot[1] + across[0]), c="#333333", lw=3, label="wall"
    )
