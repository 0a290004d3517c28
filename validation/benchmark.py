"""A user's estimator beside the built-in ones, from Python: ``isacsim.benchmark(fn)``."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isacsim.checks import check_choice
from isacsim.errors import InputError

from .own import Estimator, registered
from .study import Table, write_study

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["benchmark"]

STUDIES = ("bound", "resolution", "counting")


def benchmark(
    estimator: Estimator,
    *,
    study: str = "bound",
    quick: bool = True,
    jobs: int = 1,
    beside: Iterable[str] = ("auto", "peaks"),
    scenarios: Iterable[str] = ("default",),
    trials: int | None = None,
    seed: int = 0,
    output: str | Path | None = None,
) -> xr.Dataset:
    """Measure an estimator against ground truth, on the same captures as the built-in ones.

    Parameters
    ----------
    estimator : callable
        Called as ``estimator(csi, time, frequency)`` with CSI complex64 (subcarrier, packet), static part included,
        packet times in s and subcarrier frequencies in Hz. Returns a mapping or `xarray.Dataset` of arrays over paths
        at the window's centre: ``acceleration`` m/s² and ``jerk`` m/s³. It may also return ``velocity`` m/s,
        ``path_length`` m, ``amplitude`` and ``std_*`` of each.
    study : {"bound", "resolution", "counting"}
        ``bound``: error of one path over the Cramér-Rao bound against SNR. ``resolution``: two paths against their
        separation. ``counting``: count, recall and false paths on captures of scenarios.
    quick : bool
        True: a form of seconds to a minute, whose numbers are no results. False: the study in full.
    jobs : int
        Processes; more than one needs an estimator that a module holds.
    beside : iterable of str
        Built-in methods to compare with, see :func:`isacsim.estimate_paths`.
    scenarios : iterable of str
        Names or files, for ``counting``.
    trials : int, optional
        Trials a point; default: the study's own.
    seed : int
        Seed of all random numbers.
    output : str or pathlib.Path, optional
        Folder for the study's table (JSON) and figure (PNG); default: none are kept.

    Returns
    -------
    xarray.Dataset
        Over ``estimator``, the user's first. bound: ``rmse_over_bound_*`` of each quantity, ``outliers`` and ``missed``
        (estimator, snr), ``threshold_db`` (estimator), NaN where there is none. resolution: ``success`` (estimator,
        case, separation, ratio). counting: ``count_right``, ``recall``, ``false_a_capture``, ``seconds`` (estimator,
        scenario). The whole table is the attribute ``table``, as JSON.

    Raises
    ------
    InputError
        If an argument is out of range, or the estimator returns something else.

    Examples
    --------
    >>> import isacsim
    >>> def strongest(csi, time, frequency):
    ...     return isacsim.estimate_paths(csi, time=time, frequency=frequency, method="peaks", max_paths=1)
    >>> result = isacsim.benchmark(strongest, beside=("peaks",), trials=2)  # doctest: +SKIP
    """
    import numpy as np

    check_choice("study", study, STUDIES)
    name, importable = registered(estimator)
    if jobs > 1 and not importable:
        raise InputError(
            f"jobs is {jobs}, but other processes cannot import {name.partition(':')[2]}; put it into a module, or use "
            "jobs=1."
        )
    options: dict[str, Any] = {"scenarios": tuple(scenarios)} if study == "counting" else {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch if output is None else output)
        folder.mkdir(parents=True, exist_ok=True)
        file, _ = write_study(
            study,
            folder,
            quick=quick,
            seed=seed,
            trials=trials,
            jobs=jobs,
            methods=(name, *beside),
            **options,
        )
        table = json.loads(file.read_text(encoding="utf-8"))
    rows = {"bound": _bound_rows, "resolution": _resolution_rows, "counting": _counting_rows}[study](table)
    out = _gridded(rows)
    if study == "bound":
        lowest = [table["methods"][method]["threshold_db"] for method in out["estimator"].values]
        out["threshold_db"] = "estimator", np.array(lowest, np.float64), {"units": "dB"}
    return out.assign_attrs(study=study, quick=int(quick), seed=seed, table=json.dumps(table))


Rows = tuple[tuple[str, ...], list[dict[str, Any]]]
"""Names of the axes, and a row of values for each of their points."""


def _bound_rows(table: Table) -> Rows:
    rows = [
        {
            "estimator": method,
            "snr": row["snr_db"],
            **{f"rmse_over_bound_{name}": ratio["rms"] for name, ratio in row["ratio"].items()},
            "outliers": row["outliers"],
            "missed": row["missed"],
        }
        for method, result in table["methods"].items()
        for row in result["rows"]
    ]
    return ("estimator", "snr"), rows


def _resolution_rows(table: Table) -> Rows:
    axes = ("estimator", "case", "separation", "ratio")
    rows = [
        {
            "estimator": row["method"],
            "case": row["case"],
            "separation": row["separation_cells"],
            "ratio": row["ratio_db"],
            "success": row["success"]["value"],
        }
        for row in table["rows"]
    ]
    return axes, rows


def _counting_rows(table: Table) -> Rows:
    def value(share: dict[str, float] | None) -> float:
        return float("nan") if share is None else share["value"]

    rows = [
        {
            "estimator": row["method"],
            "scenario": row["scenario"],
            "count_right": value(row["count_right"]),
            "recall": value(row["recall"]),
            "false_a_capture": row["false_a_capture"],
            "seconds": row["seconds"]["median"],
        }
        for row in table["rows"]
    ]
    return ("estimator", "scenario"), rows


_UNITS = {"snr": "dB", "separation": "resolution cells", "ratio": "dB", "seconds": "s"}


def _gridded(found: Rows) -> xr.Dataset:
    """Turn rows into a Dataset; NaN where a point has no row or value."""
    import numpy as np
    import xarray as xr

    axes, rows = found
    coords = {axis: list(dict.fromkeys(row[axis] for row in rows)) for axis in axes}
    names = list(dict.fromkeys(name for row in rows for name in row if name not in axes))
    shape = [len(values) for values in coords.values()]
    arrays = {name: np.full(shape, np.nan) for name in names}
    for row in rows:
        at = tuple(coords[axis].index(row[axis]) for axis in axes)
        for name in names:
            arrays[name][at] = row.get(name, np.nan)
    out = xr.Dataset({name: (axes, array) for name, array in arrays.items()}, coords=coords)
    for name, unit in _UNITS.items():
        if name in out.variables:
            out[name].attrs["units"] = unit
    return out
