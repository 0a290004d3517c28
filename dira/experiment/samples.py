"""The spectra of the experiments: which there are, from which seeds, and that no two sets share a capture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dira.data.stores import load
from dira.experiment.stages import Run
from isacsim.dataset.synthetic.generate import generate
from isacsim.dataset.synthetic.thinned import thinned

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Spectra", "Wanted", "counting_set", "data", "simulate_all", "wanted"]

# So few samples are made sooner in this process than others are started.
_FEW = 500


@dataclass(frozen=True)
class Wanted:
    """One data set."""

    scenario: str
    per_class: dict[int, int]
    seed: int
    thinned: bool = False
    """Simulated no further than a spectrum sees (`isacsim.dataset.synthetic.thinned`)."""


def wanted(run: Run) -> dict[str, Wanted]:
    """All data sets; every purpose has a seed of its own."""
    p = run.preset

    def even(each: int) -> dict[int, int]:
        return dict.fromkeys(p.class_sizes, each)

    sets = {f"train-{s}": Wanted(p.original, p.class_sizes, 1000 + s) for s in p.seeds}
    sets["validation"] = Wanted(p.original, even(p.validation), 2000)
    sets["reference"] = Wanted(p.original, even(p.reference), 3000)
    for i, name in enumerate((p.original, *p.others)):
        sets[f"test-{name}"] = Wanted(name, even(p.test), 4000 + i)
    sets["simulated"] = Wanted(p.original, even(p.simulated), 5000, thinned=True)
    sets["features"] = Wanted(p.original, even(p.features), 7000, thinned=True)
    out_of_domain = {n: max(1, round(size * p.out_of_domain_share)) for n, size in p.class_sizes.items()}
    sets["out-of-domain"] = Wanted(p.out_of_domain, out_of_domain, 6000)
    return sets


def simulate_all(run: Run) -> dict[str, Any]:
    """Simulate every set; what is there is kept."""
    out, sets = {}, wanted(run)
    few = sum(sum(one.per_class.values()) for one in sets.values()) <= _FEW
    for name, one in sets.items():

        def tell(done: int, total: int, name: str = name) -> None:
            run.tell(f"simulating {name}", done, total)

        scenario = run.scenario(one.scenario)
        generate(
            thinned(scenario)[0] if one.thinned else scenario,
            run.folder / "data" / f"{name}.zarr",
            per_class=one.per_class,
            seed=one.seed,
            progress=tell,
            workers=0 if few else None,
        )
        out[name] = {
            "scenario": one.scenario,
            "seed": one.seed,
            "spectra": sum(one.per_class.values()),
        }
    return out


def data(run: Run, name: str) -> xr.Dataset:
    """One set, in memory: aj_noisy, aj_clean, counts and truth."""
    if name not in run.sets:
        run.sets[name] = load(run.folder / "data" / f"{name}.zarr", "aj_noisy")
    return run.sets[name]


@dataclass(frozen=True)
class Spectra:
    """Spectra with their numbers of targets."""

    values: NDArray[np.float32]
    counts: NDArray[np.int64]

    def __add__(self, other: Spectra) -> Spectra:
        return Spectra(
            np.concatenate([self.values, other.values]), np.concatenate([self.counts, other.counts])
        )

    def take(self, rows: NDArray[np.int64]) -> Spectra:
        """Some of them."""
        return Spectra(self.values[rows], self.counts[rows])

    def take_per_class(self, of_class: dict[int, int]) -> Spectra:
        """So many of each number of targets, the first ones."""
        rows = [np.flatnonzero(self.counts == n)[:size] for n, size in of_class.items()]
        return self.take(np.concatenate(rows))

    def rebalanced_like(self, other: Spectra) -> Spectra:
        """As many as there are in another set's shares of the classes: else a distance would be that of the shares."""
        wanted = dict(zip(*(x.tolist() for x in np.unique(other.counts, return_counts=True)), strict=True))
        scale = min(int((self.counts == n).sum()) / size for n, size in wanted.items())
        return self.take_per_class({n: max(1, round(scale * size)) for n, size in wanted.items()})


def counting_set(run: Run, name: str, variable: str = "aj_noisy") -> Spectra:
    """Spectra of a set, ready for a counter."""
    samples = data(run, name)
    return Spectra(
        np.asarray(samples[variable].values, np.float32), samples["n_targets"].values.astype(np.int64)
    )
