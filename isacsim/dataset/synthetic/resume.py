"""Is the store that is there the one asked for? Make, go on, extend, or say what differs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from isacsim import __version__
from isacsim.checks import differences
from isacsim.dataset.parts import Part
from isacsim.dataset.store.store import (
    StorePath,
    StoreRecord,
    create_store,
    default_chunk,
    exists,
    extend_store,
    open_record,
)
from isacsim.dataset.synthetic.plan import Plan, plan_of, template_of
from isacsim.errors import InputError
from isacsim.scenario.model import Scenario

__all__ = ["open_or_create"]


def open_or_create(
    plan: Plan,
    store: StorePath,
    *,
    resume: bool = True,
    chunk: int | None = None,
    overwrite: bool = False,
    extend: bool = False,
) -> StoreRecord:
    """Give the store of a plan, made, extended, or as it was.

    Raises
    ------
    InputError
        If there is another data set, naming the difference, or one that may not be resumed.
    """
    if exists(store) and not overwrite:
        record = open_record(store, mode="r+")
        if record.created:
            if not resume:
                raise InputError(
                    f"{store}: there is a data set already, and resume is off; overwrite replaces it."
                )
            if difference := _difference(plan, record, chunk):
                raise InputError(f"{store}: {difference}; choose another name, or --overwrite replaces it.")
            if record.n_samples != plan.n_samples and not extend:
                raise InputError(
                    f"{store}: holds {record.n_samples} samples, asked for {plan.n_samples}; --extend makes the rest, "
                    f"--n {record.n_samples} leaves them as they are."
                )
            if record.n_samples != plan.n_samples or not record.ready:
                return extend_store(record, plan.n_samples, plan.attrs())
            return record
    template = template_of(plan)
    size = default_chunk(template, plan.n_samples) if chunk is None else chunk
    return create_store(store, template, plan.n_samples, chunk=size, attrs=plan.attrs())


def _difference(plan: Plan, record: StoreRecord, chunk: int | None) -> str | None:
    """Say in words what of the store is not as asked; None if it can be resumed or extended."""
    attrs = record.attrs
    if "scenarios" not in attrs:
        return "the data set there was not made by isacsim generate"
    for what, ours in (("isacsim", __version__), ("numpy", np.__version__)):
        if attrs[what] != ours:
            more = " (docs/from_0_1.md)" if what == "isacsim" else ""
            return f"made with {what} {attrs[what]}, this is {what} {ours}{more}"
    before = plan_of(attrs, record.path)
    names, others = ([s.name for s in p.scenarios] for p in (plan, before))
    if names != others:
        return f"made of the scenarios {', '.join(others)}, asked for {', '.join(names)}"
    for old, new in zip(before.scenarios, plan.scenarios, strict=True):
        if old.fingerprint() != new.fingerprint():
            return f"made of another scenario {new.name}: {_first_change(old, new)}"
    settings = {"seed": attrs["seed"], "keep_csi": bool(attrs["keep_csi"]), "chunk": record.chunk}
    asked = {"seed": plan.seed, "keep_csi": plan.keep_csi, "chunk": record.chunk if chunk is None else chunk}
    for one in differences(settings, asked):
        return f"made with {one.field} {one.before}, asked for {one.asked}"
    return _other_parts(before.parts, plan.parts)


def _first_change(before: Scenario, asked: Scenario) -> str:
    # Two that no sample depends on; class sizes differ as a whole.
    but, whole = ("description", "dataset.n_samples"), ("dataset.per_class",)
    return str(next(differences(before, asked, but=but, whole=whole), "its content differs"))


def _other_parts(before: tuple[Part, ...], asked: tuple[Part, ...]) -> str | None:
    if before == asked:
        return None
    if len(before) == len(asked) == 1 and replace(before[0], n=asked[0].n) == asked[0]:
        if asked[0].n > before[0].n:
            return None
        return f"holds {before[0].n} samples, asked for {asked[0].n}, and samples are not taken away"
    return f"made with the parts {_in_words(before)}; asked for {_in_words(asked)}"


def _in_words(parts: tuple[Part, ...]) -> str:
    return ", ".join(f"{p.scenario} {p.split} {p.first}:{p.first + p.n}" for p in parts)
