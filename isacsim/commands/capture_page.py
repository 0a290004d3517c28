"""The page of ``isacsim capture``: one HTML file that needs nothing else."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from isacsim import __version__
from isacsim.figures.captures import frequency_figure, map_figure, time_figure
from isacsim.figures.html import document
from isacsim.figures.spectra import png
from isacsim.survey.facts import RECEIVER_COLUMNS, facts, receiver_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from isacsim.survey.describe import CaptureDescription

__all__ = ["capture_page"]


def capture_page(described: CaptureDescription) -> str:
    """Put the page together: facts, tables, lists, pictures; all text is escaped."""
    values = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in facts(described))
    parts = [
        f'<h1>{escape(described.source)}</h1><p class="lead">What this capture holds.</p>'
        f"<section><h2>At a glance</h2><dl>{values}</dl></section>",
        _list("What is odd", described.remarks, "Nothing was noticed."),
        _list("Dropped or repaired by the reader", described.dropped, "Nothing."),
        _list("Assumed", described.assumed, "Nothing."),
        _picture(
            "Over time",
            "Packets per second, the CSI's power in stretches of equal length, and what the chip reports.",
            time_figure(described),
        ),
        _picture(
            "Amplitude",
            "Power over time and frequency. Grey: no packet, or a subcarrier that is not in use.",
            map_figure(described, "amplitude_db"),
        ),
        _picture(
            "Phase",
            "What is left when every packet is turned by one phase and one slope over frequency to be most like the "
            "mean channel: the moving part, and noise. A jump that stays is a change of the hardware or of the scene.",
            map_figure(described, "phase"),
        ),
        _picture(
            "Over frequency",
            "Left: mean power. Middle: standard deviation of the amplitude over its mean, gain steps included. Right: "
            "the mean of the aligned packets over their rms, 1 for a channel that stands still, near 0 for noise.",
            frequency_figure(described),
        ),
        "<section><h2>Receivers</h2>"
        + _table(
            RECEIVER_COLUMNS,
            receiver_rows(described),
        )
        + _reported(described)
        + "</section>",
        f'<section><p class="small">isacsim {escape(__version__)}: isacsim capture</p></section>',
    ]
    return document(f"isacsim: {described.source}", [part for part in parts if part])


def _reported(described: CaptureDescription) -> str:
    made = ""
    if described.reported:
        rows = [
            [name, v["units"], *(f"{v[key]:.4g}" for key in ("least", "median", "most"))]
            for name, v in described.reported.items()
        ]
        made += _table(["reported by packet", "unit", "least", "median", "most"], rows)
    for name, counts in described.kinds.items():
        made += _table([name, "packets"], [[kind, str(n)] for kind, n in counts.items()])
    return made


def _list(title: str, lines: Sequence[str], otherwise: str) -> str:
    listed = "".join(f"<li>{escape(line)}</li>" for line in lines)
    body = f"<ul>{listed}</ul>" if lines else f"<p>{escape(otherwise)}</p>"
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(c)}</th>" for c in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div><br>'


def _picture(title: str, text: str, figure: Figure) -> str:
    image = base64.b64encode(png(figure)).decode("ascii")
    return (
        f"<section><h2>{escape(title)}</h2><p>{escape(text)}</p>"
        f'<img alt="{escape(title)}" src="data:image/png;base64,{image}"></section>'
    )
