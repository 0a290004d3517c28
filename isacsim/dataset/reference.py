"""Reference data sets to cite: noise-free ones, each with a name, a version, a digest and a licence.

A digest of spectra would differ from processor to processor, whose roundings differ in the last bits. This one
covers what determines the samples (scenario, seed, indices), and their truth rounded to `STEP`. Double precision errs
by less than 1e-9 there. No value of these data sets lies so near to a rounding boundary (``margin`` in the record, in
steps). The spectra of the first samples are compared with recorded sums and maxima, within `TOLERANCE`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim.checks import check_choice
from isacsim.dataset.store.files import write_file
from isacsim.dataset.store.store import StorePath, open_dataset, open_record
from isacsim.dataset.synthetic.generate import Progress, generate
from isacsim.errors import InputError
from isacsim.scenario.catalogue import load_scenario
from isacsim.scenario.model import Scenario
from isacsim.schema import TRUTH

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "FIRST",
    "LICENCE",
    "STEP",
    "Reference",
    "check_reference",
    "make_reference",
    "measure",
    "references",
]

LICENCE = "Apache-2.0"
"""Licence of the data sets, and of the package that makes them."""
STEP = 1e-4
"""Step that the truth is rounded to, in m, m/s, m/s², m/s³ and for amplitudes in units."""
TOLERANCE = 1e-3
"""Relative, of sums and maxima of spectra in single precision."""
FIRST = 4
"""Samples whose spectra are recorded."""

_SPECTRA = ("aj_noisy", "aj_noiseless", "aj_clean")


@dataclass(frozen=True)
class Reference:
    """A reference data set."""

    name: str
    """Short name; the one to cite is isacsim-NAME."""
    version: int
    """Goes up with every change of the samples."""
    description: str
    base: str
    """Shipped scenario that it is of, without noise and impairments."""
    samples: int
    digest: str
    """SHA-256, see above; :func:`measure` computes it."""
    first: dict[str, Any]
    """Numbers of the first samples: ``digest``, and of each kind of spectrum ``sum`` and ``max``."""
    margin: float
    """Least distance of a value of the truth to where rounding turns, in steps."""

    @property
    def scenario(self) -> Scenario:
        """Scenario that is simulated."""
        off = {"noise": False, "chains": None}
        return load_scenario(self.base).with_(
            name=f"reference_{self.name}", description=self.description, impairments=off, seed=0
        )

    @property
    def citation(self) -> str:
        """Line to cite it by."""
        return (
            f"isacsim-{self.name}, version {self.version}, {self.samples} samples, SHA-256 {self.digest}, "
            f"{LICENCE}; made by isacsim (CITATION.cff)"
        )


@cache
def references() -> dict[str, Reference]:
    """Give the reference data sets by name."""
    text = (files("isacsim.dataset") / "reference.json").read_text(encoding="utf-8")
    return {name: Reference(name=name, **about) for name, about in json.loads(text).items()}


def make_reference(
    name: str,
    store: StorePath,
    *,
    progress: bool | Progress = True,
    workers: int | None = None,
    overwrite: bool = False,
) -> xr.Dataset:
    """Make a reference data set, or finish it, and check it.

    Parameters
    ----------
    name : str
        One of :func:`references`.
    store : str or path-like
        Folder to write, as for :func:`isacsim.generate`, which also says what the other arguments are.

    Raises
    ------
    InputError
        If there is none of that name, the store holds something else, or what was made is not the data set.
    """
    check_choice("name", name, references())
    chosen = references()[name]
    made = generate(
        chosen.scenario,
        store,
        n_samples=chosen.samples,
        progress=progress,
        workers=workers,
        overwrite=overwrite,
    )
    check_reference(name, store)
    write_file(store, "REFERENCE.txt", (chosen.citation + "\n").encode())
    return made


def check_reference(name: str, store: StorePath) -> None:
    """Compare a store with the reference data set of a name.

    Raises
    ------
    InputError
        If it is another data set; the sentence says what differs.
    """
    check_choice("name", name, references())
    chosen, record = references()[name], open_record(store)
    opened = open_dataset(store)
    wanted = chosen.scenario.fingerprint()
    if list(json.loads(record.attrs.get("fingerprints", "{}")).values()) != [wanted]:
        raise InputError(
            f"{store}: not of the scenario of isacsim-{name}, whose fingerprint is {wanted[:12]}."
        )
    here = opened.sizes["sample"]
    if here != chosen.samples:
        raise InputError(
            f"{store}: has {here} samples, isacsim-{name} version {chosen.version} has {chosen.samples}."
        )
    found = measure(chosen.scenario, opened)
    if found["digest"] != chosen.digest:
        raise InputError(
            f"{store}: the digest is {found['digest'][:12]}, that of isacsim-{name} version {chosen.version} is "
            f"{chosen.digest[:12]}: its truth differs."
        )
    if (fault := spectra_fault(found["first"], chosen.first)) is not None:
        raise InputError(f"{store}: {fault}")


def spectra_fault(found: dict[str, Any], wanted: dict[str, Any]) -> str | None:
    """Say which recorded number of the first samples' spectra differs by more than rounding; None if none does."""
    for kind in _SPECTRA:
        for what in ("sum", "max"):
            here, there = (np.array(one[kind][what]) for one in (found, wanted))
            if not np.allclose(here, there, rtol=TOLERANCE, atol=0):
                worst = float(np.abs(here / there - 1).max())
                return f"{kind} of the first samples differs in its {what} by {worst:.2g}, more than {TOLERANCE:g}."
    return None


def measure(scenario: Scenario, dataset: xr.Dataset) -> dict[str, Any]:
    """Measure what the record of a reference data set holds: digests, sums and maxima of spectra, margin."""
    truth = np.stack([dataset[name].values for name in TRUTH])
    labels = np.stack([dataset[name].values for name in ("seed", "index", "n_targets")])
    some = dataset.isel(sample=slice(FIRST))
    axes = tuple(d for d in dataset["aj_noisy"].dims if d != "sample")
    first: dict[str, Any] = {"digest": _digest(scenario, labels[:, :FIRST], truth[:, :FIRST])}
    for kind in _SPECTRA:
        values = some[kind].astype(np.float64)
        first[kind] = {"sum": values.sum(axes).values.tolist(), "max": values.max(axes).values.tolist()}
    steps = truth[np.isfinite(truth)] / STEP
    return {
        "digest": _digest(scenario, labels, truth),
        "first": first,
        "margin": float(np.abs(steps - np.floor(steps) - 0.5).min()),
    }


def _digest(scenario: Scenario, labels: NDArray[Any], truth: NDArray[np.float64]) -> str:
    """Hash scenario, labels (seed, index and number of targets of each sample) and rounded truth, as little-endian."""
    none = np.iinfo(np.int64).min
    rounded = np.where(np.isfinite(truth), np.rint(np.nan_to_num(truth) / STEP), none)
    whole = hashlib.sha256(scenario.fingerprint().encode())
    for values in (labels, rounded):
        whole.update(json.dumps(values.shape).encode())
        whole.update(np.ascontiguousarray(values.astype("<i8")).tobytes())
    return whole.hexdigest()
