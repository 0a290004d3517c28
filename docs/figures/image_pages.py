"""Numbers about images of arrays, motion of the scenarios, and the ray tracer: docs/arrays.md, docs/validation.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from isacsim.validation import images_rooms, motion

from docs.figures.passages import Passage
from docs.figures.results import rows, source, table

__all__ = ["passages"]

PAGE = "docs/validation.md"
# Columns of the table of images.
COLUMNS = (
    *("single, no windows", "coherent, no windows", "delay, Hann"),
    *("resolved, 0", "resolved, 0.5", "resolved, 0.75", "resolved, 0.875", "resolved, 1"),
    *("resolved, 0.875, no windows", "blind", "default"),
    *("modes, rendered", "true motion (ceiling)", "clean (ceiling)"),
)


def passages() -> Iterator[Passage]:
    """Every passage about images, motion and retracing."""
    yield from _rooms()
    yield from _images()
    yield from _bodies()
    yield from _motion()
    yield from _retrace()


def _cells(page: str, section: str, line: str, file: str) -> Passage:
    """A row of a table as the study itself prints it; its first cell's first word says which row."""
    first, *cells = (cell.strip() for cell in line.strip("| ").split(" | "))
    text = f"| {first.split(',')[0]}… | " + " | ".join(["{}"] * len(cells)) + " |"
    return Passage(page, section, text, tuple(cells), source(file))


def _rooms() -> Iterator[Passage]:
    result = table("images-rooms")
    for line in images_rooms.markdown(result).splitlines()[2:]:
        yield _cells("docs/arrays.md", "The rooms", line, "images-rooms")
    trials = f"{result['settings']['trials']}"
    text = "images-rooms --trials {}`"
    yield Passage("docs/arrays.md", "The rooms", text, (trials,), source("images-rooms"))


def _label(row: Mapping[str, Any]) -> str:
    """A case as the page calls it: its scene and antennas, and what is unlike the others."""
    label = f"{row['scene']}, {row['antennas'][0]} x {row['antennas'][1]}"
    if row["spread"] != 0.3:
        label += f", spread {row['spread']:g}"
    if row["subcarriers"] != 64:
        label += f", {row['subcarriers']} subcarriers"
    if row["chains"] == "unknown":
        label += ", chains unknown"
    return label + (", the window's cubics" if row["truth"] == "window" else "")


def _recall(label: str) -> dict[str, str]:
    """Recall of each image of a case at 0.3 false maxima."""
    of_case = [row for row in table("images")["rows"] if _label(row) == label]
    return {row["image"]: f"{row['recall']['0.3']['value']:.2f}" for row in of_case}


def _images() -> Iterator[Passage]:
    for label in dict.fromkeys(_label(row) for row in table("images")["rows"]):
        shown = _recall(label)
        text = f"| {label} " + "".join("| {} " if image in shown else "| " for image in COLUMNS) + "|"
        yield Passage(
            PAGE, "images", text, tuple(shown[image] for image in COLUMNS if image in shown), source("images")
        )
    wall, corner = (
        _recall(f"{place}, 4 x 4, the window's cubics") for place in ("one wall", "adjacent corners")
    )
    names = "true motion (ceiling)", "default", "modes, rendered"
    text = "shows {} on one wall, the default {}, `modes` {}. At adjacent corners the values are {}, {}, {}."
    numbers = *(wall[name] for name in names), *(corner[name] for name in names)
    yield Passage(PAGE, "images", text, numbers, source("images"))


def _bodies() -> Iterator[Passage]:
    """People who walk: recall at 0.3 false maxima, chance in brackets, by case and image."""
    images = ("default", "modes, rendered", "true motion (ceiling)", "clean (ceiling)")
    cases: dict[str, dict[str, tuple[str, ...]]] = {}
    for row in table("images-bodies")["rows"]:
        shown = [row["recall"]["0.3"]["value"], row["chance"]["0.3"]["value"]]
        numbers = tuple(f"{value:.2f}" if value else "0" for value in shown)
        cases.setdefault(row["case"], {})[row["image"]] = numbers if shown[1] else numbers[:1]
    for case, found in cases.items():
        cells = [found.get(image, ()) for image in images]
        places = ["not run" if not cell else "{} ({})" if len(cell) > 1 else "{}" for cell in cells]
        text = f"| {case} | {' | '.join(places)} |"
        numbers = tuple(number for cell in cells for number in cell)
        yield Passage(PAGE, "People who walk", text, numbers, source("images-bodies"))
    trials = f"{table('images-bodies')['settings']['trials']}"
    yield Passage(PAGE, "People who walk", "{} captures a case", (trials,), source("images-bodies"))


def _motion() -> Iterator[Passage]:
    for line in motion.markdown(table("motion"))[2:]:
        yield _cells(PAGE, "motion", line, "motion")


def _wavelengths(value: float) -> str:
    # Two digits, one below a hundredth, never as a power of ten.
    return f"{value:.2g}" if value >= 0.01 else f"{float(f'{value:.1g}'):.5f}".rstrip("0")


def _until(seconds: float | None, longest: float) -> str:
    if seconds is None:
        return f"> {longest:g}"
    return f"{seconds:.2f}" if seconds < 1 else f"{seconds:.1f}"


def _retrace() -> Iterator[Passage]:
    result = table("retrace")
    until = {(one["motion"], one["speed_m_s"]): one for one in result["longest_window_s"]}
    longest = round(max(result["settings"]["windows_s"]))
    shown = [("straight", speed) for speed in (0.3, 0.95, 1.26, 3)] + [("turn", s) for s in (0.3, 1.26, 3)]
    for kind, speed in shown:
        (row,) = rows("retrace", motion=kind, speed_m_s=speed)
        (second,) = (w for w in row["windows"] if round(w["window_s"], 1) == 1.0)
        cells = []
        for model in ("doppler", "cubic"):
            off = second[model]["wavelengths"]
            cells += [_wavelengths(off["median"]), _wavelengths(off["most"])]
        cells += [_until(until[kind, speed][model], longest) for model in ("doppler", "cubic")]
        text = f"| {kind} | {speed:g} | {{}} ({{}}) | {{}} ({{}}) | {{}} | {{}} |"
        yield Passage(PAGE, "retrace", text, tuple(cells), source("retrace"))
    bounces = result["bounces"]
    if bounces["ours"] != bounces["traced"] or bounces["traced"] != bounces["traced_and_ours"]:
        raise ValueError(f"{source('retrace')} has echoes that docs/validation.md says are not there.")
    text = "all 180 tracks of 2 s | < 1 mm | ≤ {} µm |"
    yield Passage(PAGE, "retrace", text, (f"{1e6 * result['length_error_m']:.1f}",), source("retrace"))
    text = "{} instants in the furnished room | < 1 mm | ≤ {} µm; all {} found"
    numbers = f"{bounces['instants']}", f"{1e6 * bounces['length_error_m']:.1f}", f"{bounces['traced']}"
    yield Passage(PAGE, "retrace", text, numbers, source("retrace"))
