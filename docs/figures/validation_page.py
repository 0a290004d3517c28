"""Numbers of docs/validation.md about the bound, counting, false alarms and coverage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docs.figures.passages import Passage
from docs.figures.results import percent, source, table

__all__ = ["passages"]

PAGE = "docs/validation.md"


def at(section: str, text: str, file: str, *numbers: str) -> Passage:
    """A passage of the page."""
    return Passage(PAGE, section, text, numbers, source(file))


def ratios(file: str, method: str, snr_db: float) -> dict[str, Any]:
    """Errors over the bound of a method at an SNR, and the share of captures that it lost."""
    (row,) = (row for row in table(file)["methods"][method]["rows"] if row["snr_db"] == snr_db)
    return {**{name: value for name, value in row["ratio"].items()}, "outliers": row["outliers"]}


def passages() -> Iterator[Passage]:
    """Every passage of the page that these studies stand behind."""
    yield from _targets()
    yield from _paper()
    yield from _bound()
    yield from _lag()
    yield from _counting()
    yield from _false_alarms()
    yield from _coverage()
    yield from _mismatch()


def _targets() -> Iterator[Passage]:
    """The table of stated targets."""
    section = "The stated targets"
    one = ratios("target_one_path", "relax", 10.0)
    a, r = one["acceleration"], one["jerk"]
    yield at(
        section,
        "a {}, r {} (± {}) at seed {}",
        "target_one_path",
        f"{a['rms']:.3f}",
        f"{r['rms']:.3f}",
        f"{max(a['standard_error'], r['standard_error']):.3f}",
        f"{table('target_one_path')['seed']}",
    )
    stated = table("counting")["stated"]
    n, share = stated["captures"], stated["count_right_interval"]
    yield at(
        section,
        "| {} of {} (≥ {} %) |",
        "counting",
        f"{round(n * share['value'])}",
        f"{n}",
        percent(share["low"], 1),
    )
    yield at(section, "| ≥ 0.98 | {} |", "counting", f"{stated['f1']:.3f}")
    over = [f"{stated[f'rmse_over_bound_{name}']:.2f}" for name in ("acceleration", "jerk")]
    yield at(section, "| ≤ 1.5 | a {}, r {} |", "counting", *over)
    seconds = stated["seconds"]
    yield at(
        section,
        "median {} s, mean {} s, 95 % {} s, longest {} s; {} % within 0.5 s",
        "counting",
        *(f"{seconds[name]:.2f}" for name in ("median", "mean", "95 %", "max")),
        percent(seconds["share_within_half_a_second"]),
    )
    peaks = stated["peaks"]
    yield at(
        section, "{} %; F1 {} |", "counting", percent(peaks["count_right"]["value"]), f"{peaks['f1']:.2f}"
    )
    for alarms in table("counting")["false_alarms"]:
        what = "a static scene" if alarms["static"] else "noise alone"
        found = f"{round(alarms['false_alarms'] * alarms['captures'])}", f"{alarms['captures']}"
        yield at(section, f"found in captures of {what} | ≤ 1 % of 500 | {{}} of {{}} |", "counting", *found)
    threshold = table("target_threshold")["methods"]["relax"]["threshold_db"]
    lowest = ratios("target_threshold", "relax", threshold)
    a, r = lowest["acceleration"], lowest["jerk"]
    yield at(
        section,
        "{} dB or below: a {}, r {} (± {}) over {} trials",
        "target_threshold",
        f"{threshold:.0f}",
        f"{a['rms']:.2f}",
        f"{r['rms']:.2f}",
        f"{max(a['standard_error'], r['standard_error']):.2f}",
        f"{a['trials']}",
    )
    for first in (0, 10000):
        other = table("counting_other_seeds")[f"first_{first}"]
        right = f"{round(other['count_right'] * other['captures'])}"
        words = "of 300 are right at seeds 0-" if not first else f"of 300 at {first}-"
        yield at(section, f"{{}} {words}", "counting_other_seeds", right)
    over = [
        f"{table('counting_other_seeds')['first_10000'][f'rmse_over_bound_{name}']:.2f}"
        for name in ("jerk", "acceleration")
    ]
    yield at(
        section,
        "rmse of r is {} of the bound for that reason, and that of a is {}",
        "counting_other_seeds",
        *over,
    )


def _paper() -> Iterator[Passage]:
    panels = {panel["targets"]: panel for panel in table("paper")["panels"]}
    few, many = panels[3], panels[7]
    near = [percent(panel["targets_with_a_maximum_within_a_cell"]["value"]) for panel in (few, many)]
    yield at("paper", "in {} % of the cases with three targets and in {} % with seven", "paper", *near)
    chance = [percent(panel["by_chance"]["value"]) for panel in (few, many)]
    yield at("paper", "have one in {} and {} %", "paper", *chance)
    erratum = table("paper")["erratum"]
    printed, corrected = erratum["example"]["printed"], erratum["error"]["corrected"]
    yield at(
        "paper",
        "its peak lies at {} m/s² and {} m/s³",
        "paper",
        f"{printed['acceleration']:.2f}",
        f"{printed['jerk']:.1f}",
    )
    rest = [f"{corrected[name]['rms']:.3f}" for name in ("acceleration", "jerk")]
    yield at("paper", "random paths is {} m/s² and {} m/s³", "paper", *rest)


def _bound() -> Iterator[Passage]:
    relax = table("bound")["methods"]["relax"]
    inside = [row for row in relax["rows"] if row["snr_db"] >= relax["threshold_db"]]
    yield at(
        "bound",
        "at the bound from {} dB up to {} dB",
        "bound",
        f"{relax['threshold_db']:.0f}",
        f"{inside[-1]['snr_db']:.0f}",
    )
    lost = ratios("bound", "relax", -28.0)
    yield at(
        "bound",
        "At -28 dB one capture of {} is lost",
        "bound",
        f"{round(1 / lost['outliers'])}",
    )
    yield at("bound", "at -32 dB {} %", "bound", percent(ratios("bound", "relax", -32.0)["outliers"]))
    accelerations = [row["ratio"]["acceleration"]["rms"] for row in inside]
    ends = f"{min(accelerations):.2f}", f"{max(accelerations):.2f}"
    yield at("bound", "Its {}-{} in a", "bound", *ends)
    other = ratios("target_other_seed", "relax", 0.0)
    a, r = other["acceleration"], other["jerk"]
    yield at(
        "bound",
        "{} other captures at 0 dB give a {}, r {} ± {}",
        "target_other_seed",
        f"{a['trials']}",
        f"{a['rms']:.2f}",
        f"{r['rms']:.2f}",
        f"{max(a['standard_error'], r['standard_error']):.2f}",
    )
    fast = table("bound_fast_paths")["methods"]
    at_40 = {name: ratios("bound_fast_paths", name, 40.0)["acceleration"] for name in fast}
    rms = [value["rms"] for value in at_40.values()]
    yield at("bound", "bounds in a to {}-{}.", "bound_fast_paths", f"{min(rms):.0f}", f"{max(rms):.0f}")
    medians = [value["median"] for name, value in at_40.items() if name != "peaks"]
    yield at(
        "bound",
        "median is {} to {} for",
        "bound_fast_paths",
        f"{min(medians):.1f}",
        f"{max(medians):.1f}",
    )
    yield at("bound", "and {} for `peaks`", "bound_fast_paths", f"{at_40['peaks']['median']:.1f}")


def _lag() -> Iterator[Passage]:
    def error(kind: str, snr_db: float, **setting: float) -> dict[str, float]:
        (row,) = (
            row
            for row in table("lag")[kind]
            if row["snr_db"] == snr_db and all(row[name] == value for name, value in setting.items())
        )
        return {name: row["ratio"][name]["rms"] for name in ("acceleration", "jerk")}

    papers = error("lag_ratio", 15.0, lag_ratio=0.089)
    ends = f"{papers['jerk']:.1f}", f"{papers['acceleration']:.1f}"
    yield at("lag", "comes to {}-{} bounds at 15 dB", "lag", *ends)
    weak = error("lag_ratio", -3.0, lag_ratio=0.089)
    low = f"{weak['acceleration']:.1f}", f"{weak['jerk']:.1f}"
    yield at("lag", "and to {} (a) and {} (r) at -3 dB", "lag", *low)
    longer = [
        percent(1 - error("lag_ratio", snr, lag_ratio=0.15)["acceleration"] / one["acceleration"])
        for snr, one in ((15.0, papers), (-3.0, weak))
    ]
    yield at("lag", "0.15 Q has {} % less error at 15 dB and {} % less at -3 dB", "lag", *longer)
    none = error("min_lag", 15.0, min_lag=0.0)["acceleration"]
    costs = [percent(error("min_lag", 15.0, min_lag=m)["acceleration"] / none - 1) for m in (0.12, 0.3)]
    yield at("lag", "0.12 costs {} % against none, 0.3 costs {} %", "lag", *costs)


def _counting() -> Iterator[Passage]:
    result = table("counting")
    sweeps = {(one["of"], one["value"]): one for one in result["sweeps"]}
    yield at("counting", "in all {}. This holds at any amplitude", "counting", f"{result['all']['captures']}")
    weakest = sweeps["snr_db", -25.0]
    right = f"{round(weakest['count_right'] * weakest['captures'])}", f"{weakest['captures']}"
    yield at("counting", "At -25 dB it is right in {} of {}", "counting", *right)
    peaks = [percent(result[name]["peaks"]["count_right"]["value"]) for name in ("stated", "all")]
    yield at("counting", "gets {} % right with 3-7 targets and {} % with 1-8", "counting", *peaks)
    means = [sweeps["packets", n]["seconds"]["mean"] for n in (256, 1024, 2048)]
    shown = f"{means[0]:.2f}", f"{means[1]:.1f}", f"{means[2]:.1f}"
    yield at("counting", "{} s at 256 packets, {} s at 1024, {} s at 2048", "counting", *shown)
    for scenario, goal in (("lab_cubic", "(0.97, 0.97, 0.1:"), ("hall_cubic", "(0.95, 0.95, 0.2:")):
        (row,) = table(f"counting_{scenario}")["rows"]
        values = row["count_right"]["value"], row["recall"]["value"], row["false_a_capture"]
        numbers = [f"{value:.2f}" for value in values]
        yield at("counting", f"{goal} {{}}, {{}}, {{}})", f"counting_{scenario}", *numbers)


def _false_alarms() -> Iterator[Passage]:
    hall = next(row for row in table("false-alarm")["rows"] if row["scenario"] == "hall_cubic")
    share = hall["false_alarms"]
    shown = [percent(share[name], 1) for name in ("value", "low", "high")]
    yield at("false-alarm", "`hall_cubic` it finds one in {} % ({} to {})", "false-alarm", *shown)
    yield at("false-alarm", "for {} captures it says", "false-alarm", f"{hall['cannot_tell']}")
    others = [row["false_alarms"] for row in table("false-alarm")["rows"] if row is not hall]
    if any(other["value"] for other in others):
        raise ValueError(f"{source('false-alarm')} has false alarms that docs/validation.md calls none.")
    yield at(
        "false-alarm",
        "in none of {} captures each (at most {} %)",
        "false-alarm",
        f"{others[0]['trials']}",
        percent(max(other["high"] for other in others), 1),
    )


def _coverage() -> Iterator[Passage]:
    right, withheld = [], []
    for scenario in ("default", "lab_cubic", "hall_cubic"):
        (row,) = table(f"coverage_{scenario}")["rows"]
        cells = [f"{row['matched']}"]
        for state in ("velocity", "acceleration", "jerk"):
            cells += [percent(row[state]["within"][width]["value"]) for width in ("1", "2")]
        text = f"| `{scenario}` | {{}} | {{}}, {{}} % | {{}}, {{}} % | {{}}, {{}} % |"
        yield at("coverage", text, f"coverage_{scenario}", *cells)
        right.append(percent(row["count_right"]["value"], 1))
        withheld.append(round(row["matched"] * (1 - row["finite"]["value"])))
    if any(withheld[1:]):
        raise ValueError("docs/validation.md says that no deviation of lab_cubic and hall_cubic is withheld.")
    yield at("coverage", "{} withheld in `default` and none", "coverage_default", f"{withheld[0]}")
    yield at("coverage", "the count is right in {}, {} and {} %", "coverage_default", *right)


def _mismatch() -> Iterator[Passage]:
    rows = {(row["kind"], row["level"]): row for row in table("mismatch")["rows"]}
    near = rows["geometry", 0.2]["relax"]["acceleration"]["rms"]
    yield at("mismatch", "the bias in a is {} bounds", "mismatch", f"{near:.0f}")
    closer = rows["geometry", 0.5]
    yield at("mismatch", "is then {} wavelengths", "mismatch", f"{closer['model_error_wavelengths']:.2f}")
    snap = rows["snap", 0.3]
    yield at(
        "mismatch",
        "0.3 m/s⁴ ({} wavelengths) gives {} paths and {} bounds",
        "mismatch",
        f"{snap['model_error_wavelengths']:.3f}",
        f"{snap['paths_found_mean']:.1f}",
        f"{snap['relax']['acceleration']['rms']:.0f}",
    )
    breaks = table("mismatch")["breaks_at"]
    yield at("mismatch", "breaks at {} µs", "mismatch", f"{breaks['jitter']['relax']:.0f}")
    loss = percent(max(level for kind, level in rows if kind == "loss")), percent(breaks["loss"]["peaks"])
    yield at("mismatch", "of {} % of the packets", "mismatch", loss[0])
    yield at("mismatch", "needs interpolation and breaks at {} %", "mismatch", loss[1])
    yield at("mismatch", "A random walk of {} rad/√s", "mismatch", f"{breaks['phase']['relax']:g}")
