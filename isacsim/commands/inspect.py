"""``isacsim inspect``: what a data set holds, and whether it is whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isacsim.errors import InputError
from isacsim.terminal import number, output, remark, sample_progress, show_table

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["inspect"]

_BAR = 40
_MOST_FAULTS = 20


def inspect(
    store: Annotated[str, typer.Argument(help="Zarr store that isacsim made.", show_default=False)],
    verify: Annotated[
        bool, typer.Option("--verify", help="Recompute every digest and look for leaks between splits.")
    ] = False,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Verify, and make damaged, lost or missing parts again, to the same bits."
        ),
    ] = False,
    sample: Annotated[
        int | None, typer.Option(help="Show one sample: its number in the store.", show_default=False)
    ] = None,
    regenerate: Annotated[
        bool,
        typer.Option(
            "--regenerate", help="Make --sample again from the data set's plan and compare bit by bit."
        ),
    ] = False,
    picture: Annotated[
        Path | None,
        typer.Option(help="Write a montage of eight samples (.png, .pdf, .svg).", show_default=False),
    ] = None,
) -> None:
    """Show counts by class and split, the SNRs, and whether the data set is complete.

    Exit code 1: --verify found damage or a leak, --repair could not repair it, or --regenerate found a difference.
    """
    from isacsim.dataset.store.soundness import readable
    from isacsim.dataset.store.store import open_dataset, open_record
    from isacsim.dataset.unseen import unseen_remark

    if regenerate and sample is None:
        raise InputError("--regenerate needs --sample, the number of the sample to make again.")
    if repair and sample is not None:
        raise InputError("--repair goes through the whole data set; leave out --sample.")
    if picture is not None:
        from isacsim.figures.spectra import check_picture

        check_picture(picture)
    if Path(store).is_file():
        raise InputError(f"{store}: this is a file, no data set; for a capture use isacsim capture {store}.")
    record = open_record(store)
    if sample is not None:
        _one(store, sample, regenerate)
        return
    if repair:
        _repair(store)
    if verify:  # first: what is damaged can't be counted
        _verify(store)
    dataset = open_dataset(store, incomplete=True)
    with readable(store):
        _summary(dataset, record.attrs)
        unseen = unseen_remark(dataset, record.attrs)
    here, whole = dataset.sizes["sample"], record.n_samples
    out = output()
    out.print(
        f"{here} of {whole} samples are complete; " + ("finished." if here == whole else "NOT FINISHED.")
    )
    if unseen is not None:
        remark(f"note: {unseen}")
    if here < whole:
        remark(f"the same {record.command} makes the rest")
    if picture is not None:
        if not here:
            raise InputError(f"{store}: no sample is complete, so there is nothing to draw.")
        from isacsim.figures.montage import montage_figure
        from isacsim.figures.spectra import save_figure

        save_figure(montage_figure(dataset), picture)
        out.print(f"picture: {picture}")


def _summary(dataset: xr.Dataset, attrs: dict[str, Any]) -> None:
    from isacsim.dataset.card import class_counts, snr_histogram
    from isacsim.dataset.parts import SPLITS

    counts = class_counts(dataset)
    snr, edges = snr_histogram(dataset)
    out = output()
    sizes = ", ".join(f"{name} {size}" for name, size in dataset["aj_noisy"].sizes.items())
    out.print(f"{attrs.get('title', 'data set')}; isacsim {attrs.get('isacsim')}, numpy {attrs.get('numpy')}")
    out.print(f"spectra: {sizes}")
    for name, text in json.loads(attrs.get("fingerprints", "{}")).items():
        out.print(f"scenario {name}: fingerprint {text[:12]}")
    labels = sorted({key[3] for key in counts})
    rows = []
    for group in sorted({key[:3] for key in counts}, key=lambda g: (*g[:2], (*SPLITS, g[2]).index(g[2]))):
        here = [counts[*group, label] for label in labels]
        rows.append([" ".join(filter(None, group)), *map(str, here), str(sum(here))])
    columns = ["unlabelled" if label < 0 else str(label) for label in labels]
    show_table("Samples by number of targets", ["domain, scenario, split", *columns, "all"], rows)
    if snr.sum():
        out.print("SNR of a unit path")
        for count, low, high in zip(snr, edges[:-1], edges[1:], strict=True):
            bar = "#" * round(_BAR * count / snr.max())
            out.print(f"{number(low, 1):>6} to {number(high, 1):>5} dB {count:>8} {bar}")


def _one(store: str, sample: int, again: bool) -> None:
    import numpy as np

    from isacsim.dataset.inspection import regenerate, sample_of
    from isacsim.dataset.store.store import open_record

    out = output()
    for name, row in sample_of(open_record(store), sample).items():
        values = np.asarray(row[0])
        if values.ndim == 0:
            shown = str(values)
        elif values.ndim == 1:
            shown = " ".join(number(float(value), 3) for value in values)
        else:
            shown = f"{values.shape}, largest {number(float(abs(values).max()), 3)}"
        out.print(f"{name}: {shown}")
    if not again:
        return
    same = regenerate(store, sample)
    if all(same.values()):
        out.print(f"sample {sample} made again: the same bits in all {len(same)} variables.")
        return
    other = ", ".join(name for name, equal in same.items() if not equal)
    out.print(f"sample {sample} made again DIFFERS in {other}.")
    raise typer.Exit(1)


def _repair(store: str) -> None:
    from isacsim.dataset.repair import repair

    with sample_progress("verifying", unit="chunks") as progress:
        result = repair(store, progress=progress)
    _list("was damaged", result.wrong)
    out = output()
    if result.chunks:
        out.print(f"made: chunks {', '.join(map(str, result.chunks))}.")
    if result.written:
        out.print(f"written again: {', '.join(result.written)}.")
    if result.left:
        out.print(f"NOT REPAIRED: {result.left}.")
        raise typer.Exit(1)
    if not result.wrong and not result.chunks:
        out.print("nothing to repair.")


def _list(what: str, sentences: list[str]) -> None:
    out = output()
    for sentence in sentences[:_MOST_FAULTS]:
        out.print(f"{what}: {sentence}")
    if len(sentences) > _MOST_FAULTS:
        out.print(f"and {len(sentences) - _MOST_FAULTS} more.")


def _verify(store: str) -> None:
    from isacsim.dataset.inspection import damage

    with sample_progress("verifying", unit="chunks") as progress:
        faults = damage(store, progress=progress)
    _list("DAMAGED", faults)
    out = output()
    if faults:
        out.print(f"isacsim inspect {store} --repair mends what can be made again.")
        raise typer.Exit(1)
    out.print("verified: every value is what was written, and no (seed, index) pair is in two splits.")
