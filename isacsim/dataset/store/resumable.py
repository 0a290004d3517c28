"""A store that was begun with the same attributes, to go on with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isacsim.dataset.store.store import StorePath, StoreRecord, exists, open_record
from isacsim.errors import InputError

__all__ = ["resumable"]


def resumable(store: StorePath, attrs: Mapping[str, Any], *, overwrite: bool) -> StoreRecord | None:
    """Open a store to go on with it.

    Parameters
    ----------
    store : str or path-like
        Folder or URL.
    attrs : mapping
        What is to be made: attributes that the store must have.
    overwrite : bool
        Whatever is there is to be replaced.

    Returns
    -------
    StoreRecord or None
        None if a new one is to be made.

    Raises
    ------
    InputError
        If the store holds something else, naming the attribute that differs.
    """
    if not exists(store) or overwrite:
        return None
    record = open_record(store, mode="r+")
    if not record.created:
        return None
    for name, asked in attrs.items():
        if record.attrs.get(name) != asked:
            raise InputError(
                f"{store}: another data set is there, it differs in {name}; choose another name, or --overwrite "
                "replaces it."
            )
    return record
