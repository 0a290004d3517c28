"""All numbers of the pages that come from a file, and what makes them agree."""

from __future__ import annotations

from pathlib import Path

from docs.figures import (
    counting_pages,
    image_pages,
    laptop_page,
    learned_pages,
    people_page,
    solver_page,
    validation_page,
    walker_pages,
)
from docs.figures.passages import Passage, mended
from docs.figures.results import ROOT

__all__ = ["PASSAGES", "mend"]

PASSAGES: tuple[Passage, ...] = (
    *counting_pages.passages(),
    *validation_page.passages(),
    *image_pages.passages(),
    *walker_pages.passages(),
    *learned_pages.passages(),
    *laptop_page.passages(),
    *people_page.passages(),
    *solver_page.passages(),
)


def mend(root: Path = ROOT) -> list[str]:
    """Put every number into its page.

    Parameters
    ----------
    root : Path
        Folder of the repository.

    Returns
    -------
    list of str
        Pages that were changed.
    """
    changed = []
    for name in dict.fromkeys(passage.page for passage in PASSAGES):
        page = before = (root / name).read_text(encoding="utf-8")
        for passage in PASSAGES:
            if passage.page == name:
                page = mended(passage, page)
        if page != before:
            (root / name).write_text(page, encoding="utf-8")
            changed.append(name)
    return changed
