"""A user's own estimator, by ``module:function`` or as a Python callable, where a study takes a method.

It is called with CSI complex64 (subcarrier, packet), static part included, packet times in s and subcarrier frequencies
in Hz. It returns a mapping or `xarray.Dataset` with any of ``path_length`` m, ``velocity`` m/s, ``acceleration`` m/s²,
``jerk`` m/s³, ``amplitude`` and ``std_*`` of each, arrays over paths, at the window's centre. ``acceleration`` and
``jerk`` are needed: paths are matched by them. Where a study asks for one path, the one of the largest amplitude
counts, else the first.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from isacsim.csi import read
from isacsim.errors import InputError
from isacsim.estimation.estimate import estimate_paths

__all__ = ["Estimator", "digests_of", "estimate_by", "is_own", "own_estimator", "registered"]

Estimator = Callable[..., Mapping[str, Any] | xr.Dataset]

QUANTITIES = ("path_length", "velocity", "acceleration", "jerk", "amplitude")
_NEEDED = ("acceleration", "jerk")
# Callables that no import finds, by the name that a study was given.
_HERE: dict[str, Estimator] = {}


def is_own(method: str) -> bool:
    """Say whether a study's method is a user's."""
    return ":" in method


def registered(estimator: Estimator) -> tuple[str, bool]:
    """Name a callable as a study's method, and say whether other processes can import it by that name."""
    if not callable(estimator):
        raise InputError(
            f"estimator must be callable as (csi, time, frequency) -> paths; got {estimator!r:.80}."
        )
    module, name = getattr(estimator, "__module__", None), getattr(estimator, "__qualname__", "estimator")
    importable = module not in (None, "__main__") and name.isidentifier()
    if importable and getattr(sys.modules.get(str(module)), name, None) is estimator:
        return f"{module}:{name}", True
    label = f"here:{name.rpartition('.')[2].strip('<>')}"
    _HERE[label] = estimator
    return label, False


def own_estimator(method: str) -> Estimator:
    """Find a user's estimator.

    Raises
    ------
    InputError
        If the module cannot be imported, or has no such function.
    """
    if method in _HERE:
        return _HERE[method]
    module_name, _, name = method.partition(":")
    if not module_name or not name:
        raise InputError(f"method must be module:function, such as mine:estimate; got {method!r}.")
    if (
        os.getcwd() not in sys.path
    ):  # as `python -m` does: the module usually lies where the command is called
        sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise InputError(f"method {method}: module {module_name} cannot be imported ({error}).") from error
    found = getattr(module, name, None)
    if not callable(found):
        raise InputError(f"method {method}: module {module_name} has no function {name}.")
    return found


def digests_of(methods: Iterable[str]) -> dict[str, str]:
    """Digest of the file of each user's estimator: a study that goes on must find the same code."""
    out = {}
    for method in methods:
        if is_own(method):
            code = getattr(own_estimator(method), "__code__", None)
            file = Path(code.co_filename) if code is not None else Path()
            content = file.read_bytes() if file.is_file() else repr(code and code.co_code).encode()
            out[method] = hashlib.sha256(content).hexdigest()[:16]
    return out


def estimate_by(method: str, csi: xr.DataArray | np.ndarray, **options: Any) -> xr.Dataset:
    """Estimate by a built-in method, or by a user's, whose result is checked and completed with NaN.

    Parameters
    ----------
    method : str
        Of `estimate_paths`, or a user's ``module:function``, which is called with CSI, times and frequencies alone.
    csi : xarray.DataArray or numpy.ndarray
        As for `estimate_paths`.
    **options
        Other arguments of `estimate_paths`.
    """
    if not is_own(method):
        return estimate_paths(csi, method=method, **options)  # type: ignore[arg-type]
    array = read(csi, time=options.get("time"), frequency=options.get("frequency"))
    try:
        found = own_estimator(method)(array.values.copy(), array.time.copy(), array.frequency.copy())
    except InputError:
        raise
    except Exception as error:
        raise RuntimeError(f"method {method} failed: {type(error).__name__}: {error}") from error
    return _completed(method, found)


def _completed(method: str, found: Any) -> xr.Dataset:
    if not isinstance(found, Mapping):
        raise InputError(
            f"method {method} must return a mapping or xarray.Dataset; got {type(found).__name__}."
        )
    if missing := [name for name in _NEEDED if name not in found]:
        raise InputError(f"method {method} returned no {missing[0]}; it needs {' and '.join(_NEEDED)}.")
    arrays: dict[str, np.ndarray] = {}
    for name in QUANTITIES:
        for key in (name, f"std_{name}"):
            if key in found:
                arrays[key] = np.atleast_1d(np.asarray(found[key], np.float64))
    size = arrays["acceleration"].size
    if wrong := [name for name, array in arrays.items() if array.shape != (size,)]:
        raise InputError(
            f"method {method} returned {wrong[0]} of shape {arrays[wrong[0]].shape}, but acceleration has {size} paths."
        )
    for name in QUANTITIES:
        for key in (name, f"std_{name}"):
            arrays.setdefault(key, np.full(size, np.nan))
    order = np.argsort(-arrays["amplitude"], kind="stable") if size else slice(None)
    return xr.Dataset(
        {name: ("path", array[order]) for name, array in arrays.items()}, attrs={"method": method}
    )
