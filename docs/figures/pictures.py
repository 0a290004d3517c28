"""Pictures of the pages: each by a command or a function, with its scenario and seed."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from isacsim.validation.study import load_study
from matplotlib.figure import Figure

import isacsim
from docs.figures import laptop_page
from docs.figures.chain import chain_figure
from docs.figures.learned_pictures import encoder_picture, surroundings_picture
from docs.figures.people_page import people_picture
from docs.figures.results import FOLDER, ROOT
from isacsim.dataset.synthetic.sample import sample_spectra
from isacsim.figures.spectra import png, spectra_figure
from isacsim.files import written_whole

__all__ = ["BY_COMMAND", "BY_FUNCTION", "ELSEWHERE", "IMAGES", "draw", "draw_studies", "page_code"]

IMAGES = ROOT / "docs" / "images"
# Picture -> what follows `isacsim`; the picture's path comes last. Seeds are those of the scenarios unless named.
BY_COMMAND = {
    "lab.png": "spectrum lab --seed 4 -o",
    "doppler_array.png": "spectrum lab --seed 3 -o",
    "office.png": "environment office -o",
    "lab_rt.png": "environment lab_rt -o",
    "track.png": "track stroll --plot",
}
# Made by a long experiment, and by the test of the explorer in a browser: not here.
ELSEWHERE = {
    "solver_ranks.png": "python -m dira.pretraining.solver_judging",
    "few_labels.png": "python -m dira.experiment.few_labels",
    "plotting.png": "python docs/plotting.md is run by tests/docs; the picture is that of its code",
    "explorer.png": "ISACSIM_PICTURES=docs/images python -m pytest tests/explorer/test_browser.py",
}


def page_code(page: str) -> str:
    """The first Python of a page, which leaves a picture."""
    found = re.search(
        r"^```python\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert found is not None, f"{page} has no Python."
    return found[1]


def _picture_of_page(page: str, saved: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        surroundings = os.environ | {"MPLBACKEND": "agg"}
        subprocess.run([sys.executable, "-c", page_code(page)], cwd=folder, env=surroundings, check=True)
        return (Path(folder) / saved).read_bytes()


def _chain_picture() -> bytes:
    buffer = io.BytesIO()
    chain_figure().savefig(buffer, format="png", pil_kwargs={"optimize": True})
    return buffer.getvalue()


def _spectra_picture() -> bytes:
    """What the scenario `default` and seed 0 give as received, without noise, and as self-terms alone."""
    capture = isacsim.simulate("default", seed=0)
    sample = sample_spectra(capture)
    spectra = {name: sample[f"aj_{name}"].isel(receiver=0) for name in ("noisy", "noiseless", "clean")}
    return png(spectra_figure(spectra, truth=capture.isel(receiver=0)))


BY_FUNCTION: dict[str, Callable[[], bytes]] = {
    "chain.png": _chain_picture,
    "dira_counting.png": laptop_page.picture,
    "encoder.png": encoder_picture,
    "people.png": people_picture,
    "surroundings.png": surroundings_picture,
    "paths.png": partial(_picture_of_page, "README.md", "paths.png"),
    "plotting.png": partial(_picture_of_page, "docs/plotting.md", "default.png"),
    "spectra.png": _spectra_picture,
}


def draw(folder: Path = IMAGES) -> Iterator[Path]:
    """Draw every picture of the pages.

    Parameters
    ----------
    folder : Path
        Where they go.

    Yields
    ------
    Path
        Each picture as it is there.

    Raises
    ------
    subprocess.CalledProcessError
        If a command fails; it has said why.
    """
    for name, function in BY_FUNCTION.items():
        with written_whole(folder / name) as temporary:
            temporary.write_bytes(function())
        yield folder / name
    for name, command in BY_COMMAND.items():
        file = folder / name
        subprocess.run([sys.executable, "-m", "isacsim", *command.split(), str(file)], check=True)
        yield file


def draw_studies(folder: Path = FOLDER) -> Iterator[Path]:
    """Draw the figure of every study again from its table.

    Parameters
    ----------
    folder : Path
        Folder with NAME.json and NAME.png.

    Yields
    ------
    Path
        Each figure as it is there.
    """
    for file in sorted(folder.glob("*.png")):
        table = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        figure: Figure = load_study(table["study"]).figure(table)
        with written_whole(file) as temporary:
            figure.savefig(temporary)
        yield file
