"""Synthetic and real samples in one data set, at a fraction, lazily (docs/datasets.md).

**Scale.** Spectra go as amplitude⁴ and the unit of real CSI is arbitrary, so a mix as it comes would tell the two
domains apart by their level. Real spectra are multiplied by one factor, ``scale``: the median of the samples' maxima
in the synthetic store over that in the real one, over the training samples with targets. There is one factor for the
whole store, not one a sample. The strength of a window compared with others shows how many move there. A factor a
sample would lift an empty room to the level of a full one. What differs from capture to capture for no good reason,
the gain, is gone before (:mod:`isacsim.dataset.real.samples`). The median, because a few windows next to an antenna
would carry away a mean of fourth powers.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim import __version__
from isacsim.checks import check_integer, check_number, check_seed
from isacsim.dataset.mixed.checks import check_alike, enhanced_as_noisy, opened, store_name
from isacsim.dataset.mixed.shares import Shares, plan_shares
from isacsim.dataset.parts import SPLITS, apportion
from isacsim.dataset.real.labels import UNLABELLED
from isacsim.dataset.store.store import StorePath
from isacsim.errors import InputError
from isacsim.schema import DATASET, described

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["MixWarning", "mix"]

_SPECTRA = ("aj_noisy", "aj_noiseless", "aj_clean")
# Samples read to find the scale: in runs, so that few chunks are touched.
_PROBED, _RUN = 4096, 64
_CHUNK = 64


class MixWarning(UserWarning):
    """Warning about what a mix was asked for and the stores could not give."""


def mix(
    synthetic: xr.Dataset | StorePath,
    real: xr.Dataset | StorePath,
    *,
    real_fraction: float,
    seed: int,
    n: int | None = None,
    match_scale: bool = True,
) -> xr.Dataset:
    """Combine a synthetic and a real data set at a fraction of real samples, class by class, split by split.

    Parameters
    ----------
    synthetic, real : xarray.Dataset or path
        Data sets as in docs/datasets.md, opened or by path; the second one may be generated or enhanced by dira too.
    real_fraction : float
        Share of real samples in each class, from 0 to 1 (:mod:`isacsim.dataset.mixed.shares` has what happens where
        there are too few). Classes keep the shares they have in the synthetic store.
    seed : int
        Seed of the choice of samples. A larger mix of one seed holds the samples of a smaller one of the same
        fraction.
    n : int, optional
        Samples in all, divided over the splits as the synthetic ones are; default: as many as meet the fraction.
    match_scale : bool
        Bring the real spectra to the level of the synthetic ones (module docstring).

    Returns
    -------
    xarray.Dataset
        Lazy (dask). Split by split, synthetic and real interleaved evenly, each in the order of its store. Besides
        the stores' variables: ``origin`` and ``origin_sample``, the store and the position in it, and ``scale``, the
        factor on the spectra. The attribute ``mix`` (JSON) records what was requested and taken.

    Warns
    -----
    MixWarning
        For each split and class in which the fraction could not be met.

    Raises
    ------
    InputError
        If the stores differ in axes, dimensions or the settings of spectra, or one is of the wrong domain. Also if a
        capture is in two splits, or there is no real sample to take.
    """
    import xarray as xr

    real_fraction = check_number("real_fraction", real_fraction, least=0, most=1)
    seed = check_seed("seed", seed)
    if n is not None:
        n = check_integer("n", n, least=1)
    stores = {"synthetic": opened(synthetic), "real": opened(real)}
    names = {domain: store_name(store, domain) for domain, store in stores.items()}
    stores["real"], lines = enhanced_as_noisy(stores["real"], names["real"])
    lines += check_alike(stores, names)
    index = {domain: _small(store) for domain, store in stores.items()}
    plans = _plans(index, real_fraction, n)
    unmet = [line for split, plan in plans.items() for line in _unmet(split, plan, index["real"])]
    if real_fraction > 0 and not any(sum(plan.real.values()) for plan in plans.values()):
        raise InputError(
            f"{names['real']} has no sample to take: {' '.join(unmet) or 'the mix is too small.'}"
        )
    lines += unmet
    for line in lines:
        warnings.warn(line, MixWarning, stacklevel=2)
    scale = _scale(stores, index) if match_scale and real_fraction > 0 else 1.0
    chosen = {domain: _chosen(index[domain], domain, plans, seed) for domain in stores}
    parts = [
        _part(stores[domain], chosen[domain], names[domain], 1.0 if domain == "synthetic" else scale)
        for domain in stores
    ]
    parts, dropped = _alike(parts)
    both = xr.concat(
        parts,
        "sample",
        data_vars="all",
        coords="minimal",
        compat="override",
        join="override",
        combine_attrs="override",
    )
    side = np.repeat([*chosen], [rows.size for rows in chosen.values()])
    both = both.isel(sample=_interleaved(both["split"].values, side))
    record = {
        "real_fraction": real_fraction,
        "seed": seed,
        "n": n,
        "scale": scale,
        "stores": names,
        "taken": {split: asdict(plan) for split, plan in plans.items()},
        "there": {
            domain: {split: _counts(there, split) for split in plans} for domain, there in index.items()
        },
        "left_out": dropped,
        "notes": lines,
    }
    own = [name for store in stores.values() for name in json.loads(store.attrs.get("columns", "[]"))]
    attrs: dict[str, Any] = {
        **({"columns": json.dumps(own)} if own else {}),
        "title": "synthetic and real acceleration-jerk spectra, mixed by isacsim",
        "isacsim": __version__,
        "numpy": np.__version__,
        "mix": json.dumps(record, ensure_ascii=False),
        # What made the stores, so that a sample can be made again without them.
        **{
            domain: json.dumps(store.attrs, ensure_ascii=False, default=str)
            for domain, store in stores.items()
        },
    }
    # What is one number a sample is in memory already; the rest stays lazy, in chunks that hold whole samples.
    large = {
        k: v.chunk({"sample": _CHUNK, **dict.fromkeys(v.dims[1:], -1)}) for k, v in both.items() if v.ndim > 1
    }
    mixed = both.assign(large)
    mixed.attrs = attrs
    return mixed.set_coords(own)


def _small(store: xr.Dataset) -> dict[str, NDArray[Any]]:
    """Load the variables that decide which samples are taken."""
    return {name: store[name].values for name in ("n_targets", "split", "source", "index", "domain")}


def _counts(index: dict[str, NDArray[Any]], split: str) -> dict[int, int]:
    labels, counts = np.unique(index["n_targets"][index["split"] == split], return_counts=True)
    return {int(c): int(k) for c, k in zip(labels, counts, strict=True)}


def _plans(index: dict[str, dict[str, NDArray[Any]]], fraction: float, n: int | None) -> dict[str, Shares]:
    there = {split: _counts(index["synthetic"], split) for split in SPLITS}
    there = {split: counts for split, counts in there.items() if counts}
    sizes = (
        None if n is None else apportion(n, {s: sum(there[split].values()) for s, split in enumerate(there)})
    )
    return {
        split: plan_shares(
            counts,
            _counts(index["real"], split),
            real_fraction=fraction,
            n=None if sizes is None else sizes[s],
        )
        for s, (split, counts) in enumerate(there.items())
    }


def _unmet(split: str, plan: Shares, real: dict[str, NDArray[Any]]) -> list[str]:
    """One sentence for each class that got fewer real samples than asked for."""
    there = _counts(real, split)
    lines = [
        f"{split}: class {label} has {plan.real.get(label, 0)} of the {plan.wanted[label]} real samples asked for."
        for label in plan.short
    ]
    if not set(there) - {UNLABELLED} and lines:
        lines = [f"{split}: no real sample is labelled." if there else f"{split}: there is no real sample."]
    if lines and plan.real.get(UNLABELLED):
        lines[-1] += f" {plan.real[UNLABELLED]} unlabelled ones take their place."
    left = {c: k for c, k in there.items() if c not in plan.wanted and c != UNLABELLED}
    if left and sum(plan.wanted.values()):
        of = ", ".join(f"{k} of class {c}" for c, k in left.items())
        lines.append(f"{split}: real samples of classes that no synthetic one has are left out: {of}.")
    return lines


def _scale(stores: dict[str, xr.Dataset], index: dict[str, dict[str, NDArray[Any]]]) -> float:
    """Factor that brings the real spectra to the level of the synthetic ones."""
    level = {}
    for domain, store in stores.items():
        moving = index[domain]["n_targets"] != 0
        train = moving & (index[domain]["split"] == SPLITS[0])
        eligible = np.flatnonzero(train if train.any() else moving)
        if eligible.size > _PROBED:
            runs = np.linspace(0, eligible.size - _RUN, _PROBED // _RUN).astype(int)
            eligible = eligible[np.unique(runs[:, np.newaxis] + np.arange(_RUN))]
        spectra = store["aj_noisy"].isel(sample=eligible)
        peaks = spectra.max([d for d in spectra.dims if d != "sample"]).values
        level[domain] = float(np.median(peaks[np.isfinite(peaks)])) if eligible.size else 0.0
    if not all(level.values()):
        raise InputError(
            f"the scales cannot be matched: the median peak is {level['synthetic']:g} in the synthetic store and "
            f"{level['real']:g} in the real one."
        )
    return level["synthetic"] / level["real"]


def _chosen(
    index: dict[str, NDArray[Any]], domain: str, plans: dict[str, Shares], seed: int
) -> NDArray[np.int64]:
    """Positions in a store, in order within each split; a prefix of one permutation for each split and class."""
    taken = []
    for split, plan in plans.items():
        of_split = [np.empty(0, np.int64)]
        for label, k in (plan.synthetic if domain == "synthetic" else plan.real).items():
            there = np.flatnonzero((index["split"] == split) & (index["n_targets"] == label))
            key = (SPLITS.index(split), label + 1, int(domain == "real"))
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
            of_split.append(rng.permutation(there)[:k])
        taken.append(np.sort(np.concatenate(of_split)))
    return np.concatenate(taken)


def _part(store: xr.Dataset, chosen: NDArray[np.int64], name: str, scale: float) -> xr.Dataset:
    """The samples chosen, lazily, with their origin."""
    # Without dask, xarray would read a store whole to put two together.
    lazy = store if store.chunks else store.chunk({"sample": _CHUNK})
    part = lazy.isel(sample=chosen)
    # Columns of the labels are coordinates; the other store may lack them.
    part = part.reset_coords([n for n, c in part.coords.items() if c.dims == ("sample",) and n != "sample"])
    part = part.assign({k: v.load() for k, v in part.items() if v.dims == ("sample",)})
    for spectrum in _SPECTRA:
        if spectrum in part and scale != 1:
            part[spectrum] = (part[spectrum] * np.float32(scale)).assign_attrs(store[spectrum].attrs)
    for variable in part.variables.values():
        variable.encoding = {}
    origin = {
        "origin": np.full(chosen.size, name),
        "origin_sample": chosen,
        "scale": np.full(chosen.size, scale, np.float32),
    }
    return part.assign({column: described(DATASET, column, values) for column, values in origin.items()})


def _alike(parts: list[xr.Dataset]) -> tuple[list[xr.Dataset], list[str]]:
    """Give both the same variables; names of those that only one has and the other cannot be given."""
    most = max(part.sizes["target"] for part in parts)
    parts = [_with_targets(part, most) for part in parts]
    kept, dropped = [], []
    for name in dict.fromkeys(name for part in parts for name in part.data_vars):
        found = next(part[name] for part in parts if name in part)
        given = found.dims == ("sample",) and (
            found.dtype.kind == "f" or str(name) not in DATASET or name == "room"
        )
        if all(name in part for part in parts) or given:
            kept.append(name)
        else:
            dropped.append(str(name))
    out = []
    for part in parts:
        coords = [name for name in part.coords if not all(name in other.coords for other in parts)]
        # Assigned in one order: concat keeps the first one's.
        missing = {
            name: ("sample", _nothing(part.sizes["sample"], other[name].dtype), other[name].attrs)
            for other in parts
            for name in kept
            if name not in part and name in other
        }
        out.append(part.drop_vars(coords).assign(missing)[kept])
    return out, dropped


def _with_targets(part: xr.Dataset, n: int) -> xr.Dataset:
    """Make room for so many targets: of the further ones nothing is known, NaN or -1."""
    further = {"target": (0, n - part.sizes["target"])}
    codes = [name for name, v in part.items() if v.dtype.kind == "i" and "target" in v.dims]
    padded = {name: part[name].pad(further, constant_values=-1) for name in codes}
    return part.drop_vars(codes).pad(further, constant_values=np.nan).assign(padded)


def _nothing(n: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Value for a variable that a sample's store does not have: NaN, or no text."""
    if dtype.kind == "f":
        return np.full(n, np.nan, np.float32)
    return np.full(n, "", np.dtypes.StringDType())


def _interleaved(split: NDArray[Any], side: NDArray[Any]) -> NDArray[np.int64]:
    """Order in which, split by split, every stretch has about the same share of real samples.

    Each side, synthetic and real, keeps its order, so that a chunk of the mix comes from few chunks of the stores.
    """
    out = []
    for name in SPLITS:
        for_split = [np.flatnonzero((split == name) & (side == d)) for d in ("synthetic", "real")]
        at = np.concatenate([(np.arange(k.size) + 0.5) / max(k.size, 1) for k in for_split])
        out.append(np.concatenate(for_split)[np.argsort(at, kind="stable")])
    return np.concatenate(out)
