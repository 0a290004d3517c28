"""Learns the rule by which `isacsim.count_targets` counts people, and says how good it is.

    python -m isacsim.validation.people learn        # writes isacsim/counting/rule.json: 20 minutes on two cores
    python -m isacsim.validation.people confusion    # 100 captures of each number, two minutes; --output FILE.json

Captures are those of scenario `walker`, every third with a reference channel, and, so that points are told from bodies,
those of the scenarios of point targets. Seeds below 100 000 teach, those from 900 000 on judge.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from isacsim.conditioning import condition
from isacsim.counting.features import NAMES, describe
from isacsim.counting.points import count_points
from isacsim.counting.rule import FILE, MOST_PEOPLE, expanded
from isacsim.files import written_whole
from isacsim.scenario.catalogue import load_scenario
from isacsim.scenario.model import Scenario
from isacsim.simulation.capture import simulate

from .study import opening

__all__ = ["confusion", "learn"]

Array = NDArray[np.float64]

TEACHING, JUDGING = 10_000, 900_000
ROOMS = ("lab", "corridor", "hall")
POINTS = ("default", *(f"{r}_siso" for r in ROOMS), *(f"{r}_cubic" for r in ROOMS), "walker")
# Captures (of people, of points) for each bandwidth in MHz; those of points that the estimator counts.
TAUGHT = {"80": (5000, 1500), "20": (1500, 600), "40": (1500, 600), "160": (1500, 600)}
POINT_CAPTURES = 210
# Bandwidth of scenario `intel5300`, whose subcarriers are few.
INTEL = 20e6
REFERENCE = {
    "name": "ref",
    "role": "reference",
    "position_m": [1.5, 0.2, 1.5],
    "dynamic_gain_db": -18,
    "static_gain_db": 3,
}
# Weights have a normal prior of this precision.
_RIDGE = 3.0


@cache
def scenario(name: str, bandwidth: float, *, reference: bool = False, points: bool = False) -> Scenario:
    """One of the shipped scenarios with another bandwidth, with a reference channel, with points for bodies."""
    given = load_scenario(name).model_dump(exclude_unset=True)
    given["radio"]["bandwidth_hz"] = bandwidth
    if points:
        given["targets"]["template"]["body"] = {"kind": "point"}
    if reference:
        given["radio"]["receivers"] = [*given["radio"]["receivers"], REFERENCE]
    return Scenario.model_validate(given)


def person_features(seed: int, bandwidth: float) -> tuple[int, Array | None]:
    """Number of people by the seed, and what their capture looks like."""
    people = seed % (MOST_PEOPLE + 1)
    return people, _features(scenario("walker", bandwidth, reference=seed % 3 == 0), seed, people)


def point_features(seed: int, bandwidth: float) -> Array | None:
    """Compute the features of a capture of point targets."""
    names = (*POINTS, "intel5300") if bandwidth == INTEL else POINTS
    name = names[seed % len(names)]
    return _features(scenario(name, bandwidth, points=name == "walker"), seed, None)


def _features(drawn: Scenario, seed: int, n_targets: int | None) -> Array | None:
    csi = condition(simulate(drawn, seed=seed, n_targets=n_targets))[0]
    time = csi.coords["time"].values
    return describe(csi.values, (time.size - 1) / (time[-1] - time[0]), csi.coords["frequency"].values)


def counted_points(seed: int) -> int | None:
    """Difference between the true and the estimated count of point targets; None where the estimator cannot tell."""
    name = POINTS[seed % (len(POINTS) - 1)]
    n = 1 + seed // len(POINTS) % 7
    csi = condition(simulate(load_scenario(name), seed=seed, n_targets=n), uniform=False)[0]
    found = count_points(csi, max_components=15, max_seconds=60)
    return None if found.reason else n - found.count


def _logistic(rows: Array, labels: NDArray[np.intp], classes: int) -> Array:
    """Weights (feature, class) of a multinomial logistic model with a normal prior."""
    one_hot = np.eye(classes)[labels]

    def loss(flat: Array) -> tuple[float, Array]:
        weights = flat.reshape(rows.shape[1], classes)
        level = rows @ weights
        level -= level.max(axis=1, keepdims=True)
        log_sum = np.log(np.exp(level).sum(axis=1, keepdims=True))
        slope = rows.T @ (np.exp(level - log_sum) - one_hot) + _RIDGE * weights
        value = -((level - log_sum) * one_hot).sum() + _RIDGE / 2 * (weights**2).sum()
        return float(value), slope.ravel()

    start = np.zeros(rows.shape[1] * classes)
    best = scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000})
    return np.asarray(best.x.reshape(rows.shape[1], classes))


def _run(function: Any, seeds: Iterable[int], jobs: int, **more: Any) -> list[Any]:
    with ProcessPoolExecutor(jobs) as workers:
        return list(workers.map(partial(function, **more), seeds, chunksize=8))


def one_rule(bandwidth: float, people: int, points: int, jobs: int) -> dict[str, Any]:
    """Learn the two models of one bandwidth."""
    of_people = [
        (n, x)
        for n, x in _run(person_features, range(TEACHING, TEACHING + people), jobs, bandwidth=bandwidth)
        if x is not None
    ]
    of_points = [
        x
        for x in _run(point_features, range(TEACHING, TEACHING + points), jobs, bandwidth=bandwidth)
        if x is not None
    ]
    number = np.array([n for n, _ in of_people])
    features = np.array([x for _, x in of_people])
    mean, scale = features[number > 0].mean(axis=0), features[number > 0].std(axis=0)
    count = _logistic(expanded(features, mean, scale), number, MOST_PEOPLE + 1)
    # An empty capture is the point counter's: it knows what noise brings.
    both = np.concatenate([features, np.array(of_points)])
    is_body = np.concatenate([number > 0, np.zeros(len(of_points), bool)]).astype(np.intp)
    bodies = _logistic(expanded(both, mean, scale), is_body, 2)
    rounded = {"mean": mean, "scale": scale, "count": count, "bodies": bodies[:, 1] - bodies[:, 0]}
    return {"bandwidth_hz": bandwidth, "people": len(of_people), "points": len(of_points)} | {
        name: [[float(f"{x:.4g}") for x in np.atleast_1d(row)] for row in value]
        if value.ndim > 1
        else [float(f"{x:.4g}") for x in value]
        for name, value in rounded.items()
    }


def learn(jobs: int, parts: Sequence[str]) -> None:
    """Write parts of the rule's file anew, each as soon as it is learned: "points", or bandwidths in MHz."""
    stored = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {"points": {}, "rules": []}
    for part in parts:
        if part == "points":
            stored["points"] = _point_table(jobs)
        else:
            new = one_rule(1e6 * float(part), *TAUGHT[part], jobs)
            others = [rule for rule in stored["rules"] if rule["bandwidth_hz"] != new["bandwidth_hz"]]
            stored["rules"] = sorted([*others, new], key=lambda rule: float(rule["bandwidth_hz"]))
        stored |= {"command": "python -m isacsim.validation.people learn", "names": NAMES}
        with written_whole(FILE) as temporary:
            temporary.write_text(json.dumps(stored, ensure_ascii=False) + "\n", encoding="utf-8")
        print(part, flush=True)


def _point_table(jobs: int) -> dict[str, float]:
    """Probability of how many more points move than are counted."""
    found = _run(counted_points, range(TEACHING, TEACHING + POINT_CAPTURES), jobs)
    differences = Counter(d for d in found if d is not None)
    # Half a capture is added for what was not seen, one off to either side.
    weight = {d: differences[d] + (0.5 if abs(d) == 1 else 0.0) for d in {*differences, -1, 1}}
    return {str(d): round(weight[d] / sum(weight.values()), 4) for d in sorted(weight)}


def counted_people(seed: int, people: int, max_targets: int) -> int:
    """Count people in one capture of scenario `walker`, as a user would."""
    from isacsim.counting.counting import count_targets  # reads the rule, which `learn` makes

    capture = simulate(load_scenario("walker"), seed=seed, n_targets=people)
    return int(count_targets(capture, max_targets=max_targets)["count"][0])


def confusion(trials: int, max_targets: int, jobs: int) -> dict[str, Any]:
    """Count people in captures of one to four.

    Parameters
    ----------
    trials : int
        Captures of each number.
    max_targets : int
        Passed to `isacsim.count_targets`.
    jobs : int
        Processes.

    Returns
    -------
    dict
        ``settings``, ``versions`` and ``counted``: for each true number how often each number was counted, -1 where
        the counter cannot tell.
    """
    seeds = range(JUDGING, JUDGING + trials)
    counted = {}
    for people in (1, 2, 3, 4):
        told = Counter(_run(counted_people, seeds, jobs, people=people, max_targets=max_targets))
        counted[str(people)] = {str(n): told[n] for n in sorted(told)}
    settings = {"trials": trials, "first_seed": JUDGING, "max_targets": max_targets, "scenario": "walker"}
    return opening("people", quick=False, seed=JUDGING, settings=settings) | {"counted": counted}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("learn", "confusion"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--parts", nargs="*", choices=("points", *TAUGHT), help="what to learn; default: all")
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--max-targets", type=int, default=12)
    parser.add_argument("--output", type=Path, help="JSON file for the confusion table")
    options = parser.parse_args()
    if options.what == "learn":
        learn(options.jobs, options.parts or ["80", "points", "20", "40", "160"])
    else:
        result = confusion(options.trials, options.max_targets, options.jobs)
        for true, told in result["counted"].items():
            print(f"{true} people: " + ", ".join(f"{n} in {times}" for n, times in told.items()))
        if options.output:
            with written_whole(options.output) as temporary:
                temporary.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
