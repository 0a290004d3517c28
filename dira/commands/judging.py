"""The commands ``dira count`` and ``dira evaluate``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from dira.commands.options import Device, Folder, Seed, Split, Store, bar, model_in
from isacsim.errors import InputError
from isacsim.terminal import Json

__all__ = ["count", "evaluate"]


def count(
    store: Store,
    model: Folder = None,
    variable: Annotated[str, typer.Option(help="Spectra to count in.")] = "aj_noisy",
    split: Split = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="CSV with the count and probabilities of each.")
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Count targets in a store's spectra, and compare with the labels where there are any.

    Without --model, dira's counter counts, or where it does not fit, the one of dira's detectors that does.
    """
    from dira.data.stores import load
    from isacsim.files import check_output, written_whole
    from isacsim.terminal import show_json, show_table

    if output is not None:
        check_output(output)
    samples = load(store, variable, split=split)
    counter = _fitting(samples[variable]) if model is None else model_in(model, "counter", "detector")
    counts, odds = _odds(counter, samples[variable], device)
    found = counts[odds.argmax(axis=1)]
    truth = samples["n_targets"].values
    if output is not None:
        with written_whole(output) as file:
            head = ",".join(["sample", "label", "count", *(f"p_{c}" for c in counts)])
            rows = [
                ",".join([str(i), str(int(t)), str(int(c)), *(f"{p:.6f}" for p in row_odds)])
                for i, (t, c, row_odds) in enumerate(zip(truth, found, odds, strict=True))
            ]
            file.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    known = np.isin(truth, counts)
    right = float((found == truth)[known].mean()) if known.any() else None
    labels = sorted(set(truth.tolist()))
    table = [[int(((truth == t) & (found == c)).sum()) for c in counts] for t in labels]
    if as_json:
        show_json(
            model=type(counter).__name__,
            known_counts=counts,
            labels=labels,
            spectra=table,
            share_right=right,
            labelled=int(known.sum()),
            found=found,
            probability=odds,
            file=output,
        )
        return
    shown = [[str(t), *map(str, row)] for t, row in zip(labels, table, strict=True)]
    show_table("label down, count across", ["", *map(str, counts)], shown)
    typer.echo(
        f"counted by {type(counter).__name__}, which knows {counts.min()} to {counts.max()} targets and no other "
        "number"
    )
    if right is not None:
        typer.echo(f"{right:.3f} of {int(known.sum())} labelled spectra counted right")
    if beyond := int((~known & (truth >= 0)).sum()):
        typer.echo(f"{beyond} spectra have labels that this model does not know")


def _fitting(spectra: Any) -> Any:
    """Give the counter that comes with dira, or where it does not fit, the detector that does.

    Raises
    ------
    InputError
        If neither fits.
    """
    from dira.models.counter import TargetCounter
    from dira.models.detector import PathDetector

    try:
        return TargetCounter.pretrained(spectra)
    except InputError as refused:
        try:
            return PathDetector.pretrained(spectra)
        except InputError:
            raise InputError(
                f"{refused} Or count in captures: isacsim count CAPTURE --method dira."
            ) from None


def _odds(model: Any, spectra: Any, device: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Numbers of targets that a counter or a detector knows, and the probability of each (sample, count)."""
    from dira.models.detector import PathDetector

    if isinstance(model, PathDetector):
        odds = model.detect(spectra, device=device)["count_probability"]
        return odds["count"].values, odds.values
    return model.counts, model.predict_proba(spectra, device=device)


def evaluate(
    store: Store,
    variable: Annotated[str, typer.Option(help="Spectra to judge.")] = "aj_enhanced",
    split: Split = None,
    reference: Annotated[
        Path | None, typer.Option(help="Store of real or clean spectra, the reference of the distances.")
    ] = None,
    reference_variable: Annotated[str | None, typer.Option(help="Its spectra; default: aj_clean.")] = None,
    reference_split: Annotated[
        str | None, typer.Option(help="Only samples of its split; default: as --split.")
    ] = None,
    counter: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the counter whose features are used; default: the one that comes with dira."
        ),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(help="Take features of inception or efficientnet-lite0 instead.", show_default=False),
    ] = None,
    feature_weights: Annotated[
        Path | None, typer.Option(help="TorchScript file of inception.", show_default=False)
    ] = None,
    trust_torchscript: Annotated[
        bool,
        typer.Option(
            "--trust-torchscript",
            help="Run that file: it is a program, with your rights. Use this only if you trust its source.",
        ),
    ] = False,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Evaluate spectra: similarity to their clean ones, targets kept and invented, distance to a reference set."""
    from dira.data.stores import load
    from dira.metrics.distances import kernel_distance, name_of, precision_recall
    from dira.metrics.feature_networks import feature_network
    from dira.metrics.fidelity import SCORES, Judged, of_another
    from isacsim.terminal import remark, show_json, show_table

    if reference is None:
        asked = {
            "counter": counter,
            "features": features,
            "feature-weights": feature_weights,
            "reference-split": reference_split,
            "reference-variable": reference_variable,
        }
        for option in (option for option, value in asked.items() if value is not None):
            raise InputError(f"--{option} is for the distance to a --reference; leave it out.")
    else:
        if features is not None and counter is not None:
            raise InputError("--counter and --features both select the features; give one of them.")
        if feature_weights is not None and features is None:
            raise InputError("--feature-weights is for --features inception; give both.")
        if features is None:
            counter_model = model_in(counter, "counter")
            judged_on: Callable[..., Any] = partial(counter_model.features, device=device)
            judged_on.__name__ = name_of(counter_model)
        else:
            judged_on = feature_network(features, feature_weights, trust_torchscript=trust_torchscript)
    samples = load(store, variable, split=split, also=("aj_clean", "aj_noisy"))
    found: dict[str, dict[str, float]] = {}
    distance: dict[str, Any] | None = None
    paired = _with_clean(samples)
    n, without = paired.sizes["sample"], samples.sizes["sample"] - paired.sizes["sample"]
    if n:
        clean = paired["aj_clean"]
        judged = {variable: paired[variable].values}
        if "aj_noisy" in paired:
            judged.setdefault("aj_noisy", paired["aj_noisy"].values)
        judged["all zero"] = np.zeros_like(clean.values)
        judged["clean of another sample"] = of_another(clean.values, paired["n_targets"].values)
        for name, values in judged.items():
            with bar(f"judging {name}", "spectra") as progress:
                scores = Judged.of(values, paired, progress=progress).scores()
            found[name] = {key: float(scores[key]) for key in SCORES}
        if not as_json:
            rows = [[name, *(f"{one:.3g}" for one in judged.values())] for name, judged in found.items()]
            show_table("", ["spectra", *SCORES.values()], rows)
        if without:
            remark(f"{without} of {n + without} spectra have no clean one and are not in the table.")
    if reference is not None:
        split_of_reference = split if reference_split is None else reference_split
        which = reference_variable or "aj_clean"
        other = load(reference, which, split=split_of_reference)[which]
        got = kernel_distance(other, samples[variable], features=judged_on, seed=seed)
        precision, recall = precision_recall(other, samples[variable], features=judged_on)
        distance = asdict(got) | {"precision": precision, "recall": recall}
    elif not found:
        raise InputError(
            f"{store} has no clean spectra, and there is no --reference: nothing to compare with."
        )
    if as_json:
        show_json(scores=found, meanings=SCORES, without_clean=without, distance=distance)
    elif distance is not None:
        typer.echo(
            f"kernel distance (features of {got.features}) {got.value:.4g} [{got.low:.4g}, {got.high:.4g}], floor "
            f"{got.floor:.4g}; precision {precision:.3f}, recall {recall:.3f}; {got.real} and {got.generated} spectra"
        )


def _with_clean(samples: Any) -> Any:
    """Samples that have a clean spectrum: those of real captures have none."""
    keep = np.zeros(samples.sizes["sample"], bool)
    if "aj_clean" in samples:
        clean = samples["aj_clean"].transpose("sample", ...).values
        keep = np.isfinite(clean).all(axis=tuple(range(1, clean.ndim)))
    return samples.isel(sample=np.flatnonzero(keep))
