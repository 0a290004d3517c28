"""Numbers about people: docs/tracking.md, docs/bodies.md, real captures and walkers in docs/validation.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docs.figures.passages import Passage
from docs.figures.results import source, table

__all__ = ["passages"]

PAGE = "docs/validation.md"
# What docs/tracking.md calls the study's cases.
CASES = {
    "0.12 s": "0.12 s",
    "0.25 s": "**0.25 s**",
    "0.4 s": "0.4 s",
    "0.6 s": "0.6 s",
    "0.25 s, live": "0.25 s, live",
    "a point": "a point",
    "one antenna": "one antenna",
    "two points": "two points",
    "two walkers": "two walkers",
}
CAPTURES = ("intel5300_walk_2x2.dat", "nexmon_43455c0_80mhz_walk.pcap", "intel5300_1khz_3x1.dat")
# First words of the statistics' rows in the table of whole captures.
STATISTICS = {
    "variation": "amplitude variation",
    "profile": "mean power",
    "static": "static over",
    "noise": "all that changes over noise",
    "doppler": "Doppler that",
    "interval": "packet interval",
    "gain": "power from packet to packet",
    "phase": "phase from packet to packet",
    "delay": "delay about",
}


def passages() -> Iterator[Passage]:
    """Every passage about people and real captures."""
    yield from _tracking()
    yield from _gait()
    yield from _windows()
    yield from _whole_captures()
    yield from _real_walkers()


def _tracking() -> Iterator[Passage]:
    found = {row["case"]: row for row in table("tracking")["rows"]}
    if set(found) != set(CASES):
        raise ValueError(f"{source('tracking')} has the cases {', '.join(found)}; docs/figures names others.")
    for case, label in CASES.items():
        row = found[case]
        more = row["acceleration"]
        numbers = [
            f"{row['median']:.3f}",
            f"{row['ninety']:.2f}",
            f"{row['signs']['value']:.3f}",
            *(f"{share:.2f}" for share in row["covered"]),
            f"{more['median']:.2f}",
            *(f"{share:.2f}" for share in more["covered"]),
        ]
        first = "**{}**" if label.startswith("**") else "{}"
        label = label if case.startswith("0.") else f"{label}…"
        text = f"| {label} | {first} | {{}} | {{}} | {{}}, {{}} | {{}} | {{}}, {{}} |"
        yield Passage("docs/tracking.md", "What was measured", text, tuple(numbers), source("tracking"))
    usual = found["0.25 s"]["covered"]
    text = "{} of the errors were within `std_velocity`, and {} within"
    numbers = [f"{share:.2f}" for share in usual]
    yield Passage("docs/tracking.md", "Tracks and motion", text, tuple(numbers), source("tracking"))
    text = "`isacsim validate tracking`: {} m/s now"
    yield Passage(PAGE, "Real walkers", text, (f"{found['0.25 s']['median']:.3f}",), source("tracking"))


def _gait() -> Iterator[Passage]:
    digits = {
        "relative_speed": 2, "cycle_s": 2, "stride_m": 2, "support": 2, "stance_rms_m_s": 2,
        "ankle_peak_over_torso": 1, "toe_peak_over_torso": 1, "hand_peak_over_torso": 1, "torso_rise_m": 3,
    }  # fmt: skip
    for row in table("gait")["rows"]:
        numbers = tuple(f"{row['mean'][name]:.{n}f}" for name, n in digits.items())
        text = f"| {row['speed_m_s']:g} | " + " | ".join(["{}"] * len(numbers)) + " |"
        yield Passage("docs/bodies.md", "", text, numbers, source("gait"))


def _windows() -> Iterator[Passage]:
    """Impaired sets against windows of real captures: four lines a capture, since only the first is named."""
    form = {"kernel": ".2f", "doppler": ".1f", "correlation_time": ".0f"}
    for row in table("realism")["rows"]:
        if not row["impaired"]:
            continue
        name = f"{CAPTURES.index(row['capture']) + 1}, {'cleaned' if row['cleaned'] else 'as received'}"
        lines, numbers = [], []
        for kind in ("point", "walker", "nobody"):
            distances = row["distances"][kind]
            lines.append(
                f"| {name if kind == 'point' else ''} | {kind} " + "| {} [{}, {}] " * len(form) + "|"
            )
            for statistic, digits in form.items():
                numbers += [f"{distances[statistic][end]:{digits}}" for end in ("value", "low", "high")]
        lines.append("| | floor | {} | {} | {} |")
        for statistic, digits in form.items():
            floor = row["floor"].get(statistic)
            numbers.append(f"{floor['value']:{digits}}" if floor else "-")
        yield Passage(PAGE, "realism", "\n".join(lines), tuple(numbers), source("realism"))
    closer = table("realism")["walker_closer"]["point"]
    kernel, spread = closer["kernel"], closer["spread"]
    text = "that of the point in {}, in {} with"
    yield Passage(PAGE, "realism", text, _said(kernel, "closer", "surely_closer"), source("realism"))
    text = "rms Doppler in {} of {} (certain in {})"
    yield Passage(PAGE, "realism", text, _said(spread, "closer", "of", "surely_closer"), source("realism"))


def _said(tally: dict[str, int], *names: str) -> tuple[str, ...]:
    return tuple(f"{tally[name]}" for name in names)


def _whole_captures() -> Iterator[Passage]:
    matched = sorted(table("realism")["matched"], key=lambda one: CAPTURES.index(one["capture"]))

    def distance(of: dict[str, Any]) -> str:
        # Two digits, 110 and not 1.1e+02.
        return f"{float(format(of['wasserstein'], '.2g')):g}"

    for name, words in STATISTICS.items():
        numbers: list[str] = []
        for one in matched:
            sets = [one["distances"][kind][name] for kind in ("intel5300", "walker", "from-capture")]
            numbers += [distance(of) for of in (*sets, one["floor"][name])]
        text = f"| {words}… | " + " | ".join(["{} / {} | **{}** | {}"] * len(matched)) + " |"
        yield Passage(PAGE, "realism", text, tuple(numbers), source("realism"))


def _real_walkers() -> Iterator[Passage]:
    usual, strongest = table("real")["rows"]

    def cells(row: dict[str, Any]) -> tuple[str, ...]:
        shares = row["sign"]["value"], row["sign_away_from_turns"]["value"]
        errors = f"{row['median_error']:.3f}", f"{row['quantile_90']:.2f}"
        return (f"{row['known']:.3f}", *errors, *(f"{s:.3f}" for s in shares), f"{row['correlation']:.2f}")

    for text, row in (
        ("| `isacsim.track`, defaults | {} | **{}** | {} | **{}** | {} | {} |", usual),
        ("| strongest speed… | {} | {} | {} | {} | {} | {} |", strongest),
    ):
        yield Passage(PAGE, "Real walkers", text, cells(row), source("real"))
    found = table("real")["correlation"]
    both = "{} | {} ({} to {}) | {} | {} ({} to {}) |"
    for text, names in (
        ("| highest peak… | | – | {} | {} ({} to {}) |", ("AJ peak, acceleration",)),
        (f"| strongest component… | {both}", ("component, speed", "component, acceleration")),
        (
            "| `isacsim.track` | {} | **{}** ({} to {}) | {} | {} ({} to {}) |",
            ("track, speed", "track, acceleration"),
        ),
    ):
        numbers = []
        for one in (found[name] for name in names):
            numbers += [f"{one['windows']}", *(f"{one[end]:.2f}" for end in ("value", "low", "high"))]
        yield Passage(PAGE, "Real walkers", text, tuple(numbers), source("real"))
