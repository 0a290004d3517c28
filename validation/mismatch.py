"""Study `mismatch`: what each broken assumption costs, and from where on.

One path at 20 dB in a static scene is estimated by `relax` (with the count unknown; its strongest path counts) and by
the highest point of the AJ spectrum (`peaks`). Six things go wrong, one at a time, more and more:

- geometry: a person walks at 1.5 m/s and 45° to a link of 3 m, the path length exact instead of cubic; ever closer.
- snap: the path has a fourth derivative.
- jitter: packets come late or early, and the receiver stamps them evenly. With true stamps (`stamped`) `relax` has no
  trouble.
- loss: packets get lost; `peaks` needs even packets, so the CSI is interpolated (`resample`).
- phase: what a conditioning leaves of carrier offset and phase noise, a random walk common to all subcarriers.
- quantisation: few bits, full scale at the capture's largest part.

"Breaks" is the first level from which upwards the rmse of acceleration or jerk exceeds √2 of its value at no
mismatch.

Full size: 15 trials at each of 50 levels: about 8 minutes on one core. They are the same captures at every level of a
kind but for what goes wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.constants import c as SPEED_OF_LIGHT

from isacsim.channel.impairments import quantise
from isacsim.channel.paths import simulate_path_lengths
from isacsim.conditioning.conditioning import resample
from isacsim.errors import InputError
from isacsim.estimation.bounds import cramer_rao_bound
from isacsim.estimation.relax.algorithm import relax
from isacsim.targets.kinematics import PolynomialMotion, path_kinematics, path_length_exact

from .captures import STATES, axes, draw_paths, noise, static_part
from .peak import highest_point
from .points import Compute, Point
from .study import Table, figure_of, opening, rms

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "mismatch"
DESCRIPTION = (
    "exact geometry, quartic motion, jitter, loss, phase residue, quantisation: where each breaks (8 min)"
)

SNR_DB, SUBCARRIERS, PACKETS = 20.0, 16, 1024
# Each from harmless to hopeless; the first level is no mismatch at all.
LEVELS: dict[str, tuple[float, ...]] = {
    "geometry": (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5),
    "snap": (0.0, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0),
    "jitter": (0.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0),
    "stamped": (0.0, 100.0, 200.0),
    "loss": (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95),
    "phase": (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
    "quantisation": (16.0, 8.0, 6.0, 5.0, 4.0, 3.0, 2.0),
}
_QUICK: dict[str, tuple[float, ...]] = {
    "geometry": (0.0, 0.7),
    "snap": (0.0, 300.0),
    "jitter": (0.0, 10000.0),
    "stamped": (0.0, 200.0),
    "loss": (0.0, 0.5),
    "phase": (0.0, 3.0),
    "quantisation": (16.0, 3.0),
}
LABELS = {
    "geometry": "1 / distance from the direct line at the centre [1/m]",
    "snap": "fourth derivative of the path length [m/s⁴]",
    "jitter": "timing error of the packets, not stamped [µs]",
    "stamped": "the same, stamped [µs]",
    "loss": "share of packets lost",
    "phase": "phase random walk [rad/√s]",
    "quantisation": "bits",
}


class Case(NamedTuple):
    """One capture with something wrong."""

    csi: NDArray[np.complex64]
    stamps: NDArray[np.float64]
    """s; when the receiver says they came."""
    frequency: NDArray[np.float64]
    truth: dict[str, NDArray[np.float64]]
    model_error: float
    """Largest difference from the cubic within the window, wavelengths."""


def _walk_past(
    rng: np.random.Generator, distance: float, time: NDArray
) -> tuple[NDArray, dict[str, NDArray]]:
    """Exact length over time, and kinematics at the centre, of a walk past a link of 3 m."""
    transmitter, receiver = (0.0, 0.0, 0.0), (3.0, 0.0, 0.0)
    where = (1.5 + float(rng.uniform(-0.5, 0.5)), distance, 0.0)
    # At 45° to the link: along it the path would stand still at the closest point, and the static part be the question.
    along, across = (1.5 / np.sqrt(2) * sign for sign in rng.choice([-1, 1], 2))
    motion = PolynomialMotion(where, (float(along), float(across), 0.0))
    state = path_kinematics(motion, transmitter, receiver)
    exact = path_length_exact(motion, transmitter, receiver, time)
    return exact, {name: np.array([getattr(state, name)]) for name in STATES}


def case(rng: np.random.Generator, kind: str, level: float) -> Case:
    """Draw one capture with one thing wrong by so much (units in `LABELS`)."""
    nominal, f = axes(SUBCARRIERS, PACKETS)
    nominal = nominal - (nominal[0] + nominal[-1]) / 2
    truth = draw_paths(rng, 1, spread=0.0)
    # Away from zero Doppler, where the static part would be the question.
    truth["velocity"] = np.sign(truth["velocity"]) * (1.5 + np.abs(truth["velocity"]) / 2)
    time = stamps = nominal
    if kind in ("jitter", "stamped"):
        # First and last packet are on time, so that the window's centre stays put.
        late = rng.normal(size=PACKETS - 2)
        time = nominal + 1e-6 * level * np.concatenate([[0.0], late, [0.0]])
        if kind == "stamped":
            time = stamps = np.sort(time)
    elif kind == "loss":
        received = rng.random(PACKETS) >= level
        # The window's ends stay, so that its centre does.
        received[[0, -1]] = True
        time = stamps = nominal[received]
    d0, v, a, r = (truth[name][0] for name in STATES)
    length = d0 + time * (v + time * (a / 2 + time * r / 6))
    model_error = 0.0
    if kind == "snap":
        length = length + level * time**4 / 24
    if kind == "geometry":
        length, kinematics = _walk_past(rng, 1 / (level or 0.1), time)
        truth |= kinematics
        d0, v, a, r = (truth[name][0] for name in STATES)
    if kind in ("geometry", "snap"):
        cubic = d0 + time * (v + time * (a / 2 + time * r / 6))
        if level == 0:
            length = cubic
        model_error = float(np.abs(length - cubic).max() * f.mean() / SPEED_OF_LIGHT)
    h = simulate_path_lengths(length, f, amplitude=truth["amplitude"], phase=truth["phase"])
    h = h + static_part(rng, f, 20.0)
    if kind == "phase":
        steps = np.sqrt(np.diff(time, prepend=time[0])) * rng.normal(size=time.size)
        h = h * np.exp(1j * level * np.cumsum(steps))
    h = (h + noise(rng, h.shape, SNR_DB)).astype(np.complex64)
    if kind == "quantisation":
        quantise(h, int(level), 0.0)
    return Case(h, stamps, f, truth, model_error)


def _even(one: Case) -> tuple[NDArray, NDArray]:
    """CSI at even packets, interpolated where the stamps are not."""
    step = np.diff(one.stamps)
    if np.ptp(step) < 1e-9:
        return one.csi, one.stamps
    array = xr.DataArray(
        one.csi,
        dims=("subcarrier", "packet"),
        coords={"time": ("packet", one.stamps), "frequency": ("subcarrier", one.frequency)},
    )
    even = resample(array, PACKETS)
    return even.values, even.coords["time"].values


def point(trials: int, kind: str, level: float, seed: int, max_paths: int = 5) -> dict[str, Any]:
    """Error over bound of both estimators at one level, and what `relax` makes of the count."""
    scaled = {method: np.full((trials, 2), np.nan) for method in ("relax", "peaks")}
    paths, model_error = [], []
    for i in range(trials):
        one = case(np.random.default_rng([seed, i]), kind, level)
        bound = cramer_rao_bound(one.stamps, one.frequency, snr_db=SNR_DB, paths=one.truth)
        found = relax(one.csi, one.stamps, one.frequency, max_paths=max_paths)
        try:
            high = highest_point(*_even(one), one.frequency)
        except InputError:  # a gap too long to interpolate
            high = 0.0, 0.0
        paths.append(int(found.sizes["path"]))
        model_error.append(one.model_error)
        for j, name in enumerate(("acceleration", "jerk")):
            sigma, true = bound[f"std_{name}"].values[0], one.truth[name][0]
            scaled["peaks"][i, j] = (high[j] - true) / sigma
            # A path that is not found counts as one without acceleration and jerk.
            value = found[name].values[0] if paths[-1] else 0.0
            scaled["relax"][i, j] = (value - true) / sigma
    out: dict[str, Any] = {
        "kind": kind,
        "level": level,
        "model_error_wavelengths": float(np.mean(model_error)),
        "paths_found_mean": float(np.mean(paths)),
        "one_path_found": float(np.mean(np.array(paths) == 1)),
    }
    for method, e in scaled.items():
        out[method] = {name: rms(e[:, j]) for j, name in enumerate(("acceleration", "jerk"))}
    return out


def run(*, quick: bool, seed: int, compute: Compute, trials: int | None = None) -> Table:
    """Do the study; see `validation.study.Study`."""
    levels = _QUICK if quick else LEVELS
    most = 2 if quick else 5
    trials = trials or (3 if quick else 15)
    table = opening(
        NAME,
        quick=quick,
        seed=seed,
        settings={
            "trials": trials,
            "snr_db": SNR_DB,
            "subcarriers": SUBCARRIERS,
            "packets": PACKETS,
            "max_paths": most,
            "levels": {kind: list(values) for kind, values in levels.items()},
        },
    )
    same = {"trials": trials, "seed": seed, "max_paths": most}
    table["rows"] = compute(
        table,
        [
            Point(f"{kind}, {level:g}", point, {"kind": kind, "level": level, **same})
            for kind, values in levels.items()
            for level in values
        ],
    )
    table["breaks_at"] = {}
    for kind in levels:
        rows = [row for row in table["rows"] if row["kind"] == kind]
        table["breaks_at"][kind] = {method: _breaks(rows, method) for method in ("relax", "peaks")}
    return table


def _breaks(rows: list[dict[str, Any]], method: str) -> float | None:
    """First level from which on an rmse exceeds √2 of its value at the first level; None if there is none."""
    start, worst = rows[0][method], None
    for row in reversed(rows[1:]):
        grown = max(row[method][name]["rms"] / start[name]["rms"] for name in ("acceleration", "jerk"))
        if grown <= np.sqrt(2):
            break
        worst = float(row["level"])
    return worst


def figure(table: Table) -> Figure:
    """Draw rmse over bound against the level of each mismatch."""
    settings = table["settings"]
    drawing = figure_of(
        table,
        (14, 7.2),
        f"One path at {settings['snr_db']:g} dB, {settings['subcarriers']} subcarriers over 80 MHz, "
        f"{settings['packets']} packets at "
        "1 kHz, static part 20 dB above. Error over the bound that holds without the mismatch, rms (lines) and median "
        "(thin). Vertical: from here on one of the two exceeds √2 of its value at no mismatch (the leftmost point). "
        "Grey: mean number of paths relax finds, right-hand axis.",
    )
    kinds = list(settings["levels"])
    panels = drawing.subplots(2, -(-len(kinds) // 2), squeeze=False)
    for axis, kind in zip(panels.flat, kinds, strict=False):
        rows = [row for row in table["rows"] if row["kind"] == kind]
        x = np.arange(len(rows))
        for n, method in enumerate(("relax", "peaks")):
            for name, style in (("acceleration", "-"), ("jerk", "--")):
                value = [row[method][name]["rms"] for row in rows]
                median = [row[method][name]["median"] for row in rows]
                axis.plot(x, value, "." + style, color=f"C{n}", lw=1.3, label=f"{method}, {name}")
                axis.plot(x, median, style, color=f"C{n}", lw=0.5)
            broken = table["breaks_at"][kind][method]
            if broken is not None:
                at = next(i for i, row in enumerate(rows) if row["level"] == broken)
                axis.axvline(at - 0.05 + 0.1 * n, color=f"C{n}", ls=":", lw=1)
        axis.set_yscale("log")
        low, high = axis.get_ylim()
        axis.set_ylim(min(low, 0.2), max(high, 20))
        labels = [f"{row['level']:g}" for row in rows]
        axis.set_xticks(x, labels, fontsize=7)
        axis.set_title(kind, fontsize=10)
        axis.set_xlabel(LABELS[kind], fontsize=9)
        axis.grid(alpha=0.3)
        count = axis.twinx()
        count.plot(x, [row["paths_found_mean"] for row in rows], color="#999999", lw=1)
        count.set_ylim(0, 5.2)
        count.tick_params(labelsize=7, colors="#999999")
    for row in panels:
        row[0].set_ylabel("error / bound")
    for empty in list(panels.flat)[len(kinds) :]:
        empty.axis("off")
        empty.legend(*panels[0][0].get_legend_handles_labels(), loc="center", fontsize=9)
    return drawing
