"""Description of a capture as rows of text, for tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isacsim.terminal import number

if TYPE_CHECKING:
    from isacsim.survey.describe import CaptureDescription

__all__ = ["RECEIVER_COLUMNS", "facts", "receiver_rows"]

RECEIVER_COLUMNS = ("receiver", "role", "power [dB]", "variation", "steadiness", "most coherent with")
"""Heads of the columns of `receiver_rows`."""

_MOST_GAPS = 3


def facts(described: CaptureDescription) -> list[tuple[str, str]]:
    """Rows of label and text: radio and packets."""
    radio, timing = described.radio, described.timing
    rate = f"{timing['mean_rate']:.4g} packets/s on average"
    if timing["lost"] > 0 or timing["bursts"]:
        rate += f", {timing['grid_rate']:.4g} on the sender's grid"
    rate += f", {timing['window_rate']:.4g} by the {timing['window_rate_of']} (of windows and tracks)"
    rows = [
        ("format", ", ".join(filter(None, (radio["format"], radio["chip"])))),
        ("channel", f"{radio['carrier'] / 1e9:.5g} GHz, {radio['bandwidth'] / 1e6:g} MHz"),
        (
            "subcarriers",
            f"{radio['used']} in use of {radio['subcarriers']}, {radio['spacing'] / 1e3:g} kHz apart, numbers "
            f"{radio['lowest']} to {radio['highest']}",
        ),
        ("packets", f"{timing['packets']} over {timing['duration_s']:.4g} s"),
        *([("dropped", f"{n} records by the reader; see below")] if (n := timing["records_dropped"]) else []),
        ("rate", rate),
        (
            "intervals",
            f"median {timing['median_interval_s'] * 1e3:.4g} ms, jitter {timing['jitter_s'] * 1e3:.3g} ms",
        ),
        ("lost", f"{100 * timing['lost']:.3g} % of the grid, {timing['mean_burst']:.3g} in a row on average"),
        ("gaps", _gaps(timing)),
    ]
    for name in ("dead", "unsteady"):
        if radio[name]:
            rows.append((f"{name} subcarriers", " ".join(map(str, radio[name]))))
    return rows


def _gaps(timing: dict[str, Any]) -> str:
    gaps = timing["gaps"]
    if not gaps:
        return "none"
    longest = ", ".join(f"{gap['length_s']:.3g} s at {gap['start_s']:.4g} s" for gap in gaps[:_MOST_GAPS])
    return f"{len(gaps)}, {100 * timing['gap_share']:.3g} % of the time; the longest: {longest}"


def receiver_rows(described: CaptureDescription) -> list[list[str]]:
    """Rows of the table of receivers."""
    rows = []
    for one in described.receivers:
        others = {name: value for name, value in one["coherence"].items() if name != one["name"]}
        best = max(others, key=lambda name: others[name]) if others else None
        rows.append(
            [
                one["name"],
                one["role"],
                number(one["power_db"], 1),
                number(one["variation"], 3),
                number(one["steadiness"], 3),
                f"{best} ({others[best]:.2f})" if best is not None else "-",
            ]
        )
    return rows
