"""Study `retrace`: how long a ray-traced echo may be continued by its Doppler alone, how long by a cubic.

A point moves through the room of `lab_rt`, straight on or turning by 90 degrees within a second. Sionna traces its
echo anew at every packet (`validation.witness`). Three models are compared with it. They are the path length of
isacsim's exact geometry, the cubic with the ground truth of the window's centre, and Sionna's own continuation in
time. The last keeps the delay of the centre's solve and turns its phase by the Doppler shift.

Full size: 6 places at each of 9 speeds, straight and turning: 3 minutes on one core.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray
from scipy.constants import speed_of_light

from isacsim import load_scenario
from isacsim.channel.paths import simulate_path_lengths
from isacsim.scenario.environments import RayTraced
from isacsim.scenario.model import Scenario
from isacsim.scenario.motions import Phases, Trajectory
from isacsim.spectrum.grid import WindowResolution
from isacsim.targets.bounces import bounces_of
from isacsim.targets.kinematics import path_kinematics, path_length_cubic, path_length_exact, realise_motion
from isacsim.targets.trajectory import SpaceMotion

from .peak import point_near
from .points import Compute, Point
from .retrace_figure import figure
from .study import Table, opening
from .witness import Witness

__all__ = ["DESCRIPTION", "NAME", "figure", "run"]

Real = NDArray[np.float64]

NAME = "retrace"
DESCRIPTION = (
    "ray tracing anew at every packet against exact geometry, cubic and Doppler alone (3 min; needs LLVM)"
)

RATE = 500.0
HEIGHT = 1.2
# Free of furniture at that height; the antennas of lab_rt lie outside, at y = 0.2 m.
FREE_M = ((0.4, 5.4), (0.9, 7.7))
NEAREST_M = 1.0
TURN_DEG, TURN_S = 90.0, 1.0
# Tolerated phase error in wavelengths: an eighth of a turn costs 3 dB of what is summed against it at the most.
TOLERATED = 0.125
# The traced lengths within ±0.2 s give v, a, r by a polynomial of this degree.
FIT_S, FIT_DEGREE = 0.2, 6
BOUNCE_INSTANTS = 41
MOTIONS = ("straight", "turn")
MODELS = ("exact", "cubic", "doppler")


@lru_cache(maxsize=1)
def room() -> Scenario:
    """Where everything happens."""
    return load_scenario("lab_rt")


def placed(motion: str, speed: float, duration: float, rng: np.random.Generator) -> SpaceMotion:
    """Draw a motion that stays in the free part of the room for a while about the window's centre."""
    radio = room().radio
    antennas = np.array([radio.transmitter_m, radio.receivers[0].position_m])
    moments = np.linspace(-duration / 2, duration / 2, 33)
    while True:
        x, y = (float(rng.uniform(*side)) for side in FREE_M)
        position, heading = (x, y, HEIGHT), float(rng.uniform(0, 360))
        config: Trajectory | Phases
        if motion == "straight":
            config = Trajectory(kind="trajectory", position_m=position, speed_m_s=speed, heading_deg=heading)
        else:
            turn = {"kind": "turn", "duration_s": TURN_S, "angle_deg": float(rng.choice([-1, 1])) * TURN_DEG}
            config = Phases.model_validate(
                {
                    "kind": "phases",
                    "position_m": position,
                    "heading_deg": heading,
                    "speed_m_s": speed,
                    "start_s": -TURN_S / 2,
                    "phases": [turn],
                }
            )
        walk = realise_motion(config)
        track = walk.state(moments).position  # type: ignore[union-attr]
        inside = all(((a < track[:, i]) & (track[:, i] < b)).all() for i, (a, b) in enumerate(FREE_M))
        away = np.linalg.norm(track[:, np.newaxis] - antennas, axis=-1).min() > NEAREST_M
        if inside and away:
            return walk  # type: ignore[return-value]


def correlation(a: NDArray, b: NDArray) -> float:
    """Magnitude of the correlation of two complex arrays."""
    a, b = (np.asarray(x, np.complex128) for x in (a, b))
    return float(np.abs(np.vdot(a, b)) / np.sqrt(np.vdot(a, a).real * np.vdot(b, b).real))


def one(witness: Witness, motion: SpaceMotion, windows: list[float], frequency: Real) -> dict[str, Any]:
    """All models against the witness, for one motion."""
    radio = room().radio
    ends = radio.transmitter_m, radio.receivers[0].position_m
    wavelength = speed_of_light / radio.carrier_hz
    half = int(np.ceil(max(windows) * RATE / 2))
    time = np.arange(-half, half + 1) / RATE
    traced, coefficient = witness.direct(motion.state(time).position)
    centre = motion.state(0.0)
    shift = witness.trace(centre.position, centre.velocity[0]).doppler_hz[0]
    truth = path_kinematics(motion, *ends)
    models = {
        "exact": path_length_exact(motion, *ends, time),
        "cubic": path_length_cubic(motion, *ends, time),
        "doppler": traced[half] - wavelength * shift * time,
    }
    near = np.abs(time) <= FIT_S
    fit = Polynomial.fit(time[near], traced[near], FIT_DEGREE)
    rows = []
    for window in windows:
        n = round(window * RATE / 2)
        cut = slice(half - n, half + n + 1)
        t = time[cut]
        grid = WindowResolution(t.size, 1 / RATE, radio.carrier_hz, 0.089)
        cells = grid.resolution()
        seen = coefficient[cut] * np.exp(-2j * np.pi / speed_of_light * np.outer(frequency, traced[cut]))
        row: dict[str, Any] = {"window_s": window, "cell": cells}
        for name, length in models.items():
            simulated = simulate_path_lengths(length[cut], frequency, amplitude=[1.0], phase=[0.0])
            row[name] = {
                "wavelengths": float(np.abs(length[cut] - traced[cut]).max() / wavelength),
                "correlation": correlation(simulated, seen / np.abs(seen)),
                "correlation_with_amplitude": correlation(simulated, seen),
            }
        # Without acceleration or jerk a series peaks at zero: what Doppler alone misses is all there is.
        traced_peak = point_near(seen / np.abs(seen).mean(), t, frequency, truth.acceleration, truth.jerk)
        peaks = {"doppler": (0.0, 0.0), "traced": traced_peak}
        row["peak_off_cells"] = {
            name: (abs(a - truth.acceleration) / cells[0], abs(r - truth.jerk) / cells[1])
            for name, (a, r) in peaks.items()
        }
        rows.append(row)
    return {
        "length_error_m": float(np.abs(models["exact"] - traced).max()),
        "kinematics_error": [float(abs(fit.deriv(k)(0.0) - truth[k])) for k in (1, 2, 3)],
        "acceleration": truth.acceleration,
        "jerk": truth.jerk,
        "windows": rows,
    }


def point(
    motion: str, speed: float, windows: list[float], frequency: list[float], trials: int, seed: list[int]
) -> dict[str, Any]:
    """Places of one motion at one speed."""
    witness = Witness(room())
    rng = np.random.default_rng(seed)
    longest = max(windows) + 2 / RATE
    retraced = [
        one(witness, placed(motion, speed, longest, rng), windows, np.array(frequency)) for _ in range(trials)
    ]

    def spread(values: list[float]) -> dict[str, float]:
        return {"median": float(np.median(values)), "least": float(min(values)), "most": float(max(values))}

    rows = []
    for i, window in enumerate(windows):
        each = [m["windows"][i] for m in retraced]
        rows.append(
            {
                "window_s": window,
                "cell": each[0]["cell"],
                **{
                    name: {key: spread([e[name][key] for e in each]) for key in each[0][name]}
                    for name in MODELS
                },
                "peak_off_cells": {
                    name: [spread([e["peak_off_cells"][name][k] for e in each]) for k in (0, 1)]
                    for name in each[0]["peak_off_cells"]
                },
            }
        )
    return {
        "length_error_m": max(m["length_error_m"] for m in retraced),
        "kinematics_error": [spread([m["kinematics_error"][k] for m in retraced]) for k in range(3)],
        "windows": rows,
    }


def over_walls(seed: list[int]) -> dict[str, Any]:
    """Our bounces over one wall against all that the tracer finds in the furnished room, on a straight walk."""
    witness, radio = Witness(room()), room().radio
    ends = radio.transmitter_m, radio.receivers[0].position_m
    time = np.linspace(-0.5, 0.5, BOUNCE_INSTANTS)
    motion = placed("straight", 1.0, 1.1, np.random.default_rng(seed))
    environment = room().environment
    assert isinstance(environment, RayTraced)
    ours = bounces_of(motion, environment, radio)
    length = np.array([path_length_exact(b.motion, *ends, time) for b in ours])
    traced = witness.trace(motion.state(time).position, reflections=1)
    once = traced.reflections == 1
    off = np.abs(length[:, traced.instant[once]] - traced.length[once])
    found = off.min(axis=0) < 1e-3
    return {
        "instants": time.size,
        "ours": int(length.size),
        "traced": int(once.sum()),
        "traced_and_ours": int(found.sum()),
        "length_error_m": float(off.min(axis=0)[found].max()),
    }


def run(*, quick: bool, seed: int, compute: Compute, trials: int | None = None) -> Table:
    """Do the study; see `validation.study.Study`."""
    speeds = [0.5, 2.0] if quick else [0.3, 0.4, 0.53, 0.71, 0.95, 1.26, 1.68, 2.24, 3.0]
    windows = [0.128, 0.512, 1.0] if quick else [0.128, 0.18, 0.256, 0.362, 0.512, 0.724, 1.0, 1.448, 2.0]
    trials = trials or (2 if quick else 6)
    carrier = room().radio.carrier_hz
    frequency = [carrier + step * 5e6 for step in (-1.5, -0.5, 0.5, 1.5)]
    settings = {
        "trials": trials,
        "speed_m_s": speeds,
        "windows_s": windows,
        "packet_rate_hz": RATE,
        "frequency_hz": frequency,
        "motions": list(MOTIONS),
        "turn": {"deg": TURN_DEG, "s": TURN_S},
        "tolerated_wavelengths": TOLERATED,
        "fit": {"s": FIT_S, "degree": FIT_DEGREE},
    }
    table = opening(NAME, quick=quick, seed=seed, settings=settings)
    cases = [(motion, speed) for motion in MOTIONS for speed in speeds]
    same = {"windows": windows, "frequency": frequency, "trials": trials}
    points = [
        Point(f"{m}, {v:g} m/s", point, {"motion": m, "speed": v, "seed": [seed, n], **same})
        for n, (m, v) in enumerate(cases)
    ]
    # The solver for reflections is another one to compile: not in the short form.
    walls = [] if quick else [Point("walls", over_walls, {"seed": [seed, len(cases)]})]
    found = compute(table, [*points, *walls])
    if walls:
        table["bounces"] = found.pop()
    table["rows"] = [{"motion": m, "speed_m_s": v, **row} for (m, v), row in zip(cases, found, strict=True)]
    table["length_error_m"] = max(row["length_error_m"] for row in found)
    table["longest_window_s"] = [
        {"motion": row["motion"], "speed_m_s": row["speed_m_s"], **{m: longest(row, m) for m in MODELS}}
        for row in table["rows"]
    ]
    return table


def longest(row: dict[str, Any], model: str) -> float | None:
    """Longest window in which a model's median phase error is tolerated; None: longer than the longest studied."""
    window = np.array([w["window_s"] for w in row["windows"]])
    error = np.array([w[model]["wavelengths"]["median"] for w in row["windows"]])
    above = np.flatnonzero(error > TOLERATED)
    if above.size == 0:
        return None
    i = max(int(above[0]), 1)
    # A straight line in logarithms, through the first window above and the one before.
    slope = np.log(error[i] / error[i - 1]) / np.log(window[i] / window[i - 1])
    return float(window[i] * (TOLERATED / error[i]) ** (1 / slope))
