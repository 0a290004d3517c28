"""A scenario so small that data sets of it are made in a second, one such data set, and dask clients."""

from __future__ import annotations

import shutil

import pytest
from distributed import Client

from isacsim.dataset.synthetic.generate import generate
from tests.dataset.damaging import N

ONE_RECEIVER = [{"name": "rx", "position_m": [4.0, 0.0, 1.0]}]
TARGETS = {
    "count": {"min": 1, "max": 3},
    "template": {
        "motion": {
            "kind": "kinematics",
            "path_length_m": {"uniform": [3, 15]},
            "acceleration_m_s2": {"uniform": [-6, 6]},
            "jerk_m_s3": {"uniform": [-30, 30]},
        }
    },
}


@pytest.fixture(scope="session")
def tiny(make_scenario):
    """Function: a tiny scenario with sections replaced."""

    def make(**changes):
        radio = {"packets": 64, "subcarriers": 4, "receivers": ONE_RECEIVER} | changes.pop("radio", {})
        given = {
            "name": "tiny",
            "radio": radio,
            "targets": TARGETS,
            "spectrum": {"bins_acceleration": 8, "bins_jerk": 6, "combine": "single"},
            "impairments": {"noise": True},
            "dataset": {"per_class": {1: 6, 2: 9, 3: 3}},
        }
        return make_scenario(**given | changes)

    return make


@pytest.fixture(scope="module")
def undrawn():
    """Data cards without their picture, which takes seconds; test_card.py sees that it is drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("isacsim.figures.spectra.png", lambda figure: b"a picture")
        yield


@pytest.fixture
def in_this_process(monkeypatch):
    """Chunks made one after the other, by no other process."""

    def map_in_order(function, tasks, **_):
        yield from (function(*arguments) for arguments in tasks)

    monkeypatch.setattr("isacsim.dataset.synthetic.generate.map_unordered", map_in_order)


@pytest.fixture(scope="session")
def here():
    """A dask client whose only worker is a thread of this process: quick, and what is patched here is patched there."""
    with Client(
        processes=False,
        n_workers=1,
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",
        set_as_default=False,
    ) as client:
        yield client


@pytest.fixture(scope="module")
def made(tiny, here, undrawn, tmp_path_factory):
    path = tmp_path_factory.mktemp("damage") / "made.zarr"
    how = {"splits": {"train": 0.5, "test": 0.5}, "chunk": 4, "seed": 3, "progress": False}
    generate(tiny(), path, n_samples=N, client=here, **how)
    return path


@pytest.fixture
def store(made, tmp_path):
    return shutil.copytree(made, tmp_path / "a.zarr")
