"""Study `mirror`: the mirror image that one antenna leaves, by several ways to take a packet's phase out.

Simulated: a path of amplitude 1 at 1 m/s on a static channel (Rayleigh, 50 ns, 20 dB above it). There are 64
subcarriers and 500 packets/s for one second. Every packet has a phase of its own and 15 ns of timing jitter, with
noise 20 dB below the path. Printed: what is left of the path's amplitude, and its image at the negative speed, rms
over subcarriers; and for ``reference="array"`` the same at 1, 4 and 16 pairs.

With ``--data FOLDER`` (WiVelo, users 1 and 8; every sixth walk): each antenna alone, windows of 0.25 s in which a
person walks faster than 0.4 m/s along the path. It gives the share of right signs of the strongest speed outside the
static bin. It also gives the median energy at the negative of the true speed over that at the true speed. Full size:
3 minutes on one core, without data one.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.constants import speed_of_light

import isacsim
from isacsim.capture.packets import CaptureWarning
from isacsim.conditioning.array_reference import align_arrays
from isacsim.conditioning.pace import packet_pace
from isacsim.conditioning.static_channel import Moving
from isacsim.tracking.energy import Kernel
from isacsim.tracking.recording import window_count
from isacsim.tracking.settings import TrackSettings

from .mirror_methods import METHODS, Complex, Real
from .points import Compute, Point
from .study import Table, figure_of, opening, share
from .wivelo import CARRIER, Walk, path_speed, walking, walks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DESCRIPTION", "NAME", "figure", "point", "run", "simulated", "walked"]

NAME = "mirror"
DESCRIPTION = (
    "one antenna's mirror image by several references; arrays of 1, 4, 16 pairs; --data: walkers (3 min)"
)
BANDWIDTHS = (20e6, 40e6, 80e6)
PAIRS = (1, 4, 16)

_CARRIER, _RATE, _PACKETS, _SUBCARRIERS = 5.5e9, 500.0, 512, 64
_SPREAD_S, _STATIC_DB, _NOISE_DB, _JITTER_S, _SPEED, _LENGTH = 50e-9, 20.0, -20.0, 15e-9, 1.0, 9.0
_FAST = 0.4
_EVERY = 6


def simulated(rng: np.random.Generator, bandwidth: float, pairs: int) -> tuple[Complex, Real, Real]:
    """CSI (pair, subcarrier, packet) with a packet's errors, frequencies (subcarrier,) and times (packet,)."""
    offset = (np.arange(_SUBCARRIERS) / _SUBCARRIERS - 0.5) * bandwidth
    time = np.arange(_PACKETS) / _RATE
    delay = np.linspace(0, 6 * _SPREAD_S, 121)
    taps = rng.standard_normal((pairs, delay.size, 2)) @ [1, 1j] * np.exp(-delay / 2 / _SPREAD_S)
    static = taps @ np.exp(-2j * np.pi * np.outer(delay, offset))
    static *= 10 ** (_STATIC_DB / 20) / np.sqrt((np.abs(static) ** 2).mean())
    f = (_CARRIER + offset)[:, np.newaxis]
    path = np.exp(-2j * np.pi * f * (_LENGTH + _SPEED * time) / speed_of_light)
    csi = static[..., np.newaxis] + path * np.exp(2j * np.pi * rng.random((pairs, 1, 1)))
    csi += 10 ** (_NOISE_DB / 20) * rng.standard_normal((*csi.shape, 2)) @ [1, 1j] / np.sqrt(2)
    jitter = _JITTER_S * rng.standard_normal(_PACKETS)
    csi *= np.exp(2j * np.pi * (rng.random(_PACKETS) - offset[:, np.newaxis] * jitter))
    return csi, f[:, 0], time


def _path_and_image(moving: Complex, frequency: Real, time: Real) -> tuple[float, float]:
    """Rms amplitude at the path's speed and at its negative; CSI (..., subcarrier, packet)."""
    window = np.hanning(time.size + 2)[1:-1]
    turn = np.exp(2j * np.pi * np.outer(frequency, time) * _SPEED / speed_of_light)
    still = moving - (moving * window).sum(axis=-1, keepdims=True) / window.sum()
    found = [(still * window * t).sum(axis=-1) / window.sum() for t in (turn, turn.conj())]
    path, image = (float(np.sqrt((np.abs(a) ** 2).mean())) for a in found)
    return path, image


def point(bandwidth: float, pairs: int, trials: int, seed: int) -> dict[str, Any]:
    """Path and image by each method; of several pairs by their static channel together."""
    rng = np.random.default_rng([seed, int(bandwidth / 1e6), pairs])
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in range(trials):
        csi, frequency, time = simulated(rng, bandwidth, pairs)
        size = float(np.sqrt((np.abs(csi) ** 2).mean()))
        made = align_arrays(csi[np.newaxis].astype(np.complex64), frequency)[0]
        found.setdefault("array", []).append(_path_and_image(made, frequency, time))
        for name, method in METHODS.items() if pairs == 1 else ():
            moving, rms = method(csi[0], frequency)
            found.setdefault(name, []).append(_path_and_image(moving * (size / rms), frequency, time))
    rows = {}
    for name, values in found.items():
        path, image = np.array(values).T
        rows[name] = {
            "path": float(np.median(path)),
            "image": float(np.median(image)),
            "image_over_path": float(np.median(image / path)),
            "quartiles": [float(q) for q in np.quantile(image / path, (0.25, 0.75))],
        }
    return {"bandwidth": bandwidth, "pairs": pairs, "rows": rows}


def walked(walk: Walk) -> dict[str, Any]:
    """Each antenna of a walk alone: rows of (sign right, energy at the negative over the true speed) by method."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CaptureWarning)
        captures = [isacsim.read_capture(str(path), carrier=CARRIER) for path in walk.files]
    begin, end = walking(captures)
    rows: dict[str, list[list[float]]] = {name: [] for name in METHODS}
    for receiver, capture in enumerate(captures, 1):
        time, frequency = capture["time"].values, capture["frequency"].values
        settings = TrackSettings.of(
            packet_pace(time), frequency, window_s=None, hop_s=None, max_targets=1, max_speed=None,
            false_alarm=1e-3, phase_sign=int(capture.attrs["phase_sign"]),
        )  # fmt: skip
        kernel, count = Kernel(settings), window_count(time, settings)
        for antenna in capture["csi"].values:
            for name, method in METHODS.items():
                rows[name] += _windows(
                    method(antenna, frequency)[0], time, kernel, count, walk, receiver, (begin, end)
                )
    return {"rows": rows}


def _windows(
    moving: Complex,
    time: Real,
    kernel: Kernel,
    count: int,
    walk: Walk,
    receiver: int,
    when: tuple[float, float],
) -> list[list[float]]:
    values = (moving - moving.mean(axis=1, keepdims=True)).T.astype(np.complex64)
    packets = Moving(values, np.abs(values), np.ones(time.size, bool))
    speed = kernel.settings.velocity
    outside = kernel.settings.moving
    rows = []
    for n in range(count):
        window = kernel.window(packets, time, n, float(time[0]))
        true = float(path_speed(walk, receiver, np.array([window.time]), *when)[0])
        if not (window.known and abs(true) > _FAST and abs(true) < speed[-1]):
            continue
        strongest = speed[np.where(outside, window.energy, -1).argmax()]
        there, mirrored = np.interp([true, -true], speed, window.energy)
        rows.append([float(np.sign(strongest) == np.sign(true)), float(mirrored / max(there, 1e-30))])
    return rows


def run(
    *,
    quick: bool,
    seed: int,
    compute: Compute,
    trials: int | None = None,
    data: Path | None = None,
    held_out: bool | None = None,
) -> Table:
    """Do the study; see `validation.study.Study`."""
    from isacsim.errors import InputError

    if held_out:
        raise InputError("mirror compares methods, on the development part only.")
    trials = trials or (4 if quick else 40)
    table = opening(NAME, quick=quick, seed=seed, settings={"trials": trials, "walkers": data is not None})
    points = [
        Point(
            f"{b / 1e6:.0f} MHz, {p} pairs",
            point,
            {"bandwidth": b, "pairs": p, "trials": trials, "seed": seed},
        )
        for b in BANDWIDTHS
        for p in PAIRS
    ]
    found = [] if data is None else walks(Path(data), (1, 8))[:: 48 if quick else _EVERY]
    done = compute(
        table, points + [Point(f"user {w.user}, track {w.track}", walked, {"walk": w}) for w in found]
    )
    table["rows"] = done[: len(points)]
    table["walkers"] = _walkers(done[len(points) :])
    return table


def _walkers(done: list[dict[str, Any]]) -> dict[str, Any]:
    made = {}
    for name in METHODS if done else ():
        rows: NDArray[np.float64] = np.array([row for walk in done for row in walk["rows"][name]])
        made[name] = {
            "sign": share(int(rows[:, 0].sum()), len(rows)),
            "mirror": float(np.median(rows[:, 1])),
        }
    return made


def figure(table: Table) -> Figure:
    """Draw the image over the path for each method and bandwidth, and over pairs."""
    text = "Image at the negative speed over the path, medians: one antenna by method, arrays by their number of pairs."
    drawn = figure_of(table, (7.5, 3.4), text)
    left, right = drawn.subplots(1, 2, sharey=True)
    for name in METHODS:
        ones = [row for row in table["rows"] if row["pairs"] == 1]
        left.plot(
            [row["bandwidth"] / 1e6 for row in ones],
            [row["rows"][name]["image_over_path"] for row in ones],
            "o-",
            label=name,
        )
    left.set_xlabel("bandwidth [MHz]")
    left.set_ylabel("image / path")
    left.legend(fontsize=7)
    for bandwidth in BANDWIDTHS:
        rows = [row for row in table["rows"] if row["bandwidth"] == bandwidth]
        right.loglog(
            [row["pairs"] for row in rows],
            [row["rows"]["array"]["image_over_path"] for row in rows],
            "o-",
            label=f"{bandwidth / 1e6:.0f} MHz",
        )
    right.set_xlabel("pairs")
    right.legend(fontsize=7)
    return drawn
