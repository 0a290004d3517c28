"""``isacsim capture``: what a capture holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isacsim.commands.reading import reads_files
from isacsim.commands.source import open_source
from isacsim.errors import InputError
from isacsim.terminal import Json, output, remark, sample_progress, show_json, show_table

if TYPE_CHECKING:
    from isacsim.survey.describe import CaptureDescription

__all__ = ["capture", "check_capture"]

_MOST_LINES = 12


@reads_files
def capture(
    file: Annotated[
        str,
        typer.Argument(
            help="Capture: a receiver's file (Intel 5300, Nexmon, Atheros, PicoScenes, ESP32) or a saved one (.nc).",
            show_default=False,
        ),
    ],
    where: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for a page with pictures and the numbers (JSON); or one file: .html, .json, .png, .pdf, .svg.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Show the content of a capture: packets, rate, gaps, antennas, kinds, dropped parts, assumptions.

    With --output it also draws amplitude and phase over time and frequency. From Python: isacsim.describe_capture.
    """
    from isacsim.survey.describe import describe_capture
    from isacsim.survey.facts import RECEIVER_COLUMNS, facts, receiver_rows

    check_capture(file)
    if where is not None:
        _kind(where)
    opened = open_source(file, whole=False, **reading)
    with sample_progress("capture", unit="packets") as progress:
        described = describe_capture(opened.capture, progress=progress)
    if as_json:
        written = [] if where is None else _write(described, where, Path(opened.stem).name)
        show_json(**described.to_dict(), files=[path for _, path in written])
        return
    show_table("", [opened.name, ""], facts(described), numbers=False)
    show_table("Receivers", RECEIVER_COLUMNS, receiver_rows(described))
    if described.reported:
        rows = [
            [f"{name} [{v['units']}]", *(f"{v[key]:.4g}" for key in ("least", "median", "most"))]
            for name, v in described.reported.items()
        ]
        show_table("Reported by packet", ["", "least", "median", "most"], rows)
    for name, counts in described.kinds.items():
        show_table("", [name, "packets"], [[kind, str(n)] for kind, n in counts.items()])
    out = output()
    for title, lines in (("dropped or repaired", described.dropped), ("assumed", described.assumed)):
        for line in lines[:_MOST_LINES] or ["nothing"]:
            out.print(f"{title}: {line}")
        if len(lines) > _MOST_LINES:
            out.print(f"and {len(lines) - _MOST_LINES} more")
    for line in described.remarks:
        remark(f"note: {line}")
    if where is not None:
        for kind, path in _write(described, where, Path(opened.stem).name):
            out.print(f"{kind}: {path}")


def check_capture(file: str) -> None:
    """Refuse what is no file of a capture, before it is read.

    Raises
    ------
    InputError
        If it is a scenario, a folder, or not there.
    """
    path = Path(file)
    if path.suffix.lower() in (".yaml", ".yml"):
        raise InputError(
            f"{file}: this is a scenario, not a capture; isacsim simulate makes a capture of it."
        )
    if path.is_dir():
        raise InputError(
            f"{file}: this is a directory, expected a capture; for a data set use isacsim inspect {file}."
        )
    if not path.exists():
        raise InputError(f"{file}: no such file.")


def _kind(where: Path) -> str:
    """The file's kind by its ending; "" for a folder."""
    from isacsim.figures.html import check_page
    from isacsim.figures.spectra import FORMATS, check_picture
    from isacsim.files import check_output

    suffix = where.suffix.lower()
    if where.is_dir() or not suffix:
        check_output(where / "page.html")
        return ""
    if suffix in (".html", ".htm"):
        check_page(where)
    elif suffix == ".json":
        check_output(where)
    elif suffix in FORMATS:
        check_picture(where)
    else:
        raise InputError(f"{where}: --output must be a folder or end in .html, .json, {', '.join(FORMATS)}.")
    return suffix


def _write(described: CaptureDescription, where: Path, stem: str) -> list[tuple[str, Path]]:
    """Write what was asked for; gives the kind and the path of each file."""
    from isacsim.commands.capture_page import capture_page
    from isacsim.figures.captures import capture_figure
    from isacsim.figures.spectra import save_figure
    from isacsim.files import strict_json, written_whole

    suffix = _kind(where)
    targets = {suffix: where} if suffix else {e: where / f"{stem}{e}" for e in (".html", ".json")}
    for ending, path in targets.items():
        if ending in (".html", ".htm", ".json"):
            text = strict_json(described.to_dict()) if ending == ".json" else capture_page(described)
            with written_whole(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
        else:
            save_figure(capture_figure(described), path)
    kinds = {".json": "numbers", ".html": "page", ".htm": "page"}
    return [(kinds.get(ending, "picture"), path) for ending, path in targets.items()]
