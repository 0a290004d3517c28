"""Base of all studies: how they are found, run, counted, and written down."""

from __future__ import annotations

import importlib
import json
import platform
import textwrap
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike

import isacsim
from isacsim.compute.provenance import machine, sources
from isacsim.errors import InputError
from isacsim.files import check_output, written_whole

from .points import Compute, Progress, compute_points

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "NEED_DATA",
    "OF_CAPTURES",
    "OF_DATA",
    "OF_METHODS",
    "OF_SCENARIOS",
    "STUDIES",
    "Study",
    "Table",
    "figure_of",
    "load_study",
    "opening",
    "rms",
    "share",
    "write_study",
]

# In the order in which they are best read.
STUDIES = (
    "paper",
    "bound",
    "lag",
    "resolution",
    "counting",
    "false-alarm",
    "coverage",
    "mismatch",
    "motion",
    "images",
    "images-bodies",
    "images-rooms",
    "tracking",
    "gait",
    "retrace",
    "realism",
    "real",
    "real-motion",
    "mirror",
)
# These need files that the user has: their `run` takes ``captures`` and ``carrier`` too.
OF_CAPTURES = ("realism",)
# These take a folder of published data sets: their `run` takes ``data`` and ``held_out`` too. Two cannot do without.
OF_DATA = ("real", "real-motion", "mirror")
NEED_DATA = ("real", "real-motion")
# These compare methods of `estimate_paths`: their `run` takes ``methods`` too; none means all that fit.
OF_METHODS = ("bound", "resolution", "counting", "false-alarm", "coverage")
# These simulate captures of scenarios: their `run` takes ``scenarios`` too.
OF_SCENARIOS = ("counting", "false-alarm", "coverage")

Table = dict[str, Any]


class Study(Protocol):
    """A module of this package that is a study."""

    NAME: str
    DESCRIPTION: str
    """One line for the list of studies."""

    def run(
        self, *, quick: bool, seed: int, compute: Compute, trials: int | None = None, **options: Any
    ) -> Table:
        """Do the study.

        Parameters
        ----------
        quick : bool
            Seconds instead of an hour: enough to see that it runs and that the physics is right, no result.
        seed : int
            Of everything random.
        compute : callable
            Computes the points.
        trials : int, optional
            Trials a point, instead of the study's own number.
        **options
            What the study takes besides, see `OF_CAPTURES`, `OF_METHODS`, `OF_SCENARIOS`.
        """

    def figure(self, table: Table) -> Figure:
        """Draw the table that `run` returned."""


def load_study(name: str) -> Study:
    """Import a study by name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in STUDIES:
        raise InputError(f"there is no study {name!r}; the studies are {', '.join(STUDIES)}.")
    return cast(Study, importlib.import_module(f"{__package__}.{name.replace('-', '_')}"))


def opening(study: str, *, quick: bool, seed: int, settings: Mapping[str, Any]) -> Table:
    """Start a table with what is needed to repeat the study.

    Parameters
    ----------
    study : str
        Its name.
    quick : bool
        Whether this is the short form, whose numbers are no results.
    seed : int
        The seed.
    settings : mapping
        Every other setting, trials a point included.
    """
    return {
        "study": study,
        "quick": quick,
        "seed": seed,
        "settings": dict(settings),
        "machine": machine(),
        "versions": {
            "isacsim": isacsim.__version__,
            "sources": sources(Path(isacsim.__file__).parent, Path(__file__).parent),
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scipy", "numba")},
        },
    }


def share(hits: int, trials: int) -> dict[str, float]:
    """Share of trials with Wilson's 95 % interval (E. B. Wilson, J. Amer. Statist. Assoc. 22, 1927)."""
    from scipy.stats import binomtest

    low, high = binomtest(hits, trials).proportion_ci(0.95, method="wilson")
    return {"value": hits / trials, "low": float(low), "high": float(high), "trials": trials}


def rms(errors: ArrayLike) -> dict[str, float]:
    """Root mean square with its standard error, and the median magnitude, which outliers do not move."""
    e = np.asarray(errors, np.float64)
    value = float(np.sqrt((e**2).mean()))
    # Delta method: the standard error of the mean square over twice its root.
    spread = float((e**2).std(ddof=1) / np.sqrt(e.size) / (2 * value)) if e.size > 1 and value > 0 else 0.0
    return {
        "rms": value,
        "standard_error": spread,
        "median": float(np.median(np.abs(e))),
        "trials": int(e.size),
    }


def figure_of(table: Table, size: tuple[float, float], caption: str) -> Figure:
    """Make an empty figure with a caption below that says how large the study was.

    Parameters
    ----------
    table : dict
        The study's table.
    size : (float, float)
        Width and height, inches.
    caption : str
        What is to be seen; trials and seed are added.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    trials = table["settings"]["trials"]
    size_note = f"{trials} trial{'s' * (trials != 1)} a point, seed {table['seed']}."
    if table["quick"]:
        size_note += " QUICK FORM: no result."
    lines = textwrap.wrap(f"{caption} {size_note}", int(size[0] * 15.5))
    foot = (0.17 * len(lines) + 0.08) / size[1]
    figure = Figure(
        figsize=size, dpi=96, layout=ConstrainedLayoutEngine(rect=(0, foot, 1, 1 - foot), hspace=0.06)
    )
    figure.text(0.01, 0.04 / size[1], "\n".join(lines), fontsize=8, color="#444444", va="bottom")
    return figure


def write_study(
    name: str,
    folder: Path,
    *,
    quick: bool = False,
    seed: int = 0,
    trials: int | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
    captures: Sequence[Path] = (),
    carrier: float | None = None,
    methods: Sequence[str] = (),
    scenarios: Sequence[str] = (),
    data: Path | None = None,
    held_out: bool = False,
) -> tuple[Path, Path]:
    """Run a study and write its table and figure, both whole or not at all.

    A run that was stopped goes on where it was: until the end, finished points lie in ``NAME.partial.jsonl``.

    Parameters
    ----------
    name : str
        One of `STUDIES`.
    folder : Path
        Where ``NAME.json`` and ``NAME.png`` go.
    quick, seed, trials
        As for `Study.run`.
    jobs : int
        Processes.
    progress : callable, optional
        Called after every point.
    captures : sequence of Path
        Capture files, for the studies of `OF_CAPTURES`.
    carrier : float, optional
        Hz, for those files that do not say theirs.
    methods, scenarios : sequence of str
        For the studies of `OF_METHODS` and `OF_SCENARIOS`; empty: the study's own.
    data : Path, optional
        Folder of a published data set, for the studies of `OF_DATA`.
    held_out : bool
        For them: take the part that was not developed on.

    Returns
    -------
    (Path, Path)
        The table's file and the figure's.

    Raises
    ------
    InputError
        If there is no such study, an argument is out of range, a file cannot be written, or an unfinished run with
        other settings, another seed or other code is in the folder.
    """
    study = load_study(name)
    for what, value, least in (("seed", seed, 0), ("jobs", jobs, 1), ("trials", trials, 1)):
        if value is not None and value < least:
            raise InputError(f"{what} must be at least {least}, got {value}.")
    options = _options(
        name,
        ("captures", OF_CAPTURES, {"captures": captures, "carrier": carrier}),
        ("methods", OF_METHODS, {"methods": methods}),
        ("scenarios", OF_SCENARIOS, {"scenarios": scenarios}),
        ("data", OF_DATA, {"data": data, "held_out": held_out or None}),
    )
    files = folder / f"{name}.json", folder / f"{name}.png"
    finished_file = folder / f"{name}.partial.jsonl"
    for file in (*files, finished_file):
        check_output(file)
    compute = partial(compute_points, finished_file=finished_file, jobs=jobs, progress=progress)
    table = study.run(quick=quick, seed=seed, compute=compute, trials=trials, **options)
    with written_whole(files[0]) as temporary:
        text = json.dumps(table, indent=1, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")
    with written_whole(files[1]) as temporary:
        study.figure(table).savefig(temporary)
    finished_file.unlink()
    return files


def _options(name: str, *kinds: tuple[str, Sequence[str], dict[str, Any]]) -> dict[str, Any]:
    """Select what a study takes of all that was given; an `InputError` where more was."""
    options: dict[str, Any] = {}
    for what, takers, given in kinds:
        if name in takers:
            options |= given
        elif any(value not in (None, ()) and value != [] for value in given.values()):
            raise InputError(f"study {name} takes no {what}; {', '.join(takers)} can.")
    return options
