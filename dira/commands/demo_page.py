"""The page of ``dira demo``."""

from __future__ import annotations

import base64
import platform
from collections.abc import Callable
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from dira.data.spectra import read_spectra
from dira.experiment.finding import CEILING, DETECTOR, FALSE, MODEL, RAW, Captures, compared, drawn
from dira.models.counter import TargetCounter
from dira.models.denoiser import PairedDenoiser
from dira.models.detector import PathDetector
from dira.models.model import Model
from dira.models.purifier import Purifier
from isacsim import __version__
from isacsim.errors import InputError
from isacsim.scenario.model import Scenario
from isacsim.spectrum.render import render_spectrum

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["demo_page"]

_KINDS: tuple[type[Model], ...] = (PathDetector, Purifier, PairedDenoiser, TargetCounter)
_SHOWN = 4
_PACKAGES = ("torch", "numpy", "diffusers")


def demo_page(
    scenario: Scenario,
    *,
    samples: int,
    seed: int,
    weights: Path | None,
    device: str,
    command: str,
    tell: Callable[[str, int, int], None],
) -> tuple[str, str]:
    """Make the page.

    Parameters
    ----------
    scenario : Scenario
        What to simulate.
    samples : int
        Captures.
    seed : int
        Of the first capture, and of the purifier.
    weights : Path, optional
        Folder of models by their class; default: those that come with dira.
    device : {"auto", "cpu", "cuda", "mps"}
        Where.
    command : str
        That makes the page again.
    tell : callable
        Told what is being done, how much is done, and of how much.

    Returns
    -------
    page : str
        HTML with all pictures inside.
    conclusion : str
        One sentence from its numbers.

    Raises
    ------
    InputError
        If no model fits the scenario's spectra; says why each does not.
    """
    from isacsim.figures.html import document
    from isacsim.figures.spectra import png

    captures = drawn(scenario, samples, seed, tell)
    models, left_out = _fitting(captures.noisy, weights)
    images: dict[str, NDArray[np.float32]] = {}
    if "Purifier" in models:
        purifier: Any = models["Purifier"]
        images["Purifier"] = purifier.enhance(
            captures.noisy,
            **purifier.chosen,
            seed=seed,
            device=device,
            progress=lambda done, total, _: tell("purifying", done, total),
        )
    if "PairedDenoiser" in models:
        denoiser: Any = models["PairedDenoiser"]
        images["PairedDenoiser"] = denoiser.enhance(captures.noisy, device=device)
    detector: Any = models.get(DETECTOR)
    results = compared(captures, scenario, detector, tell, more=images, device=device)
    counted = {way: one["counted"] for way, one in results.items()}
    if "TargetCounter" in models:
        counter: Any = models["TargetCounter"]
        for name, image in (("spectrum", captures.noisy.values), *images.items()):
            counted[f"TargetCounter, {name}"] = counter.predict(image, device=device).tolist()
    shown = {"as received": captures.noisy.values, **images}
    if detector is not None:
        shown["found by PathDetector"] = detector.enhance(captures.noisy, device=device)
    shown["found by estimate_paths"] = _rendered(captures)
    shown["clean: what is there"] = captures.clean.values
    conclusion = _conclusion(results)
    picture = base64.b64encode(png(_figure(captures, shown))).decode("ascii")
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    parts = [
        f'<h1>dira: {escape(scenario.name)}</h1><p class="lead">{escape(scenario.description)}</p>'
        f"<p><strong>{escape(conclusion)}</strong></p>",
        "<section><h2>What each way makes of the spectra</h2><p>Acceleration across, jerk upwards; colour: magnitude "
        "to the power ¼. White circles are the true targets. The pictures of PathDetector and estimate_paths are drawn "
        "from the paths that they found: they hold no noise and no cross-terms, and nothing that was missed.</p>"
        f'<img alt="spectra" src="data:image/png;base64,{picture}"></section>',
        "<section><h2>Found</h2><p>Share of the true targets within 0.45 m/s² and 2 m/s³, where one threshold for all "
        f"captures leaves {FALSE[0]:g} and {FALSE[1]:g} false ones a capture. By itself: what detector and model say "
        "without such a threshold, and their false ones a capture. The model gives no score, its paths "
        "are ranked by amplitude: judge it by itself. Errors: root mean squares at "
        f"{FALSE[0]:g}.</p>{_found_table(results)}</section>",
        f"<section><h2>Counted</h2>{_count_table(captures, counted)}</section>",
        f"<section><h2>Made with</h2><p>isacsim {__version__}, Python {platform.python_version()}, {packages}; "
        f"{samples} captures of seeds {seed} to {seed + samples - 1}. Again: <code>{escape(command)}</code></p>"
        + "".join(f"<p>Left out: {escape(reason)}</p>" for reason in left_out)
        + "</section>",
    ]
    return document(f"dira: {scenario.name}", parts), conclusion


def _fitting(noisy: xr.DataArray, weights: Path | None) -> tuple[dict[str, Model], list[str]]:
    """Models whose axes and settings are the spectra's, and why the others are left out."""
    models: dict[str, Model] = {}
    reasons: list[str] = []
    for kind in _KINDS:
        name = kind.__name__
        if weights is not None and not (weights / name).is_dir():
            reasons.append(f"{name}, which is not in {weights}.")
            continue
        try:
            if weights is None:
                models[name] = kind.pretrained(noisy)
                continue
            model = kind.from_pretrained(weights / name)
            model.fitted()[1].check(read_spectra(noisy)[1], model=name)
            models[name] = model
        except InputError as error:
            reasons.append(f"{name}: {error}")
    if not models:
        raise InputError(f"no model fits these spectra. {' '.join(reasons)}")
    return models, reasons


def _conclusion(results: dict[str, Any]) -> str:
    """Say in numbers who found what, and whether learning was worth it here: by F1, each way at its own threshold."""
    of, captures = results[RAW]["targets"], results[RAW]["captures"]

    if not of:
        said = ", ".join(
            f"{way} says {round(one['as_said']['false'] * captures)}"
            for way, one in results.items()
            if one["as_said"]
        )
        return f"There are no targets to find in {captures} captures: {said}."

    def hits(way: str) -> int:
        said = results[way]["as_said"]
        return round((said["recall"] if said else results[way]["recall"][str(FALSE[0])]) * of)

    def f1(way: str) -> float:
        said = results[way]["as_said"]
        false = (said["false"] if said else FALSE[0]) * captures
        return 2 * hits(way) / max(1.0, hits(way) + false + of)

    def by_itself(way: str) -> str:
        said = results[way]["as_said"]
        return f"{hits(way)} ({round(said['false'] * captures)} false)" if said else str(hits(way))

    learned = [way for way in (DETECTOR, "Purifier", "PairedDenoiser") if way in results]
    parts = [f"{way} {by_itself(way)}" for way in learned]
    said = (
        f"Of {of} targets in {captures} captures the spectra's maxima show {hits(RAW)} where {FALSE[0]:g} false ones a "
        f"capture pass, {', '.join(parts)}{', ' if parts else ''}the model of the signal (estimate_paths) "
        f"{by_itself(MODEL)}, and the maxima of the clean spectra {hits(CEILING)}."
    )
    if learned:
        best = max(learned, key=f1)
        verdict = "better than" if f1(best) > f1(MODEL) else "worse than" if f1(best) < f1(MODEL) else "as"
        said += (
            f" By hits and false ones together the best trained network, {best}, does {verdict} the model, which needs "
            f"no training (F1 {f1(best):.2f} and {f1(MODEL):.2f})."
        )
    return said


def _found_table(results: dict[str, Any]) -> str:
    head = ["way", *(f"recall at {false:g}" for false in FALSE), "by itself", "false"]
    head += ["error of a [m/s²]", "of r [m/s³]", "counted right"]
    rows = [
        [
            way,
            *(f"{one['recall'][str(false)]:.2f}" for false in FALSE),
            *(f"{one['as_said'][name]:.2f}" if one["as_said"] else "" for name in ("recall", "false")),
            f"{one['rms'][0]:.3f}",
            f"{one['rms'][1]:.2f}",
            f"{round(one['count_right'] * one['captures'])} of {one['captures']}",
        ]
        for way, one in results.items()
    ]
    return _table(head, rows)


def _count_table(captures: Captures, counted: dict[str, list[int]]) -> str:
    columns = {
        "SNR [dB]": [f"{one:.0f}" for one in captures.snr_db],
        "truth": captures.counts.tolist(),
        **counted,
    }
    rows = [[name, *map(str, values)] for name, values in columns.items()]
    return _table(["capture", *(str(i) for i in range(len(captures.counts)))], rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    line = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="scroll wraps"><table><thead><tr>{line}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _rendered(captures: Captures) -> NDArray[np.float32]:
    """Self-terms of the paths that `estimate_paths` found."""
    out = np.zeros_like(captures.noisy.values)
    for i, rows in enumerate(captures.estimated):
        known = rows[np.isfinite(rows[:, :3]).all(axis=1)]
        names = ("acceleration", "jerk", "amplitude")
        paths = xr.Dataset({name: ("path", known[:, k]) for k, name in enumerate(names)})
        out[i] = render_spectrum(paths, captures.noisy.isel(sample=i)).values
    return out


def _figure(captures: Captures, shown: dict[str, NDArray[np.float32]]) -> Figure:
    from matplotlib.figure import Figure

    from isacsim.figures.spectra import draw_aj

    n = min(_SHOWN, captures.noisy.sizes["sample"])
    figure = Figure(figsize=(3.1 * n, 2.75 * len(shown)), layout="constrained")
    grid = figure.subplots(len(shown), n, squeeze=False)
    for column in range(n):
        true = captures.truth[column][np.isfinite(captures.truth[column]).all(axis=-1)]
        points = xr.Dataset({"acceleration": ("path", true[:, 0]), "jerk": ("path", true[:, 1])})
        for row, (name, values) in enumerate(shown.items()):
            one = captures.noisy.isel(sample=column).copy(data=values[column])
            draw_aj(grid[row][column], one, truth=points)
            grid[row][column].set_title(name, fontsize=9)
            grid[row][column].label_outer()
        first = f"{len(true)} targets, {captures.snr_db[column]:.0f} dB\n{grid[0][column].get_title()}"
        grid[0][column].set_title(first, fontsize=9)
    return figure
