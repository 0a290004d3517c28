"""Judging of the path posterior that comes with dira: ``python -m dira.pretraining.solver_judging``.

On captures of a seed that no stream has: all of each capture, half of its packets, one antenna of four. Calibration of
what is drawn, and its sharpness beside the Cramér-Rao bound, `isacsim.estimate_paths` and `dira.PathDetector`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
import xarray as xr
from numpy.typing import NDArray

import isacsim
from dira.data.path_stream import simulated_window, truth_of
from dira.data.path_windows import Described, describe, together
from dira.metrics.calibration import coverage, quantities, ranks, uniformity
from dira.models.detector import PathDetector
from dira.models.path_posterior import PathPosterior
from dira.models.path_sets import sets_of
from dira.pretraining.solver import problem
from isacsim.compute.provenance import machine
from isacsim.dataset.synthetic.thinned import thinned
from isacsim.estimation.bounds import cramer_rao_bound
from isacsim.files import read_json, strict_json, written_whole
from isacsim.scenario.model import Scenario
from isacsim.schema import CAPTURE, described
from isacsim.terminal import sample_progress

__all__ = ["VIEWS", "judge_solver", "others", "prepared"]

# A data set's seed, below 2^53, so no stream's.
TEST_SEED = 34_000_000
DRAWS = 64
_CHUNK = 50
VIEWS = ("whole", "half of the packets", "one antenna of four")
_AXES = ("acceleration", "jerk")
_WAYS = ("Cramér-Rao", "estimate_paths", "detector", "posterior")
_COLUMNS = ("std_acceleration", "std_jerk", "error_acceleration", "error_jerk")


class _Captures(NamedTuple):
    """Held-out captures and what is known of them, over captures."""

    views: list[Described]
    """One of each of `VIEWS`."""
    paths: NDArray[np.float64]
    static: NDArray[np.float64]
    snr_db: NDArray[np.float64]
    csi: NDArray[np.complex64]


def prepared(scenario: Scenario, work: Path, captures: int) -> _Captures:
    """Simulate and describe held-out captures; chunks of them are kept in a folder."""
    parts: list[list[NDArray[Any]]] = []
    with sample_progress("captures", unit="captures") as tell:
        for first in range(0, captures, _CHUNK):
            file = work / f"captures-{first:06d}.npz"
            if not file.exists():
                made = _described(scenario, range(first, first + _CHUNK))
                file.parent.mkdir(parents=True, exist_ok=True)
                with written_whole(file) as new, new.open("wb") as opened:
                    arrays: dict[str, Any] = {f"{k}": part for k, part in enumerate(made)}
                    np.savez(opened, **arrays)
            with np.load(file, allow_pickle=False) as opened:
                parts.append([opened[f"{k}"] for k in range(len(opened.files))])
            tell(min(first + _CHUNK, captures), captures)
    whole = [np.concatenate(some)[:captures] for some in zip(*parts, strict=True)]
    n = len(Described._fields)
    views = [Described(*whole[k * n : (k + 1) * n]) for k in range(len(VIEWS))]
    return _Captures(views, *whole[len(VIEWS) * n :])


def _described(scenario: Scenario, indices: range) -> list[NDArray[Any]]:
    radio = scenario.radio
    views: list[list[Described]] = [[] for _ in VIEWS]
    rest: list[tuple[Any, ...]] = []
    for index in indices:
        drawn, csi, _, power = simulated_window(scenario, TEST_SEED, index)
        truth = truth_of(drawn, 5)
        packets = csi.shape[-1]
        lost = np.random.default_rng([TEST_SEED, 5, index]).permutation(packets) < packets // 2
        seen = (csi, np.where(lost, np.complex64(np.nan), csi), csi[:1])
        for k, one in enumerate(seen):
            views[k].append(describe(one, radio.time_s, radio.frequency_hz))
        rest.append((truth.paths, truth.static, -10 * np.log10(power), csi))
    out: list[NDArray[Any]] = [part for one in views for part in together(one)]
    return [*out, *(np.array(column) for column in zip(*rest, strict=True))]


def _calibration(drawn: xr.Dataset, true: xr.Dataset) -> dict[str, Any]:
    """Ranks and coverage of every quantity."""
    of_draws, of_truth = quantities(drawn), quantities(true)
    out = {}
    for i, name in enumerate(of_truth):
        rank = ranks(of_draws[name], of_truth[name], np.random.default_rng([TEST_SEED, 6, i]))
        histogram, p = uniformity(rank, bins=min(20, max(4, len(rank) // 10)))
        out[name] = {
            "p": float(f"{p:.2g}"),
            "covered_50": round(coverage(rank, 0.5), 3),
            "covered_90": round(coverage(rank, 0.9), 3),
            "histogram": histogram,
        }
    return out


def _sharpness(drawn: xr.Dataset, true: xr.Dataset) -> dict[str, Any]:
    """Deviations and errors of the posterior in windows with a path, and how often its likeliest count is right."""
    counts = true["amplitude"].notnull().sum("path").values
    odds = np.stack([(drawn["count"].values == k).mean(axis=1) for k in range(6)], axis=1)
    out: dict[str, Any] = {"counted": round(float((odds.argmax(axis=1) == counts).mean()), 3)}
    some = counts > 0
    for name in _AXES:
        first = drawn[name].values[some][:, :, 0]
        low, middle, high = np.nanquantile(first, [0.16, 0.5, 0.84], axis=1)
        error = np.abs(middle - true[name].values[some][:, 0])
        out[name] = {
            "deviation": float(f"{np.nanmedian((high - low) / 2):.3g}"),
            "error": float(f"{np.nanmedian(error):.3g}"),
        }
    return out


def _nearest(found: dict[str, NDArray[np.float64]], truth: NDArray[np.float64]) -> int | None:
    """Place of the detection nearest to a path, in units of 0.45 m/s² and 2 m/s³."""
    off = np.hypot((found["acceleration"] - truth[2]) / 0.45, (found["jerk"] - truth[3]) / 2)
    known = np.isfinite(off)
    return int(np.where(known, off, np.inf).argmin()) if known.any() else None


def others(scenario: Scenario, given: _Captures, work: Path, captures: int) -> list[dict[str, Any]]:
    """Strongest path and count by other ways, capture by capture; kept in a file."""
    file, radio = work / "others.json", scenario.radio
    rows: list[dict[str, Any]] = read_json(file)["rows"] if file.exists() else []
    detector = PathDetector.pretrained("points_4x1")
    for i in range(len(rows), captures):
        csi = _labelled(given.csi[i], scenario)
        image = isacsim.aj_spectrum(csi.expand_dims("sample"), combine="resolved", antennas=(len(csi), 1))
        found, estimated = detector.detect(image, device="cpu"), isacsim.estimate_paths(csi)
        row: dict[str, Any] = {
            "detector": {"counted": int(found["count_probability"].values[0].argmax())},
            "estimate_paths": {"counted": int(estimated.sizes["path"])},
        }
        truth = _by_amplitude(given.paths[i])
        if len(truth):
            bound = cramer_rao_bound(
                radio.time_s, radio.frequency_hz, snr_db=float(given.snr_db[i]), paths=_table(truth)
            )
            # Pairs have phases of their own, and what they tell adds up.
            share = np.sqrt(len(csi))
            row["Cramér-Rao"] = {f"std_{name}": float(bound[f"std_{name}"][0]) / share for name in _AXES}
            for name, values in (("estimate_paths", estimated), ("detector", found.isel(sample=0))):
                row[name] |= _of_strongest(values, truth[0])
        rows.append(row)
        with written_whole(file) as new:
            new.write_text(strict_json({"rows": rows}), encoding="utf-8")
    return rows[:captures]


def _of_strongest(found: xr.Dataset, truth: NDArray[np.float64]) -> dict[str, float]:
    """Deviation and error of what lies nearest to a path, in units of 0.45 m/s² and 2 m/s³; nothing if none is."""
    off = np.hypot((found["acceleration"].values - truth[2]) / 0.45, (found["jerk"].values - truth[3]) / 2)
    if not np.isfinite(off).any():
        return {}
    k = int(np.nanargmin(off))
    out = {}
    for name, true in zip(_AXES, truth[2:4], strict=True):
        out[f"error_{name}"] = abs(float(found[name][k]) - true)
        if np.isfinite(std := float(found[f"std_{name}"][k])):
            out[f"std_{name}"] = std
    return out


def _beside(rows: list[dict[str, Any]], given: _Captures, own: xr.Dataset) -> dict[str, Any]:
    """Medians over captures with a path, by each way; and the share of captures counted right."""
    counts = np.isfinite(given.paths[: len(rows), :, 4]).sum(axis=1)
    for i, row in enumerate(rows):
        odds = [(own["count"].values[i] == k).mean() for k in range(6)]
        row["posterior"] = {"counted": int(np.argmax(odds))}
        if counts[i]:
            truth = _by_amplitude(given.paths[i])[0]
            for name, true in zip(_AXES, truth[2:4], strict=True):
                first = own[name].values[i][:, 0]
                if np.isfinite(first).any():
                    low, middle, high = np.nanquantile(first, [0.16, 0.5, 0.84])
                    row["posterior"] |= {f"std_{name}": (high - low) / 2, f"error_{name}": abs(middle - true)}
    out: dict[str, Any] = {"captures": len(rows), "with a path": int((counts > 0).sum())}
    for way in _WAYS:
        told = [row.get(way, {}) for row in rows]
        out[way] = {}
        for key in _COLUMNS:
            if some := [one[key] for one in told if key in one]:
                out[way][key] = float(f"{np.median(some):.3g}")
        if "counted" in told[0]:
            right = [one["counted"] == count for one, count in zip(told, counts, strict=True)]
            out[way]["counted"] = round(float(np.mean(right)), 3)
    return out


def _by_amplitude(paths: NDArray[np.float64]) -> NDArray[np.float64]:
    some = paths[np.isfinite(paths[:, 4])]
    return some[np.argsort(-some[:, 4], kind="stable")]


def _labelled(csi: NDArray[np.complex64], scenario: Scenario) -> xr.DataArray:
    axes = {"time": scenario.radio.time_s, "frequency": scenario.radio.frequency_hz}
    coords = {name: described(CAPTURE, name, values) for name, values in axes.items()}
    return xr.DataArray(csi, coords, ("receiver", "subcarrier", "packet"), attrs={"phase_sign": -1})


def _table(paths: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    names = ("path_length", "velocity", "acceleration", "jerk")
    return {name: paths[:, i] for i, name in enumerate(names)} | {"amplitude": np.exp(paths[:, 4])}


def _speed(posterior: PathPosterior, scenario: Scenario, csi: NDArray[np.complex64]) -> dict[str, float]:
    """Windows a second of processor time, on one thread: described, drawn from, both."""
    windows = [_labelled(one, scenario) for one in csi]
    posterior.sample(windows[:2], draws=DRAWS, device="cpu")  # compiled
    begun = time.process_time()
    made, _ = posterior.describe(windows)
    between = time.process_time()
    posterior.sample(made, draws=DRAWS, device="cpu")
    first, second = between - begun, time.process_time() - between
    n = len(windows)
    return {
        "described": round(n / first, 1),
        "drawn": round(n / second, 1),
        "both": round(n / (first + second), 1),
    }


def _picture(figures: dict[str, Any], file: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = [*figures[VIEWS[0]]["calibration"]]
    figure, axes = plt.subplots(
        len(VIEWS), len(names), figsize=(2 * len(names), 5), sharex=True, sharey="row"
    )
    for row, view in zip(axes, VIEWS, strict=True):
        for axis, name in zip(row, names, strict=True):
            counts = np.array(figures[view]["calibration"][name]["histogram"])
            mean, n = counts.mean(), len(counts)
            spread = 2 * np.sqrt(mean * (1 - 1 / n))
            axis.axhspan(mean - spread, mean + spread, color="0.9")
            axis.bar((np.arange(n) + 0.5) / n, counts, 1 / n)
        row[0].set_ylabel(f"{view}\nwindows", fontsize=8)
    for axis in axes[-1]:
        axis.set_xlabel("rank", fontsize=9)
    for axis, name in zip(axes[0], names, strict=True):
        axis.set_title(name.replace("_", " "), fontsize=9)
    figure.tight_layout()
    with written_whole(file) as new:
        figure.savefig(new, dpi=90, format="png")
    plt.close(figure)


def judge_solver(
    weights: Annotated[Path, typer.Option(help="The posterior.")] = Path(
        "dira/weights/PathPosterior/points_4x1"
    ),
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the figures go.")] = Path(
        "docs/results/dira/solver.json"
    ),
    picture: Annotated[Path, typer.Option(help="Where the picture of the ranks goes.")] = Path(
        "docs/images/solver_ranks.png"
    ),
    work: Annotated[Path, typer.Option(help="Folder for simulations.")] = Path("out/solver"),
    captures: Annotated[int, typer.Option(help="Held-out captures.")] = 1000,
    beside: Annotated[int, typer.Option(help="Captures on which other ways are tried.")] = 60,
) -> None:
    """Judge the path posterior."""
    posterior = PathPosterior.from_pretrained(weights)
    scenario, _ = thinned(problem())
    given = prepared(scenario, work, captures)
    true = sets_of(given.paths, given.static)
    figures: dict[str, Any] = {"captures": captures, "draws": DRAWS, "machine": machine()}
    of_views = {}
    for view, windows in zip(VIEWS, given.views, strict=True):
        drawn = posterior.sample(windows, draws=DRAWS, seed=TEST_SEED, device="cpu")
        of_views[view] = drawn
        figures[view] = {"calibration": _calibration(drawn, true), **_sharpness(drawn, true)}
        typer.echo(f"{view}: {figures[view]}")
    rows = others(scenario, given, work, min(beside, captures))
    figures["beside"] = _beside(rows, given, of_views[VIEWS[0]])
    figures["windows_a_second"] = _speed(posterior, scenario, given.csi[:64])
    figures["training"] = {k: posterior.history[k] for k in ("steps", "stream", "seconds", "curve")}
    output.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(output) as file:
        file.write_text(strict_json(figures), encoding="utf-8")
    _picture(figures, picture)
    typer.echo(f"{output}: {figures['beside']}")


if __name__ == "__main__":
    typer.run(judge_solver)
