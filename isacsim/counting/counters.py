"""Counters that other packages register, as dira does: isacsim knows them by name only."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, TypeAlias

from numpy.typing import ArrayLike

from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["GROUP", "Counter", "registered_counter"]

GROUP = "isacsim.counters"
"""Group of entry points: a name, and the callable that counts."""

Counter: TypeAlias = "Callable[[xr.DataArray, int], ArrayLike | None]"
"""Takes the conditioned CSI ([receiver,] subcarrier, packet) of one window, at the packets' own times, with all pairs
of an array, and the largest possible count. Gives the probability of each count from 0 to that, or None where it
cannot tell. It may raise `InputError` to say why it cannot."""


def registered_counter(name: str) -> Counter:
    """Load the counter of a name.

    Raises
    ------
    InputError
        If none of that name is registered (says which are), or it cannot be loaded.
    """
    found: dict[str, EntryPoint] = {point.name: point for point in entry_points(group=GROUP)}
    if name not in found:
        others = ", ".join(sorted(found)) if found else "none beside it"
        raise InputError(
            f"method must be auto or a counter that a package registers (entry points {GROUP}: {others}), got {name!r}."
        )
    try:
        counter: Counter = found[name].load()
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"method {name!r} is registered as {found[name].value}, which cannot be loaded: {error}"
        ) from error
    return counter
