"""Real captures as data: windows of capture files, conditioned, as samples without truth (docs/datasets.md).

**Scale.** The gain of a receiver is unknown, differs from file to file and enters a spectrum with its fourth power. So
the CSI of each file, conditioned, is divided by its rms over the file's windows before the spectra: what is left is
the moving part's share of what was received. Within a file, windows keep their relation: one with nobody in it stays
weak. The rms is in ``csi_rms``; ``aj_noisy * csi_rms**4`` is the spectrum of the CSI as reported.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from isacsim.conditioning import (
    Gain,
    Reference,
    compensate_gain,
    most_coherent_pair,
    phase_coherence,
    usable_subcarriers,
)
from isacsim.dataset.labels import SPLITS, UNLABELLED, LabelRow, read_labels, rows_of
from isacsim.dataset.samples import TRUTH
from isacsim.errors import InputError
from isacsim.spectrum import aj_spectrum
from isacsim.windows import Windows, capture_windows, common_axes

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["CaptureFile", "Captures", "capture_dataset", "plan_captures"]

Path_ = str | PathLike[str]
Receivers = Literal["all", "one"]


@dataclass(frozen=True)
class CaptureFile:
    """One capture file of a data set."""

    path: Path
    source: str
    """Its path from the folder that all the files share: the name, where they lie in one folder."""
    sha256: str
    split: str
    rows: tuple[LabelRow, ...] = field(repr=False)
    """Its labels; none: unlabelled."""

    def label(self, start: float, end: float) -> int:
        """Label of a window, s after the first packet: of the row that holds all of it, else -1."""
        inside = [row.label for row in self.rows if row.start <= start and end <= row.end]
        return inside[0] if inside else UNLABELLED


@dataclass(frozen=True, kw_only=True)
class Captures:
    """Capture files and how to make samples of them; from :func:`plan_captures`."""

    files: tuple[CaptureFile, ...]
    settings: Mapping[str, Any]
    """Arguments of :func:`isacsim.aj_spectrum`, the axes among them: the same for all files."""
    length_s: float | None
    hop_s: float | None
    receivers: Receivers
    reference: Reference
    gain: Gain
    reading: Mapping[str, Any]
    """Arguments of :func:`isacsim.read_capture`."""

    def samples(self) -> Iterator[xr.Dataset]:
        """Make the samples, one data set a file: memory holds one file at a time.

        Raises
        ------
        InputError
            Naming the file that is malformed, too slow for the axes, or of another number of receivers.
        """
        first: tuple[str, int] | None = None
        for file in self.files:
            made = self._samples_of(file)
            receivers = made.sizes.get("receiver", 1)
            if first is not None and receivers != first[1]:
                raise InputError(
                    f"{file.source} gives {receivers} receivers, {first[0]} gave {first[1]}; within a data set the "
                    "number must be the same: take the most coherent one of each file (--one-receiver)."
                )
            first = first or (file.source, receivers)
            yield made

    def _samples_of(self, file: CaptureFile) -> xr.Dataset:
        import xarray as xr

        capture, notes = _opened(file, self.reading)
        try:
            windows = self.windows(capture)
            # One number for all receivers: their relation is part of the measurement.
            power = [np.mean(np.abs(w.csi.values) ** 2, dtype=np.float64) for w in windows.used]
            rms = float(np.sqrt(np.mean(power)))
            if rms == 0:
                raise InputError("the conditioned CSI is all zero.")
            # A copy keeps the attributes, the phase sign among them, in every version of xarray.
            csi = [w.csi.copy(data=w.csi.values / np.float32(rms)) for w in windows.used]
            spectra = [aj_spectrum(one, **self.settings) for one in csi]
        except InputError as error:
            raise type(error)(f"{file.source}: {error}") from error
        origin = float(capture.coords["time"][0])
        starts = [w.start - origin for w in windows.used]
        labels = [
            file.label(start, start + (w.packets - 1) * w.interval)
            for start, w in zip(starts, windows.used, strict=True)
        ]
        noisy = xr.concat(
            spectra, "sample", combine_attrs="override", coords="minimal", compat="override", join="override"
        ).transpose("sample", "receiver", ...)
        noisy = noisy.drop_vars([n for n in noisy.coords if n not in ("acceleration", "jerk", "delay")])
        noisy.attrs["long_name"] = "noisy acceleration-jerk spectrum, linear magnitude"
        if noisy.sizes["receiver"] == 1:
            noisy = noisy.isel(receiver=0)
        record = {
            "file": file.source,
            "sha256": file.sha256,
            "split": file.split,
            "window_s": windows.window_s,
            "hop_s": windows.hop_s,
            "packet_rate": windows.packet_rate,
            "receiver": [str(n) for n in windows.used[0].csi.coords["receiver"].values],
            "conditioning": windows.conditioning,
            "phase_sign": int(windows.used[0].csi.attrs.get("phase_sign", -1)),
            "notes": [*notes, *windows.skipped],
            **{n: capture.attrs[n] for n in ("format", "chip", "carrier", "bandwidth") if n in capture.attrs},
        }
        return _dataset(file, noisy, rms, labels, [w.number for w in windows.used], record)

    def windows(self, capture: xr.Dataset) -> Windows:
        """Windows of one capture."""
        pair = None
        if self.receivers == "one" and capture.sizes["receiver"] > 1:
            pair = _coherent_pair(compensate_gain(capture, gain=self.gain))
        return capture_windows(
            capture,
            window_s=self.length_s,
            hop_s=self.hop_s,
            reference=self.reference,
            pair=pair,
            gain=self.gain,
        )


def plan_captures(
    files: Sequence[Path_],
    *,
    length_s: float | None = None,
    hop_s: float | None = None,
    label: int | None = None,
    labels: Path_ | None = None,
    split: str = "train",
    settings: Mapping[str, Any] | None = None,
    receivers: Receivers = "all",
    reference: Reference = "auto",
    gain: Gain = "auto",
    format: str = "auto",
    carrier: float | None = None,
    bandwidth: float | None = None,
    phase_sign: int | None = None,
) -> Captures:
    """Check capture files and their labels, and settle the axes; arguments as for :func:`capture_dataset`."""
    if label is not None and labels is not None:
        raise InputError("give either one label for all files or a CSV of labels, not both.")
    if label is not None and (isinstance(label, bool) or not -1 <= label <= 32767):
        raise InputError(f"label must be a number of targets, or -1 for unlabelled; got {label!r}.")
    if split not in SPLITS:
        raise InputError(f"split must be one of {', '.join(SPLITS)}, got {split!r}.")
    if receivers not in ("all", "one"):
        raise InputError(f"receivers must be 'all' or 'one', got {receivers!r}.")
    rows = None if labels is None else read_labels(labels)
    plan = Captures(
        files=tuple(_files(files, rows, label, split)),
        settings=dict(settings or {}),
        length_s=length_s,
        hop_s=hop_s,
        receivers=receivers,
        reference=reference,
        gain=gain,
        reading={"format": format, "carrier": carrier, "bandwidth": bandwidth, "phase_sign": phase_sign},
    )
    if {"acceleration", "jerk"} <= set(plan.settings):
        return plan
    axes = dict(zip(("acceleration", "jerk"), _common_axes(plan), strict=True))
    return Captures(**{**vars(plan), "settings": {**axes, **plan.settings}})


def capture_dataset(
    files: Sequence[Path_],
    *,
    progress: Callable[[str], object] | None = None,
    **options: Any,
) -> xr.Dataset:
    """Make a data set of capture files, in memory.

    Parameters
    ----------
    files : sequence of path
        Receivers' files (:func:`isacsim.read_capture`) or saved captures (.nc). A simulated one is taken as if it were
        real: without its truth.
    progress : callable, optional
        Called with each file's name when it is done.
    **options
        length_s, hop_s : float, optional
            Length of a window in s (default 1.024, or all there is) and the step from one to the next (default: the
            length).
        label : int, optional
            Number of targets in all windows; default -1, unlabelled.
        labels : path, optional
            CSV instead (:func:`isacsim.dataset.labels.read_labels`). A window has the label of the row that holds all
            of it, else -1. Every file must have a row.
        split : {"train", "validation", "test"}
            Of all files whose rows don't say. The windows of one file are in one split.
        settings : mapping, optional
            Arguments of :func:`isacsim.aj_spectrum`. Without axes: those that every file's packet rate allows.
        receivers : {"all", "one"}
            "one": of several receivers the pair whose phases agree best makes one.
        reference, gain
            As for :func:`isacsim.conditioning.condition`.
        format, carrier, bandwidth, phase_sign
            As for :func:`isacsim.read_capture`.

    Returns
    -------
    xarray.Dataset
        Over sample: the variables of docs/datasets.md, ``domain`` real, and ``csi_rms`` (module docstring). The
        attribute ``captures`` is JSON, one record a file.

    Raises
    ------
    InputError
        Naming file, line or argument. A file whose packet rate can't hold the axes is refused with the limit.
    """
    import xarray as xr

    plan = plan_captures(files, **options)
    made = []
    for file, samples in zip(plan.files, plan.samples(), strict=True):
        made.append(samples)
        if progress is not None:
            progress(file.source)
    records = [record for samples in made for record in json.loads(samples.attrs["captures"])]
    out = xr.concat(
        made,
        "sample",
        data_vars="all",
        coords="minimal",
        compat="override",
        join="override",
        combine_attrs="override",
    )
    return out.assign_attrs(captures=json.dumps(records, ensure_ascii=False))


def _files(
    files: Sequence[Path_], rows: list[LabelRow] | None, label: int | None, split: str
) -> Iterator[CaptureFile]:
    if isinstance(files, str | PathLike):
        raise InputError(f"files must be a list of paths, got one: {files}.")
    paths = [Path(path) for path in files]
    if not paths:
        raise InputError("there is no capture file.")
    for path in paths:
        if not path.is_file():
            raise InputError(f"{path}: {'this is a directory' if path.is_dir() else 'no such file'}.")
    folder = os.path.commonpath([path.resolve().parent for path in paths])
    seen: dict[str, Path] = {}
    for path in paths:
        digest = _sha256(path)
        if digest in seen:
            raise InputError(f"{path} and {seen[digest]} hold the same capture; give it once.")
        seen[digest] = path
        source = path.resolve().relative_to(folder).as_posix()
        own = () if label in (None, UNLABELLED) else (LabelRow(source, int(label or 0)),)
        if rows is not None:
            own = tuple(rows_of(rows, path.resolve().as_posix()))
        of_rows = own[0].split if own else None
        yield CaptureFile(path, source, digest, of_rows or split, own)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _opened(file: CaptureFile, reading: Mapping[str, Any]) -> tuple[xr.Dataset, list[str]]:
    """A capture, and what its reader repaired."""
    from isacsim.capture import read_capture
    from isacsim.capture.packets import CaptureWarning
    from isacsim.capture_file import load_capture, looks_saved

    if looks_saved(file.path):
        given = [n for n, value in reading.items() if value not in (None, "auto")]
        if given:
            raise InputError(f"{file.source} is a saved capture and has all that: {given[0]} is for others.")
        capture = load_capture(file.path)
    else:
        with warnings.catch_warnings():
            # They are in the capture's attribute too.
            warnings.simplefilter("ignore", CaptureWarning)
            capture = read_capture(file.path, **reading)
    notes = [line for line in str(capture.attrs.get("warnings", "")).splitlines() if line]
    if capture.attrs.get("phase_sign_source") == "assumed":
        notes.append("phase sign assumed to be -1")
    return capture, notes


def _coherent_pair(array: xr.DataArray) -> tuple[int, int]:
    """The pair whose phases agree best; with a reference channel the surveillance channel that agrees best with it."""
    array = usable_subcarriers(array)
    roles = [str(role) for role in array.coords["role"].values]
    if "reference" not in roles:
        return most_coherent_pair(array)
    reference = roles.index("reference")
    coherence = phase_coherence(array)[reference]
    coherence[reference] = -1
    return int(coherence.argmax()), reference


def _common_axes(plan: Captures) -> tuple[np.ndarray, np.ndarray]:
    """Axes that every window of every file allows: those of the slowest."""
    ratio = plan.settings.get("lag_ratio", 0.089)
    every = []
    for file in plan.files:
        capture, _ = _opened(file, plan.reading)
        try:
            every.append(common_axes(plan.windows(capture).used, lag_ratio=ratio))
        except InputError as error:
            raise type(error)(f"{file.source}: {error}") from error
    return min(every, key=lambda axes: float(axes[0][-1]))


def _dataset(
    file: CaptureFile,
    noisy: xr.DataArray,
    rms: float,
    labels: list[int],
    numbers: list[int],
    record: dict[str, Any],
) -> xr.Dataset:
    """Samples of one file with everything that docs/datasets.md names: NaN where only a simulation knows."""
    import xarray as xr

    n = noisy.sizes["sample"]
    variables: dict[str, Any] = {"aj_noisy": noisy}
    for name in ("aj_noiseless", "aj_clean"):
        variables[name] = noisy.copy(data=np.full(noisy.shape, np.nan, np.float32))
        variables[name].attrs["long_name"] = f"{name[3:]} acceleration-jerk spectrum, linear magnitude"
    dims = ("sample", *(d for d in noisy.dims if d == "receiver"), "target")
    shape = tuple(noisy.sizes.get(d, 1) for d in dims)
    for name, (_, units, long_name) in TRUTH.items():
        variables[name] = (dims, np.full(shape, np.nan), {"units": units, "long_name": long_name})
    over = {
        "n_targets": (np.array(labels, np.int16), {"units": "1", "long_name": "number of targets"}),
        "snr_db": (
            np.full(n, np.nan, np.float32),
            {"units": "dB", "long_name": "signal-to-noise ratio of a unit path"},
        ),
        "csi_rms": (
            np.full(n, rms, np.float32),
            {"units": "1", "long_name": "rms of the file's conditioned CSI, divided out"},
        ),
        "scenario": (np.full(n, ""), {}),
        "domain": (np.full(n, "real"), {}),
        "split": (np.full(n, file.split), {}),
        "source": (np.full(n, file.source), {}),
        "seed": (np.full(n, -1, np.int64), {}),
        "index": (np.array(numbers, np.int64), {}),
    }
    variables |= {name: ("sample", values, attrs) for name, (values, attrs) in over.items()}
    return xr.Dataset(variables, attrs={"captures": json.dumps([record], ensure_ascii=False)})
