"""Plan of a data set: the store records it, and any sample is made again from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from isacsim import __version__
from isacsim.checks import check_integer, check_seed, refusal
from isacsim.dataset.parts import (
    Part,
    Splits,
    classes_of,
    parts_from_json,
    parts_to_json,
    plan_parts,
    slice_parts,
)
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.errors import InputError
from isacsim.scenario.model import Scenario
from isacsim.spectrum.settings import differing_settings, made_with

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Plan", "make_plan", "plan_of", "samples_of", "template_of"]


@dataclass(frozen=True)
class Plan:
    """Plan of a data set."""

    scenarios: tuple[Scenario, ...]
    """With the class sizes asked for."""
    seed: int
    """Seed of the data set."""
    parts: tuple[Part, ...]
    """In the order of the samples."""
    keep_csi: bool
    """True if the CSI is kept."""

    @property
    def n_samples(self) -> int:
        """Samples in all."""
        return sum(part.n for part in self.parts)

    @property
    def target_size(self) -> int:
        """Length of the dimension target: the most that any scenario has."""
        return max(1, *(count for s in self.scenarios for count in s.targets.counts))

    def attrs(self) -> dict[str, str | int]:
        """Attributes of the store: all that is needed to make it again."""
        return {
            "title": "acceleration-jerk spectra made by isacsim",
            "isacsim": __version__,
            "numpy": np.__version__,
            "seed": self.seed,
            "scenarios": json.dumps({s.name: s.to_yaml() for s in self.scenarios}),
            "fingerprints": json.dumps({s.name: s.fingerprint() for s in self.scenarios}),
            "parts": parts_to_json(self.parts),
            "keep_csi": int(self.keep_csi),
            "target_size": self.target_size,
        }


def make_plan(
    scenarios: Sequence[Scenario],
    n_samples: int | None,
    seed: int,
    per_class: Mapping[int, int] | None,
    splits: Splits | None,
    keep_csi: bool,
    index_range: tuple[int, int] | None,
    *,
    extend: bool = False,
) -> Plan:
    """Check the arguments of :func:`generate` and lay out the samples."""
    if not scenarios:
        raise InputError("no scenario given.")
    seed = check_seed("seed", seed)
    if n_samples is not None:
        n_samples = check_integer("n_samples", n_samples, least=1)
    if per_class is not None:
        if not isinstance(per_class, Mapping):
            raise refusal("per_class", "a mapping of numbers of targets to numbers of samples", per_class)
        for label, size in per_class.items():
            check_integer("a class in per_class", label, least=0)
            check_integer(f"the size of class {label} in per_class", size, least=0)
        total = sum(per_class.values())
        if n_samples not in (None, total) and not extend:
            raise InputError(
                f"per_class (--per-class) adds up to {total} samples and n_samples (--n) is {n_samples}; give one of "
                "them, or --extend a data set of these class sizes."
            )
        section = {"per_class": dict(per_class)}
        scenarios = [
            Scenario.model_validate(s.model_dump(exclude_none=True) | {"dataset": section}) for s in scenarios
        ]
    sizes = [s.dataset.n_samples if n_samples is None else n_samples for s in scenarios]
    parts = plan_parts(scenarios, seed=seed, sizes=sizes, splits=splits)
    if index_range is not None:
        if not isinstance(index_range, tuple | list) or len(index_range) != 2:
            raise refusal("index_range", "a pair (start, stop)", index_range)
        start, stop = (check_integer("a bound of index_range", bound) for bound in index_range)
        if not 0 <= start < stop <= sum(sizes):
            raise InputError(
                f"the range {start}:{stop} must lie within the {sum(sizes)} samples and not be empty."
            )
        parts = slice_parts(parts, start, stop)
    return Plan(tuple(scenarios), seed, tuple(parts), keep_csi)


# Attributes of spectra that say what window they are of.
_OF_THE_WINDOW = ("carrier", "lag_packets", "packets", "packet_interval")


def template_of(plan: Plan) -> xr.Dataset:
    """Make one sample of every scenario, and see that they go together.

    Raises
    ------
    InputError
        If two scenarios' samples differ in dimensions or axes.
    """
    first: xr.Dataset | None = None
    for scenario in plan.scenarios:
        part = next((p for p in plan.parts if p.scenario == scenario.name), None)
        if part is None:
            continue
        one = _assembled(scenario, part, part.first, 1, plan)
        if first is None:
            first = one
            continue
        for name in {*first.variables, *one.variables}:
            if name not in first.variables or name not in one.variables:
                raise InputError(
                    f"scenarios {plan.scenarios[0].name} and {scenario.name} do not go into one data set: only one of "
                    f"them has {name}."
                )
            ours, others = first.variables[name], one.variables[name]
            if ours.shape != others.shape or (name in first.coords and not ours.equals(others)):
                raise InputError(
                    f"scenarios {plan.scenarios[0].name} and {scenario.name} do not go into one data set: they differ "
                    f"in {name}, {_in_words(ours)} against {_in_words(others)}; spectra need one shape and axes."
                )
            # What the scenarios differ in holds for none of the store's spectra.
            for setting in differing_settings(made_with(ours.attrs), made_with(others.attrs)):
                del ours.attrs[setting]
            for name_of_window in _OF_THE_WINDOW:
                if ours.attrs.get(name_of_window) != others.attrs.get(name_of_window):
                    ours.attrs.pop(name_of_window, None)
    assert first is not None  # a plan has parts
    return first


def _in_words(variable: xr.Variable) -> str:
    """Say what shape a variable has; of a coordinate its span too."""
    if variable.ndim == 1 and variable.dtype.kind == "f":
        units = variable.attrs.get("units", "")
        ends = f"{variable.values[0]:g} to {variable.values[-1]:g}"
        return f"{variable.size} values from {ends} {units}".rstrip()
    if variable.ndim == 1:
        return " and ".join(map(str, variable.values.tolist()))
    return " x ".join(f"{size} {dim}" for dim, size in variable.sizes.items() if dim != "sample")


def plan_of(attrs: Mapping[str, Any], store: str) -> Plan:
    """Read a data set's plan from its attributes.

    Parameters
    ----------
    attrs : mapping
        Of the store.
    store : str
        The store's name, for what is said of damage.

    Raises
    ------
    InputError
        If they are damaged.
    """
    try:
        return Plan(
            tuple(_scenario(text) for text in json.loads(attrs["scenarios"]).values()),
            int(attrs["seed"]),
            tuple(parts_from_json(attrs["parts"])),
            bool(attrs["keep_csi"]),
        )
    except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error) or repr(error)
        why = shorten(why, 200).rstrip(".")
        raise InputError(
            f"{store}: its attributes scenarios, seed, parts and keep_csi, from which it is made, are damaged ({why}); "
            "--overwrite makes the data set again."
        ) from error


@lru_cache(maxsize=64)
def _scenario(text: str) -> Scenario:
    return Scenario.from_yaml(text, file="the data set's scenario")


def samples_of(plan: Plan, start: int, stop: int) -> dict[str, np.ndarray]:
    """Make samples start to stop (exclusive), counted over all parts; every variable over ``sample``."""
    scenarios = {s.name: s for s in plan.scenarios}
    made = [
        _assembled(scenarios[part.scenario], part, part.first, part.n, plan)
        for part in slice_parts(plan.parts, start, stop)
    ]
    names = [str(name) for name, v in made[0].data_vars.items() if v.dims[:1] == ("sample",)]
    return {name: np.concatenate([one[name].values for one in made]) for name in names}


def _assembled(scenario: Scenario, part: Part, first: int, n: int, plan: Plan) -> xr.Dataset:
    made = make_samples(
        scenario,
        seed=part.seed,
        indices=range(first, first + n),
        n_targets=classes_of(scenario, first, n),
        target_size=plan.target_size,
        keep_csi=plan.keep_csi,
    )
    for name, value in (("domain", "synthetic"), ("split", part.split), ("source", part.source)):
        made[name] = ("sample", np.full(n, value, np.dtypes.StringDType()))
    return made
