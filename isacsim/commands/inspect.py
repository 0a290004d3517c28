"""``isacsim inspect``: what a data set holds, and whether it is whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isacsim.errors import InputError
from isacsim.terminal import Json, number, output, remark, sample_progress, show_json, show_table

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
    as_json: Json = False,
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
        raise InputError(
            f"{store}: this is a file, not a data set; for a capture use isacsim capture {store}."
        )
    record = open_record(store)
    if as_json and repair:
        raise InputError("--repair reports its progress; --json is for the content of a data set.")
    if sample is not None:
        (_one_as_json if as_json else _one)(store, sample, regenerate)
        return
    if repair:
        _repair(store)
    if verify:  # first: what is damaged cannot be counted
        faults = _faults(store)
        if as_json and faults:
            show_json(store=store, damaged=faults)
            raise typer.Exit(1)
        if not as_json:
            _show_faults(store, faults)
    dataset = open_dataset(store, incomplete=True)
    with readable(store):
        told = _told(dataset, record.attrs)
        if not as_json:
            _summary(dataset, told)
        unseen = unseen_remark(dataset, record.attrs)
    here, whole = dataset.sizes["sample"], record.n_samples
    if picture is not None:
        _draw(dataset, store, picture)
    if as_json:
        notes = [] if unseen is None else [unseen]
        show_json(
            store=store,
            **told,
            samples=here,
            samples_in_all=whole,
            finished=here == whole,
            verified=True if verify else None,
            notes=notes,
            picture=picture,
        )
        return
    out = output()
    out.print(
        f"{here} of {whole} samples are complete; " + ("finished." if here == whole else "NOT FINISHED.")
    )
    if unseen is not None:
        remark(f"note: {unseen}")
    if here < whole:
        remark(f"the same {record.command} makes the rest")
    if picture is not None:
        out.print(f"picture: {picture}")


def _draw(dataset: xr.Dataset, store: str, picture: Path) -> None:
    if not dataset.sizes["sample"]:
        raise InputError(f"{store}: no sample is complete, so there is nothing to show.")
    from isacsim.figures.montage import montage_figure
    from isacsim.figures.spectra import save_figure

    save_figure(montage_figure(dataset), picture)


def _told(dataset: xr.Dataset, attrs: dict[str, Any]) -> dict[str, Any]:
    """Sum up what a data set holds, as JSON has it; counts are by domain, scenario, split and number of targets."""
    from isacsim.dataset.card import class_counts, noise_sentence, snr_histogram
    from isacsim.dataset.told import label_counts

    counts, edges = snr_histogram(dataset)
    keys = ("domain", "scenario", "split", "n_targets")
    return {
        "title": attrs.get("title", "data set"),
        "isacsim": attrs.get("isacsim"),
        "numpy": attrs.get("numpy"),
        "sizes": dict(dataset["aj_noisy"].sizes),
        "fingerprints": json.loads(attrs.get("fingerprints", "{}")),
        "counts": [
            dict(zip(keys, key, strict=True)) | {"samples": n}
            for key, n in sorted(class_counts(dataset).items())
        ],
        "snr": {"samples": counts.tolist(), "edges_db": edges.tolist()} if counts.sum() else None,
        "noise": noise_sentence(dataset),
        "labels": label_counts(dataset),
    }


def _summary(dataset: xr.Dataset, told: dict[str, Any]) -> None:
    from isacsim.dataset.card import class_counts
    from isacsim.dataset.parts import SPLITS
    from isacsim.dataset.told import label_sentences

    counts = class_counts(dataset)
    out = output()
    sizes = ", ".join(f"{name} {size}" for name, size in told["sizes"].items())
    out.print(f"{told['title']}; isacsim {told['isacsim']}, numpy {told['numpy']}")
    out.print(f"spectra: {sizes}")
    for name, text in told["fingerprints"].items():
        out.print(f"scenario {name}: fingerprint {text[:12]}")
    labels = sorted({key[3] for key in counts})
    rows = []
    for group in sorted({key[:3] for key in counts}, key=lambda g: (*g[:2], (*SPLITS, g[2]).index(g[2]))):
        here = [counts[*group, label] for label in labels]
        rows.append([" ".join(filter(None, group)), *map(str, here), str(sum(here))])
    columns = ["unlabelled" if label < 0 else str(label) for label in labels]
    show_table("Samples by number of targets", ["domain, scenario, split", *columns, "all"], rows)
    for sentence in filter(None, (*label_sentences(told["labels"]), told["noise"])):
        out.print(sentence)
    if told["snr"] is not None:
        out.print("SNR of a unit path")
        edges, most = told["snr"]["edges_db"], max(told["snr"]["samples"])
        for count, low, high in zip(told["snr"]["samples"], edges[:-1], edges[1:], strict=True):
            bar = "#" * round(_BAR * count / most)
            out.print(f"{number(low, 1):>6} to {number(high, 1):>5} dB {count:>8} {bar}")


def _one(store: str, sample: int, again: bool) -> None:
    import numpy as np

    from isacsim.dataset.inspection import regenerate, sample_of
    from isacsim.dataset.store.store import open_dataset, open_record
    from isacsim.dataset.told import words_of

    out = output()
    rows = sample_of(open_record(store), sample)
    variables = open_dataset(store, incomplete=True).variables
    for name, row in rows.items():
        values = np.asarray(row[0])
        if "flag_meanings" in variables[name].attrs:
            shown = " ".join(words_of(variables[name], values))
        elif variables[name].dims[-1] == "xyz":
            shown = ", ".join(" ".join(number(float(x), 3) for x in place) for place in values)
        elif values.ndim == 0:
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


def _one_as_json(store: str, sample: int, again: bool) -> None:
    from isacsim.dataset.inspection import regenerate, sample_of
    from isacsim.dataset.store.store import open_dataset, open_record

    record = open_record(store)
    rows = sample_of(record, sample)
    variables = open_dataset(store, incomplete=True).variables
    same = regenerate(store, sample) if again else None
    show_json(
        store=store,
        sample=sample,
        values={
            name: {
                "dims": variables[name].dims[1:],
                "units": variables[name].attrs.get("units"),
                "data": row[0],
            }
            for name, row in rows.items()
        },
        the_same_again=same,
    )
    if same is not None and not all(same.values()):
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


def _faults(store: str) -> list[str]:
    from isacsim.dataset.inspection import damage

    with sample_progress("verifying", unit="chunks") as progress:
        return damage(store, progress=progress)


def _show_faults(store: str, faults: list[str]) -> None:
    _list("DAMAGED", faults)
    out = output()
    if faults:
        out.print(f"isacsim inspect {store} --repair mends what can be made again.")
        raise typer.Exit(1)
    out.print("verified: every value is what was written, and no (seed, index) pair is in two splits.")
