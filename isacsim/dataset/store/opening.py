"""Is there a store of isacsim, of this layout, and does it say of itself what isacsim writes."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import shorten
from typing import Any

from isacsim import __version__
from isacsim.dataset.store.record import (
    CREATING,
    EXTENDING,
    FORMAT,
    MOST_SAMPLES,
    READY,
    StorePath,
    StoreRecord,
    location,
    plain_name,
)
from isacsim.errors import InputError

__all__ = ["exists", "open_record"]


class _Absent(InputError):
    """Nothing is there."""


class _OtherLayout(InputError):
    """A data set is there, in a layout that this version does not read."""


def open_record(path: StorePath, *, mode: Any = "r") -> StoreRecord:
    """Open a store that isacsim made, complete or not.

    Raises
    ------
    InputError
        If there is none, it is another's, of a later version of the layout, or its attributes are damaged; or if the
        URL needs a package that is not installed.
    """
    import zarr
    from zarr.errors import GroupNotFoundError

    where = location(path)
    try:
        group = zarr.open_group(where, mode=mode, use_consolidated=False)
    except (GroupNotFoundError, FileNotFoundError) as error:
        here = Path(where)
        if "://" not in where and here.exists() and not (here.is_dir() and not any(here.iterdir())):
            raise _foreign(path, "no zarr group") from error
        raise _Absent(f"{path}: no data set there; isacsim generate and isacsim import make them.") from error
    except ImportError as error:
        raise InputError(
            f"{path}: such a URL needs a package that is not installed here: {error}."
        ) from error
    except OSError as error:
        if not isinstance(error, NotADirectoryError):
            raise
        raise _foreign(path, "no zarr group") from error
    except Exception as error:  # whatever zarr stumbles over
        if "://" in where and "rotocol" in str(error):
            raise InputError(f"{path}: no such kind of URL: {error}.") from error
        raise _foreign(path, "no zarr group") from error
    record = StoreRecord(str(path), group)
    made = record.attrs.get("isacsim_format")
    if made is None or "state" not in record.attrs:
        raise _foreign(path, "a zarr store that isacsim did not make")
    if made != FORMAT:
        raise _OtherLayout(
            f"{path}: made by isacsim {record.attrs.get('isacsim', 'of unknown version')} in layout {made} of its "
            f"data sets; isacsim {__version__} reads layout {FORMAT}: make it again under another name, or with "
            "--overwrite in its place (docs/from_0_1.md)."
        )
    _check_attributes(record)
    return record


def _foreign(path: StorePath, what: str) -> InputError:
    if (
        "://" not in location(path) and Path(location(path)).is_file()
    ):  # likely a capture: nobody shall remove it
        return InputError(
            f"{path}: no zarr group, which is a folder, but a file; isacsim import makes a data set of a capture, "
            "and isacsim generate one of a scenario."
        )
    return InputError(
        f"{path}: {what}, or a data set whose zarr.json is gone or damaged; nothing here replaces it, --overwrite "
        "included: remove it or choose another name."
    )


def _check_attributes(record: StoreRecord) -> None:
    """Refuse what isacsim never writes."""
    attrs = record.attrs

    def refused(name: str, allowed: str) -> InputError:
        return InputError(
            f"{record.path}: damaged, its attribute {name} is {shorten(repr(attrs[name]), 80)} and not {allowed}; "
            "delete the store, and the same command makes it again."
        )

    if attrs["state"] not in (CREATING, EXTENDING, READY):
        raise refused("state", f"one of {CREATING}, {EXTENDING}, {READY}")
    if not record.created:
        return
    for name, least in (("chunk", 1), ("n_samples", 0)):
        value = attrs.setdefault(name, None)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST_SAMPLES:
            raise refused(name, f"an integer of at least {least} and at most {MOST_SAMPLES}")
    attrs.setdefault("variables", None)
    for name, kind in (("variables", list), ("scenarios", dict), ("fingerprints", dict), ("parts", list)):
        if name in attrs and not (found := _read_json(attrs[name], kind)):
            raise refused(name, f"the text (JSON) of a {'list' if kind is list else 'mapping'}")
        if name == "variables" and not all(isinstance(one, str) and plain_name(one) for one in found):
            raise refused(name, "the text (JSON) of a list of names")


def _read_json(text: Any, kind: type) -> Any:
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return found if isinstance(found, kind) else None


def exists(path: StorePath) -> bool:
    """Tell whether a store of isacsim is there, of whatever layout; nothing, or an empty folder, is none.

    Raises
    ------
    InputError
        If something else is there.
    """
    try:
        open_record(path)
    except _Absent:
        return False
    except _OtherLayout:
        return True
    return True
