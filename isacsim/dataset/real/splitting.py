"""Splits of capture files by what their labels say: whole persons, rooms, sessions or files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from isacsim.dataset.groups import groups_to_splits
from isacsim.dataset.real.files import CaptureFile
from isacsim.dataset.real.windows import CaptureSummary
from isacsim.errors import InputError

__all__ = ["group_column", "split_files"]


def group_column(
    files: Sequence[CaptureFile], splits: Mapping[str, float] | None, asked: str | None
) -> str | None:
    """Choose the column that defines a group: the one asked for, else the file; None without splits to make.

    Raises
    ------
    InputError
        If the labels say the splits already, or have no such column; if a column is asked for without splits.
    """
    if splits is None:
        if asked is not None:
            raise InputError(f"split_by={asked!r} needs splits, the share of each, e.g. train=0.8, test=0.2.")
        return None
    if any(row.split for file in files for row in file.rows):
        raise InputError(
            "the labels already give the split of each file; leave out their column split, or splits."
        )
    there = dict.fromkeys(name for file in files for row in file.rows for name, _ in row.columns)
    if asked not in (None, "file") and asked not in there:
        raise InputError(
            f"split_by={asked!r}: the labels have no such column; there are file{''.join(f', {n}' for n in there)}."
        )
    return asked or "file"


def split_files(
    files: Sequence[CaptureFile],
    summaries: Sequence[CaptureSummary],
    groups: Mapping[str, str],
    splits: Mapping[str, float],
    *,
    by: str,
    seed: int,
) -> tuple[tuple[CaptureFile, ...], list[CaptureSummary]]:
    """Files and summaries with whole groups in each split.

    Parameters
    ----------
    files, summaries : sequences of CaptureFile and CaptureSummary
        In the same order.
    groups : mapping of str to str
        Each file's source to its group.
    splits, seed
        As for :func:`isacsim.dataset.groups.groups_to_splits`.
    by : str
        What a group is.
    """
    sizes: dict[str, int] = {}
    for file, one in zip(files, summaries, strict=True):
        sizes[groups[file.source]] = sizes.get(groups[file.source], 0) + one.n
    where = groups_to_splits(sizes, splits, seed=seed, what=by)
    placed = tuple(replace(file, split=where[groups[file.source]]) for file in files)
    told = [
        replace(one, record=one.record | {"split": file.split})
        for one, file in zip(summaries, placed, strict=True)
    ]
    return placed, told
