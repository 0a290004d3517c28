"""A store taken away: what isacsim's record lists of it, and nothing that somebody else put into its folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from isacsim.dataset.store.record import StorePath, location, plain_name

__all__ = ["MEMBERS", "emptied", "members", "strangers"]

MEMBERS = "members"
"""Attribute of a store: names of its arrays and groups, as JSON."""

# Beside the arrays: the data card, and what is left of files that were being written when the process was killed.
_FILES = ("zarr.json", "README.md", "card.png")
_LEFT = (".README-*.md", ".card-*.png", ".zarr-*.json")


def members(path: StorePath) -> set[str]:
    """Names of the folders within a store's that are its own."""
    try:
        root = json.loads(Path(location(path), "zarr.json").read_bytes())
        attrs = root["attributes"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return set()
    found: list[Any] = ["record"]
    with suppress(KeyError, TypeError, ValueError, AttributeError):
        found += [name.split("/")[0] for name in root["consolidated_metadata"]["metadata"]]
    for name in (MEMBERS, "variables"):
        with suppress(KeyError, TypeError, ValueError):
            found += json.loads(attrs[name])
    return {name for name in found if isinstance(name, str) and plain_name(name)}


def emptied(path: StorePath, root: Mapping[str, Any], new: Iterable[str]) -> None:
    """Delete a store but for its description, which then says that one with members ``new`` is in the making.

    Deleting takes time: a kill meanwhile leaves neither records without their data nor a folder that is no store, and
    still the list of what is to go.
    """
    import zarr

    group = zarr.open_group(location(path), mode="r+", use_consolidated=False)
    if "://" in str(path):
        group.attrs.update(root)
        return  # without a group's description nothing counts as being there: its order of deletion is no matter
    old = sorted({*members(path), *new})
    group.attrs.update({**root, MEMBERS: json.dumps(old)})
    folder = Path(path)
    for name in old:
        _remove_node(folder / name)
    for name in _FILES[1:]:
        (folder / name).unlink(missing_ok=True)
    for pattern in (*_LEFT, "*.partial"):
        for left in folder.glob(pattern):
            left.unlink(missing_ok=True)


def _remove_node(node: Path) -> None:
    """Remove an array's or a group's description and chunks; its folder, if nothing else is in it."""
    if node.is_symlink():
        node.unlink()
        return
    if not node.is_dir():
        return
    if node.name == "record":
        _remove_node(node / "digest")
    for left in (node / "zarr.json", *node.glob("*.partial")):
        left.unlink(missing_ok=True)
    if (chunks := node / "c").is_symlink() or chunks.is_file():
        chunks.unlink()
    elif chunks.is_dir():
        shutil.rmtree(chunks)
    with suppress(OSError):  # somebody else's files
        node.rmdir()


def strangers(path: StorePath) -> list[Path]:
    """List what lies in a store's folder and does not belong to the store."""
    if not Path(path).is_dir() or not (listed := members(path)):
        return []
    own = {*listed, *_FILES}
    return [entry for entry in sorted(Path(path).iterdir()) if entry.name not in own]
