"""Conditions of generators on the command line: label columns to train on, values to generate."""

from __future__ import annotations

from itertools import pairwise
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isacsim.errors import InputError

__all__ = ["columns", "values"]


def columns(samples: Any, wanted: str) -> dict[str, NDArray[Any]]:
    """Label columns of a data set as ``--conditions`` names them, numbers put into bands by edges after a colon."""
    edges: dict[str, list[str]] = {}
    for part in wanted.split(","):
        name, colon, edge = part.partition(":")
        last = next(reversed(edges), "")
        if edges.get(last) and isfinite(_number(part)):
            edges[last].append(part)
        else:
            edges[name] = [edge] if colon else []
    out = {}
    for name, at in edges.items():
        if name not in samples or samples[name].dims != ("sample",):
            label_columns = ", ".join(
                sorted(str(n) for n, v in samples.data_vars.items() if v.dims == ("sample",))
            )
            raise InputError(f"--conditions: the store has no label column {name!r}; it has {label_columns}.")
        column = np.array(samples[name].values.tolist())
        if not at and column.dtype.kind == "f" and not (column == np.round(column)).all():
            raise InputError(f"--conditions: {name} holds numbers; put them into bands, e.g. {name}:10,20.")
        out[name] = _bands(column, at, name) if at else column
    return out


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _bands(column: NDArray[Any], at: list[str], name: str) -> NDArray[np.str_]:
    """Name of the band of each number; an edge belongs to the band above it."""
    edges = [_number(edge) for edge in at]
    if not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
        raise InputError(
            f"--conditions: the edges of {name}'s bands must be rising numbers, got {','.join(at)}."
        )
    if column.dtype.kind not in "iuf" or not np.isfinite(column).all():
        raise InputError(f"--conditions: {name} is not a number in every sample, so it has no bands.")
    between = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    names = np.array([f"below {edges[0]:g}", *between, f"above {edges[-1]:g}"])
    return names[np.searchsorted(edges, column, side="right")]


def values(pairs: list[str], model: Any) -> dict[str, int | str]:
    """Conditions as NAME=VALUE, each value as the model has it."""
    out: dict[str, int | str] = {}
    for one in pairs:
        name, equals, value = one.partition("=")
        if not equals or not name or not value or name in (*out, "n_targets"):
            raise InputError(
                f"--condition must be NAME=VALUE, each name once and not n_targets, got {one!r}."
            )
        out[name] = {str(known): known for known in model.classes.get(name, [])}.get(value, value)
    return out
