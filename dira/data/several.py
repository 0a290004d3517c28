"""Several data sets as one to learn from, refused where their spectra do not go together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dira.config import Axes
from dira.data.spectra import read_spectra
from dira.data.stores import load
from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["load_together"]


def load_together(stores: Sequence[Path], variable: str, **how: Any) -> xr.Dataset:
    """Read the samples of several data sets into memory, one after the other.

    Parameters
    ----------
    stores : sequence of pathlib.Path
        Data sets of isacsim, simulated, real, generated or enhanced.
    variable, **how
        As `dira.data.stores.load`'s.

    Returns
    -------
    xarray.Dataset
        The variable, and what all have of the same shape a sample.

    Raises
    ------
    InputError
        As `load`, or naming two data sets whose axes or settings differ, or one that is given twice.
    """
    import xarray as xr

    for number, store in enumerate(stores):
        if store.resolve() in [other.resolve() for other in stores[:number]]:
            raise InputError(f"{store} is given twice: its samples would count twice.")
    parts = [load(store, variable, **how) for store in stores]
    if len(parts) == 1:
        return parts[0]
    first = _axes(parts[0], variable, stores[0])
    for store, part in zip(stores[1:], parts[1:], strict=True):
        if differences := first.differences(_axes(part, variable, store), owner=str(stores[0])):
            raise InputError(f"{store} and {stores[0]} do not go together: {', '.join(differences)}.")
    shared = [
        name
        for name, values in parts[0].data_vars.items()
        if values.dims[:1] == ("sample",)
        and all(name in part and part[name].shape[1:] == values.shape[1:] for part in parts)
    ]
    # Axes are those of the first: they were found equal up to rounding.
    bare = [part[shared].drop_vars([c for c in part.coords if c != "sample"]) for part in parts]
    together = xr.concat(bare, "sample", combine_attrs="override")
    return together.assign_coords({n: c for n, c in parts[0].coords.items() if "sample" not in c.dims})


def _axes(samples: xr.Dataset, variable: str, store: Path) -> Axes:
    return read_spectra(samples[variable], name=f"{store}: {variable}")[1]
