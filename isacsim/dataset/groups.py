"""Splits by group: all samples of one person, room, session or file in one split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim.checks import check_seed
from isacsim.dataset.parts import SPLITS
from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Where", "groups_to_splits", "positions_where", "split_by_group"]

Where = Mapping[str, "str | Sequence[str] | Callable[[str], bool]"]
"""Column to the value that samples must have, to several of which any will do, or to a test of it."""


def groups_to_splits(
    sizes: Mapping[str, int], fractions: Mapping[str, float], *, seed: int = 0, what: str = "group"
) -> dict[str, str]:
    """Put groups into splits, whole, so that the splits' sizes come near to fractions.

    Parameters
    ----------
    sizes : mapping of str to int
        Samples of each group.
    fractions : mapping of str to float
        Split to its share; they add up to one.
    seed : int
        Of the order in which groups are put; it depends on (seed, the groups' names) alone.
    what : str
        What a group is, for the error.

    Returns
    -------
    dict of str to str
        Group to split. Each split has at least one group; each further one goes where most is missing.

    Raises
    ------
    InputError
        If a split or a share is none, or there are fewer groups than splits.
    """
    wanted = _checked(fractions)
    if len(sizes) < len(wanted):
        raise InputError(
            f"{len(sizes)} {what}s ({', '.join(sorted(sizes))}) cannot fill {len(wanted)} splits ({', '.join(wanted)})."
        )
    names = sorted(sizes)
    order = [names[k] for k in np.random.default_rng(check_seed("seed", seed)).permutation(len(names))]
    total, held = sum(sizes.values()), dict.fromkeys(wanted, 0)
    empty = sorted(wanted, key=lambda split: (wanted[split], SPLITS.index(split)))
    out = {}
    for name in order:
        missing = {split: wanted[split] * total - held[split] for split in wanted}
        split = empty.pop(0) if empty else max(missing, key=lambda one: missing[one])
        out[name] = split
        held[split] += sizes[name]
    return out


def split_by_group(
    ds: xr.Dataset, by: str, fractions: Mapping[str, float], *, seed: int = 0
) -> NDArray[np.str_]:
    """Split of each sample, by what a variable says of it: all samples with the same value are in one split.

    Parameters
    ----------
    ds : xarray.Dataset
        A data set (docs/datasets.md).
    by : str
        A variable or coordinate over sample: person, room, source, scenario, ...
    fractions, seed
        As for :func:`groups_to_splits`.

    Returns
    -------
    ndarray of str, shape (sample,)

    Raises
    ------
    InputError
        If there is no such variable, a sample says nothing, or as :func:`groups_to_splits`.

    Examples
    --------
    >>> import xarray as xr
    >>> ds = xr.Dataset({"person": ("sample", ["ann", "bob", "ann", "eve"])})
    >>> split_by_group(ds, "person", {"train": 0.6, "test": 0.4}).tolist()
    ['train', 'train', 'train', 'test']
    """
    values = column_of(ds, by)
    if (values == "").any():
        raise InputError(f"{int((values == '').sum())} samples have no {by}; to split by it, all must.")
    names, counts = np.unique(values, return_counts=True)
    sizes = dict(zip(names.tolist(), counts.tolist(), strict=True))
    split = groups_to_splits(sizes, fractions, seed=seed, what=by)
    return np.array([split[name] for name in values.tolist()])


def positions_where(ds: xr.Dataset, where: Where) -> NDArray[np.int64]:
    """Positions along `sample` of those that fulfil all conditions, ascending.

    Raises
    ------
    InputError
        If there is no such variable, or no sample of a value that is asked for.
    """
    keep = np.ones(ds.sizes["sample"], bool)
    for name, wanted in where.items():
        values = column_of(ds, name)
        if callable(wanted):
            keep &= np.array([bool(wanted(value)) for value in values.tolist()], bool)
            continue
        asked = [str(wanted)] if isinstance(wanted, str | int) else [str(one) for one in wanted]
        there = set(values.tolist())
        if unknown := [one for one in asked if one not in there]:
            raise InputError(f"no sample has {name} {unknown[0]!r}; there are {', '.join(sorted(there))}.")
        keep &= np.isin(values, asked)
    return np.flatnonzero(keep)


def column_of(ds: xr.Dataset, name: str) -> NDArray[Any]:
    """Value of a variable over sample, as text."""
    if name not in ds.variables or ds[name].dims != ("sample",):
        over = [str(key) for key, v in ds.variables.items() if v.dims == ("sample",)]
        raise InputError(f"the data set has no {name!r} of each sample; it has {', '.join(over)}.")
    return np.array(ds[name].load(scheduler="synchronous").values.tolist()).astype(str)


def _checked(fractions: Mapping[str, float]) -> dict[str, float]:
    if not fractions or any(split not in SPLITS for split in fractions):
        raise InputError(f"splits must be among {', '.join(SPLITS)}, got {', '.join(fractions) or 'none'}.")
    if any(not 0 < share <= 1 for share in fractions.values()) or abs(sum(fractions.values()) - 1) > 1e-6:
        raise InputError(f"the splits' shares must be above 0 and add up to 1, got {dict(fractions)}.")
    return {split: float(fractions[split]) for split in SPLITS if split in fractions}
