"""The report of a run: one HTML page with every picture and table, the paper's numbers beside them, and a JSON."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from dira.experiment.criteria import criteria
from dira.experiment.figures import figures
from dira.experiment.first_screen import first_figure, sentences
from dira.experiment.presets import Preset
from dira.experiment.reproduce import stages
from dira.experiment.stages import Run
from dira.experiment.tables import table, tables
from isacsim.errors import InputError
from isacsim.figures.html import document
from isacsim.figures.spectra import png
from isacsim.files import read_json, strict_json, written_whole

__all__ = ["collect", "write_report"]

_CAPTIONS = {
    "examples": (
        "Simulated and generated spectra (Fig. 5)",
        "The first of each class, acceleration across and jerk upwards, (P / Pmax)^¼; nothing is chosen.",
    ),
    "classes": (
        "Distance by class (Fig. 6)",
        "Mean and standard deviation over seeds; more simulation is one set for all. The conditional GAN has the wall "
        "time of DiRA's generator, by a step of each measured one after the other, and the best of {rates} learning "
        "rates by the validation set; {vae} "
        "More simulation is what no generator can beat at the test set; at the training set learning by heart would. "
        "Spectra of a blurred generator are near to any: what copies says of it is not learning by heart. The paper's "
        "FID, of other features and of measured spectra: 7.65 (DiRA) and 63.73 (CGAN); its standard deviation over "
        "classes, training and test: 0.979 and 1.040, CGAN 7.024 and 7.780.",
    ),
    "sizes": (
        "Number of training spectra at a fixed budget (Fig. 7)",
        "One seed; 95 % intervals over spectra. "
        "The paper's FID to the training set at 100 000 steps: 3.43, 5.79, 19.84 with 500, 1000, 1500.",
    ),
    "process": (
        "The enhancement, step by step (Fig. 8)",
        "Each row is one test spectrum, acceleration across and jerk upwards, (P / Pmax)^¼; the paired denoiser and "
        "the clean truth at the right.",
    ),
    "distances": (
        "Before and after enhancement (Fig. 9, 10)",
        "The first seed's; the table has 95 % intervals over spectra. "
        "The paper's FID to noise-free spectra: 181.2, 172.9, 178.1 before (original, generated, all), 12.8, 15.1, "
        "12.0 after, and with W = 2 higher than with W = 1. A model that ignores its input wins this (other clean "
        "spectra of the training set: {clean}); the next section tells whether it keeps the targets.",
    ),
    "enhancement": (
        "What the enhancement keeps and invents",
        "On test spectra of the original scenario, by SNR and by number of targets; targets kept and peaks invented "
        "above -12 dB, those that the clean spectrum has not. One purifier, trained once. No two targets share a "
        "maximum. Noise alone has maxima near most targets: read kept beside invented.",
    ),
    "counting": (
        "Counting in three scenarios (Fig. 11)",
        "Each counter sees test spectra processed as its training spectra were, but where its name says otherwise. All "
        "are trained on spectra mirrored and shifted by chance, without which they learn such sets by heart. "
        "Gains over the original data are paired by seed and spectrum, with halves of two 95 % intervals: over seeds "
        "(training set, generator, counter) and over test spectra, which are the same for all seeds.",
    ),
    "confusion": ("Confusion", "Share of each true number of targets (rows), all seeds together."),
    "snr": (
        "Counting by SNR",
        "Mean over seeds, in thirds of equal numbers of spectra, whose numbers of targets differ by chance.",
    ),
    "spread": (
        "Counting by amplitude spread",
        "Thirds are taken among spectra of as many targets, as more targets differ more.",
    ),
    "data-ablations": (
        "How many generated, how many original spectra",
        "One seed, so each point has the chance of a training and of the test spectra. Left: expansion from none to "
        "four times the original set. Right: a smaller original set, alone and brought to full size by a generator "
        "that has seen those alone. None at the left and all, alone, at the right are the same spectra in another "
        "order.",
    ),
}


def collect(run: Run) -> dict[str, Any]:
    """Results of all stages.

    Raises
    ------
    InputError
        If a stage is not done, or was done in a run frozen otherwise.
    """
    out, missing = {}, []
    for name in stages(run):
        path = run.folder / "stages" / f"{name}.json"
        if not path.exists():
            missing.append(name)
            continue
        content = read_json(path)
        if content.get("digest") != run.digest:
            raise InputError(
                f"{path} is of a run frozen as {content.get('digest')}, the others as {run.digest}: results of "
                "different scenarios or presets are not mixed."
            )
        out[name] = content
    if missing:
        raise InputError(
            f"{run.folder}: not done yet: {', '.join(missing)}; dira reproduce --preset {run.preset.name} --output "
            f"{run.folder} continues."
        )
    return out


def write_report(run: Run) -> tuple[Path, Path]:
    """Write report.html and report.json into the run's folder.

    Returns
    -------
    pathlib.Path, pathlib.Path
        Page and JSON.

    Raises
    ------
    InputError
        If a stage is not done, something that it made is missing, or is of a run frozen otherwise.
    """
    whole = collect(run)
    results = {name: content["result"] for name, content in whole.items()}
    p = run.preset
    frozen = read_json(run.folder / "frozen.json")
    made_by: dict[str, list[str]] = {}
    for name, stage in whole.items():
        made_by.setdefault(stage.get("sources", "some older one"), []).append(name)
    seconds = {name: content["seconds"] for name, content in whole.items()}
    judged = criteria(results, p)
    content = {
        "digest": run.digest,
        "frozen": frozen,
        "seconds": seconds,
        "stages by code": made_by,
        "aims": [{"aim": v.aim, "measured": v.measured, "met": v.met} for v in judged],
        "results": results,
    }
    data, page = run.folder / "report.json", run.folder / "report.html"
    with written_whole(data) as file:
        file.write_text(strict_json(content), encoding="utf-8")
    parts = [_came_out(p, results), _head(run, frozen, sum(seconds.values()), made_by)]
    rows = [[v.aim, v.measured, "met" if v.met else "not met"] for v in judged]
    parts.append(_section("What it was to show", "", table(["aim", "measured", ""], rows)))
    html_tables = tables(p, results)
    for name, figure in figures(run, results).items():
        heading, text = _CAPTIONS[name]
        known = {
            "{vae}": f"the conditional VAE has {p.baseline_share:.0%} of it.",
            "{rates}": str(len(p.gan_rates)),
            "{clean}": f"{results['distances']['clean of the training set']['kernel_clean']['value']:.3g}",
        }
        for key, value in known.items():
            text = text.replace(key, value)
        picture = base64.b64encode(png(figure)).decode("ascii")
        image = f'<img alt="{escape(heading)}" src="data:image/png;base64,{picture}">'
        parts.append(_section(heading, text, image + html_tables.get(name, "")))
    text = "Of the first seed's generator; the first is what all else here is made with."
    parts.append(_section("Samplers", text, html_tables["samplers"]))
    guide = results["guidance"]
    text = (
        f"On {guide['spectra']} validation spectra, one round. By SSIM, a = {guide['scale']:g} is used for T* = "
        f"{p.variants[0][1]}{' (at the edge of what was tried)' if guide['at_the_edge'] else ''} and the other two, "
        f"and T* = {guide['chosen']['t_star']} with a = {guide['chosen']['a']:g} for the variant whose T* is chosen"
        f"{' (the largest T* or a strength at the edge of what was tried)' if guide['chosen_at_the_edge'] else ''}. "
        "With a = 0 nothing guides."
    )
    parts.append(_section("Strength of the guidance", text, html_tables["guidance"]))
    text = (
        "Expected calibration error: mean distance of the highest probability from the share of right counts. The "
        "temperature is fitted on the validation set, processed as the training set was."
    )
    parts.append(_section("How sure the counters are", text, html_tables["calibration"]))
    with written_whole(page) as file:
        file.write_text(document(f"DiRA: {p.name}", parts), encoding="utf-8")
    return page, data


def _came_out(p: Preset, results: Mapping[str, Any]) -> str:
    """The first screen: three sentences and one figure."""
    picture = base64.b64encode(png(first_figure(p, results))).decode("ascii")
    image = f'<img alt="Counting and finding targets" src="data:image/png;base64,{picture}">'
    text = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences(p, results))
    return f"<h1>DiRA, preset {escape(p.name)}: what came out</h1>{text}{image}"


def _head(run: Run, frozen: Mapping[str, Any], seconds: float, made_by: Mapping[str, list[str]]) -> str:
    p = run.preset
    facts = {
        "preset": p.name,
        "spectra": f"{p.bins} x {p.bins} bins",
        "training set": " / ".join(str(n) for n in p.class_sizes.values()),
        "seeds": ", ".join(map(str, p.seeds)),
        "time since the last start of each stage": f"{seconds / 60:.0f} min",
        "machine": f"{frozen['machine']['processor']}, {frozen['machine']['cores']} cores",
        "frozen as": run.digest,
        "code": "; ".join(
            f"{code} ({len(stages_of_code)} stages)" if len(made_by) > 1 else code
            for code, stages_of_code in made_by.items()
        ),
    }
    pairs = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in facts.items())
    text = (
        "DiRA on simulated spectra: quantity expansion, quality enhancement, counting. One purifier and one paired "
        "denoiser serve all seeds; training set, generator and counters are of each seed. Features of the distances "
        "are those of a counter trained on simulations that are in no other set. Real captures have no count of 3 to "
        "7 people and could not be mixed in."
    )
    return f'<section><h2>What was done</h2><p class="lead">{escape(text)}</p><dl>{pairs}</dl></section>'


def _section(heading: str, text: str, body: str) -> str:
    paragraph = f"<p>{escape(text)}</p>" if text else ""
    return f"<section><h2>{escape(heading)}</h2>{paragraph}{body}</section>"
