"""Descriptions of a store's arrays (NAME/zarr.json), against the list of them all in the store's own zarr.json."""

from __future__ import annotations

import json
from typing import Any

from isacsim.dataset.store.files import read_file
from isacsim.dataset.store.record import StoreRecord

__all__ = ["damaged_descriptions"]


def damaged_descriptions(record: StoreRecord) -> dict[str, bytes]:
    """Find descriptions that are lost, or not as the list has them.

    Parameters
    ----------
    record : StoreRecord
        Of a store that is ready: while it is extended, the list is that of before.

    Returns
    -------
    dict of str to bytes
        File to what it has to hold.

    Raises
    ------
    InputError
        If the list is damaged.
    """
    root = _parsed(read_file(record.path, "zarr.json"))
    try:
        listed = {
            str(name): dict(wanted) for name, wanted in root["consolidated_metadata"]["metadata"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise record.no_list() from error
    out = {}
    for name, wanted in listed.items():
        # The list names what a group holds once more; the group's own description does not.
        wanted.pop("consolidated_metadata", None)
        here = _parsed(read_file(record.path, f"{name}/zarr.json"))
        if not isinstance(here, dict) or _text(here) != _text(wanted):
            out[f"{name}/zarr.json"] = json.dumps(wanted, indent=2).encode()
    return out


def _parsed(content: bytes | None) -> Any:
    try:
        return json.loads(content or b"")
    except ValueError:
        return None


def _text(description: dict[str, Any]) -> str:
    # As text, in which NaN equals NaN.
    return json.dumps({k: v for k, v in description.items() if k != "consolidated_metadata"}, sort_keys=True)
