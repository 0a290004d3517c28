"""Study `gait`: the walking model against what walking is, and what a radio sees of a walker beside a point.

The model of `isacsim.targets.gait` against what walking must satisfy: steps as long as the torso moves meanwhile, and
a foot that stands still while it is on the ground. The figure shows a walker's skeleton, and the Doppler spectrogram
and the acceleration-jerk spectrum of one and the same motion as a walker and as a point.

Full size: 50 bodies at each of 8 speeds, and the pictures: 15 s on one core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isacsim import load_scenario
from isacsim.figures.body import draw_walker
from isacsim.figures.spectra import draw_aj, draw_doppler
from isacsim.scenario.model import Scenario
from isacsim.simulation.capture import simulate
from isacsim.spectrum.aj import aj_spectrum
from isacsim.spectrum.doppler import doppler_spectrogram
from isacsim.targets import gait
from isacsim.targets.trajectory import Pose
from isacsim.targets.walker import Walker

from .points import Compute, Point
from .study import Table, figure_of, opening

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "gait"
DESCRIPTION = (
    "the walking model: steps, feet, limb speeds; a walker's Doppler and AJ spectrum beside a point's (15 s)"
)

HEIGHTS = [1.5, 1.95]
HEIGHT = 1.75
EXAMPLE_SPEED = 1.4
# Height of the ankle over the floor, relative to the body's (Drillis and Contini 1966).
ANKLE = 0.039


def steady(height: float, speed: float, duration: float) -> Walker:
    """A walker of constant speed, whose right heel strikes at time 0."""

    def pose(time: Any) -> Pose:
        none = np.zeros(np.size(time))
        return Pose(none, none, none, none + speed)

    return Walker(height, 0.0, pose, np.linspace(-0.1, duration + 0.1, 64))


def one(height: float, speed: float) -> dict[str, float]:
    """Motion of the feet of one body at one speed."""
    hip_height = gait.HIP_HEIGHT * height
    cycle = 1 / float(gait.cycles_per_second(np.array(speed), hip_height))
    time = np.linspace(0, cycle, 2001)
    walker = steady(height, speed, cycle)
    at = walker.joint_positions(time, np.zeros_like(time))
    ankle, toe = at["right ankle"], at["right toe"]
    ahead = speed + np.gradient(ankle[0], time)
    part = time / cycle
    stance = ahead[(part > 0.1) & (part < 0.4)]
    relative = gait.effective_speed(np.array(speed), hip_height)
    return {
        "relative_speed": float(relative),
        "cycle_s": cycle,
        "stride_m": speed * cycle,
        "support": float(gait.support(relative)),
        "stance_mean_m_s": float(stance.mean()),
        "stance_rms_m_s": float(np.sqrt((stance**2).mean())),
        "ankle_peak_over_torso": float(ahead.max() / speed),
        "toe_peak_over_torso": float((speed + np.gradient(toe[0], time)).max() / speed),
        "hand_peak_over_torso": float((speed + np.gradient(at["right hand"][0], time)).max() / speed),
        "torso_rise_m": float(np.ptp(walker.torso(time)[2])),
    }


def point(trials: int, speed: float, seed: int) -> dict[str, dict[str, float]]:
    """Mean over bodies of drawn heights at one speed, and the standard deviation."""
    heights = np.random.default_rng(seed).uniform(HEIGHTS[0], HEIGHTS[1], trials)
    rows = [one(float(height), speed) for height in heights]
    mean = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    return {"mean": mean, "std": {name: float(np.std([row[name] for row in rows])) for name in mean}}


def run(*, quick: bool, seed: int, compute: Compute, trials: int | None = None) -> Table:
    """Do the study; see `validation.study.Study`."""
    speeds = [0.5, 1.4] if quick else [0.3, 0.5, 0.7, 0.9, 1.1, 1.4, 1.7, 2.0]
    trials = trials or (20 if quick else 50)
    settings = {
        "trials": trials,
        "heights_m": HEIGHTS,
        "speed_m_s": speeds,
        "example": {"height_m": HEIGHT, "speed_m_s": EXAMPLE_SPEED},
    }
    table = opening(NAME, quick=quick, seed=seed, settings=settings)
    same = {"trials": trials, "seed": seed}
    found = compute(table, [Point(f"{v:g} m/s", point, {"speed": v, **same}) for v in speeds])
    table["rows"] = [{"speed_m_s": v, **row} for v, row in zip(speeds, found, strict=True)]
    return table


def example(body: dict[str, Any]) -> Scenario:
    """Somebody who walks towards the antennas for four seconds, seen without noise or static part."""
    return Scenario.model_validate(
        {
            "name": "approach",
            "description": "one target walks towards the antennas",
            "motion_model": "exact",
            "radio": {
                **load_scenario("walker").radio.model_dump(
                    include={"carrier_hz", "bandwidth_hz", "packet_rate_hz"}
                ),
                "subcarriers": 64,
                "packets": 4096,
                "transmitter_m": [0, -0.3, 1.2],
                "receivers": [{"name": "rx", "position_m": [0, 0.3, 1.2]}],
            },
            "environment": {"kind": "none"},
            "impairments": {"noise": False},
            "targets": {
                "fixed": [
                    {
                        "amplitude": 1.0,
                        "body": body,
                        "motion": {
                            "kind": "trajectory",
                            "position_m": [5, 0, 1.18],
                            "speed_m_s": EXAMPLE_SPEED,
                            "heading_deg": 180,
                        },
                    }
                ]
            },
            # Of four seconds; the figure's spectrum is of one.
            "spectrum": {"lag_ratio": 0.01},
        }
    )


def figure(table: Table) -> Figure:
    """Draw the skeleton, the feet against speed, and the walker's and the point's pictures."""
    drawing = figure_of(
        table,
        (12, 9.5),
        f"Top: a walker of {HEIGHT} m at {EXAMPLE_SPEED:g} m/s over one cycle, seen from the right (left limbs blue, "
        "right ones red). Middle: the same walking towards the antennas, and a point that moves as the walker's torso "
        "does on average; four seconds, no noise. Bottom: AJ spectra of one second of it (circle: truth; steady: a "
        "walker whose torso does not sway), and what hands and feet do at every speed, mean over bodies of "
        f"{HEIGHTS[0]} to {HEIGHTS[1]} m.",
    )
    parts: Any = drawing.subfigures(3, 1, height_ratios=(2.2, 3, 3.3))
    top, middle, bottom = parts
    cycle = one(HEIGHT, EXAMPLE_SPEED)["cycle_s"]
    moments = np.linspace(0, cycle, 13)
    height = (0.5 * gait.LENGTHS["torso"] + gait.HIP_HEIGHT + ANKLE) * HEIGHT
    walker = steady(HEIGHT, EXAMPLE_SPEED, cycle)
    draw_walker(top.subplots(), walker, moments, height=np.full(moments.size, height), step=0.9)
    limbs = {"kind": "walker", "height_m": HEIGHT, "gait_phase": 0.0}
    bodies: dict[str, dict[str, Any]] = {
        "walker": {**limbs, "sway": True},
        "point": {"kind": "point"},
        "steady walker": limbs,
    }
    captures = {name: simulate(example(body), seed=table["seed"]) for name, body in bodies.items()}
    doppler = middle.subplots(1, 2, sharey=True)
    below = bottom.subplots(1, 4)
    for axis, name in zip(doppler, ("walker", "point"), strict=True):
        csi = captures[name].csi.isel(receiver=0)
        levels = draw_doppler(axis, doppler_spectrogram(csi, window_s=0.16, remove_static=False))
        axis.set_title(name, fontsize=10)
    doppler[0].set_ylim(-60, 340)
    middle.colorbar(levels, ax=list(doppler), label="dB below maximum")
    for axis, name in zip(below, ("walker", "steady walker", "point"), strict=False):
        spectrum = aj_spectrum(
            captures[name].csi.isel(receiver=0, packet=slice(1536, 2560)),
            acceleration=np.linspace(-12, 12, 97),
            jerk=np.linspace(-100, 100, 81),
            remove_static=False,
        )
        truth = captures[name][["acceleration", "jerk"]].isel(receiver=0, path=[0])
        draw_aj(axis, spectrum, truth=truth)
        axis.set_title(name, fontsize=10)
    speeds = [r["speed_m_s"] for r in table["rows"]]
    for key, label in (
        ("toe_peak_over_torso", "toe, fastest"),
        ("ankle_peak_over_torso", "ankle, fastest"),
        ("hand_peak_over_torso", "hand, fastest"),
    ):
        below[3].plot(speeds, [r["mean"][key] for r in table["rows"]], ".-", label=label)
    standing_still = [r["mean"]["stance_rms_m_s"] / r["speed_m_s"] for r in table["rows"]]
    below[3].plot(speeds, standing_still, "k.-", label="ankle on the ground, rms")
    below[3].set_xlabel("speed of the torso [m/s]")
    below[3].set_ylabel("forward speed / the torso's")
    below[3].set_ylim(0, None)
    below[3].legend(fontsize=7)
    below[3].grid(alpha=0.3)
    return drawing
