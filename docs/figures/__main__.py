"""`python -m docs.figures [numbers] [pictures] [studies]`, run in the repository's root; all of it by default."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from docs.figures.numbers import PASSAGES, mend
from docs.figures.passages import PassageError
from docs.figures.pictures import draw, draw_studies
from docs.figures.results import ROOT

WHAT = ("numbers", "pictures", "studies")


def _name(file: Path) -> str:
    return str(file.relative_to(ROOT))


def main(what: list[str]) -> int:
    """Make what is asked for; the exit code."""
    try:
        if "numbers" in what:
            changed = mend()
            pages = len({passage.page for passage in PASSAGES})
            print(f"{len(PASSAGES)} passages of {pages} pages; changed: {', '.join(changed) or 'none'}")
        if "pictures" in what:
            for file in draw():
                print(_name(file), flush=True)
        if "studies" in what:
            for file in draw_studies():
                print(_name(file), flush=True)
    except PassageError as wrong:
        print(f"Error: {wrong}", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as failed:
        print(f"Error: {' '.join(failed.cmd[1:])} failed.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m docs.figures")
    parser.add_argument("what", nargs="*", metavar="WHAT", help=f"of {', '.join(WHAT)}; default: all")
    given = parser.parse_args().what
    if wrong := sorted({*given} - {*WHAT}):
        parser.error(f"there is no {', '.join(wrong)}; choose from {', '.join(WHAT)}.")
    sys.exit(main(given or list(WHAT)))
