"""Real captures as data: windows of capture files, conditioned, as samples without truth (docs/datasets.md).

**Scale.** The gain of a receiver is unknown, differs from file to file and enters a spectrum with its fourth power. So
the CSI of each file, conditioned, is divided by its rms over the file's windows before the spectra: what is left is
the moving part's share of what was received. Within a file, windows keep their relation: one with nobody in it stays
weak. The rms is in ``csi_rms``; ``aj_noisy * csi_rms**4`` is the spectrum of the CSI as reported.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from isacsim import __version__
from isacsim.checks import check_choice, check_integer
from isacsim.conditioning.conditioning import Gain, Reference
from isacsim.conditioning.cutting import CaptureWindow
from isacsim.dataset.parts import SPLITS, Part, parts_to_json
from isacsim.dataset.real.block import block_of
from isacsim.dataset.real.files import CaptureFile, FilePath, capture_files
from isacsim.dataset.real.labels import UNLABELLED, read_labels
from isacsim.dataset.real.splitting import group_column, split_files
from isacsim.dataset.real.windows import (
    CaptureSummary,
    WindowingOptions,
    cut_windows,
    parsed,
    summarise,
)
from isacsim.errors import InputError
from isacsim.spectrum.aj import aj_spectrum

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["CapturePlan", "capture_dataset", "each_block", "plan_captures"]

# Spectra of windows held at once.
_BLOCK_BYTES = 2**25

Progress = Callable[[int, int], object]
"""Told how many samples there are, and of how many."""

# `n_targets` is int16.
_LARGEST_LABEL = 2**15 - 1


@dataclass(frozen=True, eq=False)
class CapturePlan:
    """Capture files and how to make samples of them; from :func:`plan_captures`."""

    files: tuple[CaptureFile, ...]
    summaries: tuple[CaptureSummary, ...]
    settings: Mapping[str, Any]
    """Arguments of :func:`isacsim.aj_spectrum`, the axes among them: the same for all files."""
    windowing: WindowingOptions
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Files left out, and why."""
    split_by: Mapping[str, Any] | None = None
    """By what splits were made: the column, the shares, the seed."""

    @property
    def columns(self) -> list[str]:
        """The labels' own columns, which each sample keeps."""
        return list(
            dict.fromkeys(name for file in self.files for row in file.rows for name, _ in row.columns)
        )

    @property
    def n_samples(self) -> int:
        """Samples in all."""
        return sum(one.n for one in self.summaries)

    @property
    def notes(self) -> list[str]:
        """Notes on what was repaired, assumed or skipped, file by file."""
        return [f"{one.record['file']}: {line}" for one in self.summaries for line in one.record["notes"]]

    def attrs(self) -> dict[str, str | int | float]:
        """Attributes of the data set: all that is needed to make it again from the files."""
        parts = [
            Part("", -1, file.split, 0, one.n, file.source)
            for file, one in zip(self.files, self.summaries, strict=True)
        ]
        # Columns of one's own come behind, where there are any: a store without them is as it was.
        rows: list[list[list[Any]]] = [
            [
                [row.start, row.end, row.label, *([dict(row.columns)] if row.columns else [])]
                for row in file.rows
            ]
            for file in self.files
        ]
        records = [
            {**one.record, "labels": own}
            for one, own in zip(self.summaries, _without_infinity(rows), strict=True)
        ]
        settings = {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in sorted(self.settings.items())
        }
        own: dict[str, str | int | float] = {}
        if self.columns:
            own["columns"] = json.dumps(self.columns)
        if self.split_by:
            own["split_by"] = json.dumps(dict(self.split_by))
        return own | {
            "title": "acceleration-jerk spectra of captures, made by isacsim",
            "isacsim": __version__,
            "numpy": np.__version__,
            "captures": json.dumps(records, ensure_ascii=False),
            "spectrum": json.dumps(settings),
            "parts": parts_to_json(parts),
            **({"skipped": json.dumps(dict(self.skipped), ensure_ascii=False)} if self.skipped else {}),
        }

    def samples_of(self, number: int, most: int | None = None) -> Iterator[xr.Dataset]:
        """Make the samples of one file, some windows at a time: ``most``, or about 32 MiB of spectra."""
        file, rms = self.files[number], self.summaries[number].rms
        with cut_windows(self.windowing, file) as cut:
            if rms == 0:
                raise InputError("the conditioned CSI is all zero.")
            held: list[tuple[CaptureWindow, xr.DataArray]] = []
            for window in cut.cutter:
                if isinstance(window, str):
                    continue
                # A copy keeps the attributes, the phase sign among them, in every version of xarray.
                csi = window.csi.copy(data=window.csi.values / np.float32(rms))
                spectrum = aj_spectrum(csi, **self.settings)
                # Times of the window are kept, but not its CSI.
                held.append((window.without_csi(), spectrum))
                if len(held) == (most or max(_BLOCK_BYTES // spectrum.nbytes, 1)):
                    yield block_of(file, rms, cut, held, self.columns, self.settings)
                    held = []
            if held:
                yield block_of(file, rms, cut, held, self.columns, self.settings)


def plan_captures(
    files: Sequence[FilePath],
    *,
    length_s: float | None = None,
    hop_s: float | None = None,
    label: int | None = None,
    labels: FilePath | None = None,
    split: str = "train",
    splits: Mapping[str, float] | None = None,
    split_by: str | None = None,
    split_seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    receivers: Literal["all", "one"] = "all",
    reference: Reference = "auto",
    gain: Gain = "auto",
    skip_bad: bool = False,
    **reading: Any,
) -> CapturePlan:
    """Check capture files and their labels, and settle the axes; arguments as for :func:`capture_dataset`."""
    if label is not None and labels is not None:
        raise InputError("give either one label for all files or a CSV of labels, not both.")
    if label is not None:
        check_integer("label", label, least=UNLABELLED, most=_LARGEST_LABEL)
    check_choice("split", split, SPLITS)
    check_choice("receivers", receivers, ("all", "one"))
    rows = None if labels is None else read_labels(labels)
    windowing = WindowingOptions(length_s, hop_s, receivers, reference, gain, tuple(reading.items()))
    skipped: dict[str, str] | None = {} if skip_bad else None
    checked = tuple(capture_files(files, rows, label, split, skipped))
    by = group_column(checked, splits, split_by)
    groups = {file.source: file.group(by) for file in checked} if by else {}
    summaries, with_axes = summarise(checked, windowing, settings or {}, skipped)
    checked = tuple(file for file in checked if file.source not in (skipped or {}))
    record = None
    if splits is not None and by is not None:
        checked, summaries = split_files(checked, summaries, groups, splits, by=by, seed=split_seed)
        record = {"by": by, "splits": dict(splits), "seed": split_seed}
    return CapturePlan(checked, tuple(summaries), with_axes, windowing, skipped or {}, record)


def capture_dataset(
    files: Sequence[FilePath], *, progress: Progress | None = None, **options: Any
) -> xr.Dataset:
    """Make a data set of capture files, in memory.

    :func:`isacsim.dataset.real.write.write_captures` makes a store and holds some windows at a time.

    Parameters
    ----------
    files : sequence of path
        Receivers' files (:func:`isacsim.read_capture`) or saved captures (.nc). A simulated one is taken as if it were
        real: without its truth.
    progress : callable, optional
        Told how many samples there are, and of how many.
    **options
        length_s, hop_s : float, optional
            Length of a window in s (default 1.024, or all there is) and the step from one to the next (default: the
            length).
        label : int, optional
            Number of targets in all windows; default -1, unlabelled.
        labels : path, optional
            CSV instead (:func:`isacsim.dataset.real.labels.read_labels`). A window has the label of the row that
            holds all of it, else -1. Every file must have a row.
        split : {"train", "validation", "test"}
            Of all files whose rows do not say. The windows of one file are in one split.
        splits : mapping, optional
            Split to its share of the samples, instead: whole groups go into each (`isacsim.dataset.groups`).
        split_by : str, optional
            What a group is: a column of the labels (person, room, session), or "file", the default.
        split_seed : int
            Of the order in which groups are put into splits.
        settings : mapping, optional
            Arguments of :func:`isacsim.aj_spectrum`. Without axes: those that every file's packet rate allows.
        receivers : {"all", "one"}
            "one": of several receivers the pair whose phases agree best makes one.
        reference, gain
            As for :func:`isacsim.conditioning.condition`.
        skip_bad : bool
            Leave out files that cannot be read or cut into windows; the attribute ``skipped`` is JSON, file and reason.
        **reading
            As for :func:`isacsim.read_capture`.

    Returns
    -------
    xarray.Dataset
        Over sample: the variables of docs/datasets.md, ``domain`` real, and ``csi_rms`` (module docstring). The
        attribute ``captures`` is JSON, one record a file.

    Raises
    ------
    InputError
        Naming file, line or argument. A file whose packet rate cannot hold the axes is refused with the limit.
    """
    import xarray as xr

    plan = plan_captures(files, **options)
    made = []
    for _, samples in each_block(plan, range(len(plan.files))):
        made.append(samples)
        if progress is not None:
            progress(sum(one.sizes["sample"] for one in made), plan.n_samples)
    how: Any = {"coords": "minimal", "compat": "override", "join": "override", "combine_attrs": "override"}
    whole = xr.concat(made, "sample", data_vars="all", **how).assign_attrs(plan.attrs())
    return whole.set_coords(plan.columns)


def each_block(plan: CapturePlan, which: Sequence[int]) -> Iterator[tuple[int, xr.Dataset]]:
    """Make the samples of some of the files, one block after the other, each with the number of its file.

    Raises
    ------
    InputError
        If their coordinates differ.
    """
    first: xr.Dataset | None = None
    try:
        for k in which:
            for made in plan.samples_of(k):
                first = made if first is None else first
                for name, coord in first.coords.items():
                    if not np.array_equal(coord.values, made.coords[name].values):
                        raise InputError(
                            f"{plan.files[k].source} and {plan.files[which[0]].source} differ in {name}; within a data "
                            "set it must be the same."
                        )
                yield k, made
    finally:
        parsed.cache_clear()


def _without_infinity(rows: list[list[list[Any]]]) -> list[list[list[Any]]]:
    """Rows of labels without infinities, which JSON lacks."""
    infinite = (np.inf, -np.inf)
    return [[[None if v in infinite else v for v in row] for row in own] for own in rows]
