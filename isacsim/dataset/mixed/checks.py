"""Checks of which stores can be mixed: synthetic with real, generated or enhanced samples, spectra of one kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isacsim.dataset.parts import SPLITS
from isacsim.dataset.store.store import StorePath, open_dataset
from isacsim.errors import InputError
from isacsim.spectrum.settings import differing_settings, made_with

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["check_alike", "enhanced_as_noisy", "opened", "store_name"]

# What each side of a mix may hold.
_DOMAINS = {"synthetic": ("synthetic",), "real": ("real", "generated", "enhanced")}
_NEEDED = ("aj_noisy", "n_targets", "domain", "split", "source", "scenario", "seed", "index")


def opened(store: xr.Dataset | StorePath) -> xr.Dataset:
    """Open a data set where a path is given.

    Raises
    ------
    InputError
        If there is none, or a variable that every data set has is missing.
    """
    import xarray as xr

    made = store if isinstance(store, xr.Dataset) else open_dataset(store)
    for name in _NEEDED:
        if name not in made:
            raise InputError(
                f"{store_name(made, 'the data set')} has no variable {name}, so it is no data set."
            )
    return made


def enhanced_as_noisy(store: xr.Dataset, name: str) -> tuple[xr.Dataset, list[str]]:
    """Give a store in which what was enhanced stands where a mix takes its spectra from, and what is to be said of it.

    Raises
    ------
    InputError
        If samples said to be enhanced have no enhanced spectra, or lie beside others.
    """
    domains = {str(domain) for domain in store["domain"].values}
    if "enhanced" not in domains:
        return store, []
    if domains != {"enhanced"} or "aj_enhanced" not in store:
        raise InputError(
            f"{name} holds samples of domain enhanced, which must have spectra aj_enhanced and stand alone; it has the "
            f"domains {', '.join(sorted(domains))} and {'no' if 'aj_enhanced' not in store else 'such'} spectra."
        )
    taken = store.assign(aj_noisy=store["aj_enhanced"]).drop_vars("aj_enhanced")
    return taken, [f"{name} is enhanced: its aj_enhanced are the aj_noisy of the mix."]


def store_name(store: xr.Dataset, otherwise: str) -> str:
    """Last part of a store's path; ``otherwise`` for a data set in memory."""
    return str(store.encoding.get("source", otherwise)).rstrip("/").rpartition("/")[2]


def check_alike(stores: dict[str, xr.Dataset], names: dict[str, str]) -> list[str]:
    """Refuse stores that cannot be one data set.

    Parameters
    ----------
    stores, names : dict
        By domain, synthetic and real.

    Returns
    -------
    list of str
        What is not alike and may be so.

    Raises
    ------
    InputError
        Naming the difference.
    """
    for domain, store in stores.items():
        allowed = _DOMAINS[domain]
        if other := sorted({str(d) for d in store["domain"].values} - set(allowed)):
            raise InputError(
                f"{names[domain]} holds samples of domain {', '.join(other)}; as the {domain} store it must hold "
                f"{' or '.join(allowed)} ones only."
            )
        if other := sorted({str(s) for s in store["split"].values} - set(SPLITS)):
            raise InputError(
                f"{names[domain]} has a split {other[0]!r}; it must be one of {', '.join(SPLITS)}."
            )
    one, two = (stores[domain]["aj_noisy"] for domain in ("synthetic", "real"))
    which = f"{names['synthetic']} and {names['real']} differ"
    if one.dims != two.dims:
        raise InputError(f"{which}: aj_noisy has dims ({_listed(one)}) and ({_listed(two)}).")
    for dim in map(str, one.dims[1:]):
        _check_dimension(dim, one, two, which)
    _check_no_leak(stores["real"], names["real"])
    return _check_made_alike(one, two, which)


def _listed(array: xr.DataArray) -> str:
    return ", ".join(map(str, array.dims))


def _check_dimension(dim: str, one: xr.DataArray, two: xr.DataArray, which: str) -> None:
    if one.sizes[dim] != two.sizes[dim]:
        raise InputError(f"{which}: {dim} has {one.sizes[dim]} and {two.sizes[dim]} values.")
    if dim not in one.coords or dim not in two.coords or one.coords[dim].dtype.kind != "f":
        return  # names of receivers are theirs
    a, b = one.coords[dim].values, two.coords[dim].values
    if not np.allclose(a, b, rtol=1e-6, atol=1e-9 * float(np.abs(a).max())):
        units = one.coords[dim].attrs.get("units", "")
        raise InputError(
            f"{which}: {dim} runs from {a[0]:g} to {a[-1]:g} and from {b[0]:g} to {b[-1]:g} {units}; make the real "
            "store with the axes of the synthetic one."
        )


def _check_made_alike(one: xr.DataArray, two: xr.DataArray, which: str) -> list[str]:
    a, b = made_with(one.attrs), made_with(two.attrs)
    different = differing_settings(a, b)
    for name in different:
        if name != "window_s":
            raise InputError(f"{which}: the spectra were made with {name} {a[name]} and {b[name]}.")
    if different:
        return [f"{which}: windows of {a['window_s']:.3g} s and {b['window_s']:.3g} s resolve differently."]
    return []


def _check_no_leak(real: xr.Dataset, name: str) -> None:
    """Refuse a capture in two splits."""
    found: dict[str, str] = {}
    for source, split in zip(real["source"].values.tolist(), real["split"].values.tolist(), strict=True):
        if source and found.setdefault(source, split) != split:
            raise InputError(
                f"{name}: windows of {source} are in {found[source]} and in {split}; splits would leak."
            )
