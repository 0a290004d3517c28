"""HTML of the demo's page: what stands where, in which words, in which style."""

from __future__ import annotations

from html import escape
from os import PathLike
from pathlib import Path

from isacsim.errors import InputError
from isacsim.files import check_output

__all__ = ["captions", "check_page", "document", "page"]

_STYLE = """
:root { --ink: #1d2733; --soft: #5b6776; --line: #dfe4ea; --ground: #f5f7f9; --accent: #21618c; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
       font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 0 0 .4rem; color: var(--accent); }
p { margin: 0 0 .8rem; max-width: 78ch; }
.lead { color: var(--soft); }
section { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 1.2rem 1.4rem;
          margin-top: 1.2rem; }
img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); gap: .7rem 1.4rem; margin: 1rem 0 0; }
dt { color: var(--soft); font-size: .8rem; }
dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .83rem; }
th, td { padding: .3rem .45rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; color: var(--soft); }
thead tr:first-child th { text-align: center; border-bottom: 0; color: var(--ink); }
th:first-child, td:first-child { text-align: left; }
.wraps th, .wraps td { white-space: normal; }
pre { background: var(--ground); border: 1px solid var(--line); border-radius: 6px; padding: .7rem .9rem;
      overflow-x: auto; font-size: .85rem; margin: .4rem 0 .8rem; }
summary { cursor: pointer; color: var(--accent); }
ul { margin: .2rem 0 .8rem; padding-left: 1.2rem; }
.small { color: var(--soft); font-size: .85rem; }
"""


def captions(
    *, in_space: bool, conditioning: str, receiver: str, delay: bool, n_targets: int, static: bool
) -> dict[str, tuple[str, str]]:
    """Heading and explanation of each picture.

    Parameters
    ----------
    in_space : bool
        Whether anything that moves has a place in space.
    conditioning : str
        What was done to the CSI.
    receiver : str
        The receiver shown.
    delay : bool
        Whether the spectra are means over delay bins.
    n_targets : int
        Number of targets.
    static : bool
        Whether there is a static part.
    """
    where = (
        "Dots are targets at the window's centre, lines their tracks over the window, arrows half a second's travel. "
        "The elements of an array are drawn wide apart; its arrow shows where it looks."
        if in_space
        else "These targets are given by their path length alone, so each could be anywhere on its ellipse, whose foci "
        "are the antennas; the arrow shows how far the ellipse moves in half a second."
    )
    marks = (
        "White circles mark the ground truth, red crosses the estimates."
        if n_targets
        else "Red crosses are estimates."
    )
    moving = (
        "The static part outweighs the moving part; after its removal (right), the fringes follow the path lengths."
        if static
        else "There is no static part; the fringes follow the path lengths."
    )
    return {
        "scene": ("The scene from above", where),
        "csi": (
            "Channel state information",
            f"Receiver {receiver} after conditioning (common phase: {conditioning}). {moving}",
        ),
        "spectra": (
            "Acceleration-jerk spectra",
            f"{marks} Noisy: from the CSI above. Noiseless: the same paths without noise and impairments; the "
            "other maxima are cross-terms between paths. Clean: the targets' self-terms alone, the picture that "
            "purification aims at. Colour is the fourth root of the magnitude, so it is proportional to a path's "
            "amplitude" + ("; mean over the delay bins." if delay else "."),
        ),
        "doppler": (
            "Doppler spectrogram",
            "The usual picture for comparison: each path is a ridge at −v f/c. Acceleration is a ridge's slope and "
            "jerk its curvature; crossing ridges are hard to tell apart here, and may be far apart in the spectrum.",
        ),
    }


def page(
    *,
    title: str,
    description: str,
    facts: dict[str, str],
    pictures: dict[str, str],
    captions: dict[str, tuple[str, str]],
    summary: str,
    table: tuple[list[tuple[str, list[str]]], list[list[str]]],
    impairments: list[str],
    yaml: str,
    command: str,
    versions: list[str],
    fingerprint: str,
) -> str:
    """Put the page together; everything but `pictures` (base64 of PNGs) is plain text and escaped here."""
    parts = [_header(title, description, facts)]
    for name, (heading, text) in captions.items():
        parts.append(
            f"<section><h2>{escape(heading)}</h2><p>{escape(text)}</p>"
            f'<img alt="{escape(heading)}" src="data:image/png;base64,{pictures[name]}"></section>'
        )
    parts.append(_estimates(summary, table))
    listed = "".join(f"<li>{escape(line)}</li>" for line in impairments)
    parts.append(
        "<section><h2>What was simulated</h2><p>Hardware, as drawn for this capture:</p>"
        f"<ul>{listed}</ul><details><summary>The scenario as YAML, defaults included</summary>"
        f"<pre>{escape(yaml)}</pre></details></section>"
    )
    parts.append(
        f"<section><h2>Make it again</h2><pre>{escape(command)}</pre>"
        f'<p class="small">{escape(", ".join(versions))}<br>scenario fingerprint {escape(fingerprint)}</p></section>'
    )
    return document(title, parts)


def document(title: str, parts: list[str]) -> str:
    """A page that needs nothing else; parts are HTML, escaped already."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body><main>"
        + "\n".join(parts)
        + "</main></body></html>\n"
    )


def _header(title: str, description: str, facts: dict[str, str]) -> str:
    pairs = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in facts.items())
    return (
        f'<h1>{escape(title)}</h1><p class="lead">{escape(description)}</p><section><h2>At a glance</h2>'
        f'<dl>{pairs}</dl><p class="small" style="margin-top:.9rem">Model error: the largest departure, within the '
        "window, of the true path from the cubic of the ground truth, in wavelengths.</p></section>"
    )


def _estimates(summary: str, table: tuple[list[tuple[str, list[str]]], list[list[str]]]) -> str:
    groups, rows = table
    above = "".join(f'<th colspan="{len(columns)}">{escape(name)}</th>' for name, columns in groups)
    below = "".join(f"<th>{escape(c)}</th>" for _, columns in groups for c in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows)
    return (
        f"<section><h2>Estimates against the ground truth</h2><p>{escape(summary)} An estimate belongs to a target if "
        "it lies within one resolution cell of it; all values are of the path length at the window's centre.</p>"
        f'<div class="scroll wraps"><table><thead><tr>{above}</tr><tr>{below}</tr></thead>'
        f"<tbody>{body}</tbody></table></div></section>"
    )


def check_page(path: str | PathLike[str]) -> Path:
    """Refuse a page's path that cannot work, before the work starts.

    Raises
    ------
    InputError
        If it does not end in .html or .htm, or cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{path}: the page's name must end in .html.")
    return check_output(path)
