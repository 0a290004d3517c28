"""Small files of a store's folder, or behind its URL, read and written whole."""

from __future__ import annotations

from pathlib import Path

from isacsim.dataset.store.record import StorePath, location
from isacsim.files import written_whole

__all__ = ["read_file", "remove_leftovers", "write_file"]


def read_file(store: StorePath, name: str) -> bytes | None:
    """Content of a file; None if there is none."""
    where = f"{location(store).rstrip('/')}/{name}"
    try:
        if "://" in where:
            import fsspec

            file_system, path = fsspec.core.url_to_fs(where)
            return bytes(file_system.cat_file(path))
        return Path(where).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def remove_leftovers(store: StorePath) -> None:
    """Remove what zarr was writing when it was killed; whole objects never have this name."""
    if "://" not in str(store):
        for leftover in Path(store).rglob("*.partial"):
            leftover.unlink(missing_ok=True)


def write_file(store: StorePath, name: str, content: bytes) -> None:
    """Write a file, in place of an earlier one."""
    where = location(store)
    if "://" in where:
        import fsspec

        with fsspec.open(f"{where.rstrip('/')}/{name}", "wb") as file:
            file.write(content)
        return
    with written_whole(Path(where, name)) as temporary:
        temporary.write_bytes(content)
