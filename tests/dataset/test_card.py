"""The data card: what it says, on finished and unfinished stores, and that it disturbs nobody who reads the store."""

from __future__ import annotations

import re

import fsspec
import matplotlib.image
import numpy as np
import pytest
import xarray as xr
import zarr

from isacsim import InputError
from isacsim.dataset.card import write_card
from isacsim.dataset.store.store import open_dataset, open_record
from isacsim.dataset.synthetic.generate import make_chunk
from isacsim.dataset.synthetic.plan import make_plan
from isacsim.dataset.synthetic.resume import open_or_create
from tests.dataset import stores

BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def scenario(make_scenario):
    return make_scenario(spectrum={"bins_acceleration": 12, "bins_jerk": 10})


def generated(scenario, path, *, n, chunk, splits=None, **how):
    """What generate makes, without its processes."""
    plan = make_plan([scenario], n, 4, None, splits, False, None)
    record = open_or_create(plan, path, chunk=chunk, **how)
    for number in (~record.complete()).nonzero()[0]:
        make_chunk(str(path), int(number))


@pytest.fixture(scope="module")
def store(scenario, tmp_path_factory):
    """A generated store of six samples, with its card."""
    path = tmp_path_factory.mktemp("card") / "s.zarr"
    generated(scenario, path, n=6, chunk=4, splits={"train": 0.5, "test": 0.5})
    write_card(path)
    return path


@pytest.fixture
def quickly(monkeypatch):
    """Drawing takes seconds; the first test sees that it works."""
    monkeypatch.setattr("isacsim.figures.spectra.png", lambda figure: b"a picture")


def test_says_what_there_is(store):
    text = (store / "README.md").read_text()
    assert text.startswith("# s.zarr\n")
    assert "seed 4." in text and "Not finished" not in text
    assert re.search(r"\| domain \| scenario \| split \| 2 targets \| all \|", text)
    assert "| synthetic | small | train | 3 | 3 |" in text
    assert "**small** (fingerprint " in text and "): for the tests" in text
    assert "| `aj_noisy` | sample 6 x acceleration 12 x jerk 10 | float32 |" in text
    assert "The CSI was not kept" in text
    picture = matplotlib.image.imread(store / "card.png")
    assert picture.shape[1] > 800 and np.ptp(picture[..., :3]) > 0.5


def test_its_code_runs(store, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.chdir(store.parent)
    xarray_code, torch_code, tensorflow_code = BLOCK.findall((store / "README.md").read_text())
    made = {}
    exec(xarray_code, made)
    assert made["chosen"].aj_noisy.shape == (3, 12, 10)
    exec(torch_code.replace("num_workers=2", "num_workers=0"), made)
    values, labels = next(iter(made["loader"]))
    assert values.shape == (3, 1, 12, 10) and labels.tolist() == [2, 2, 2]
    assert 'isacsim.to_tf_dataset("s.zarr", split="train")' in tensorflow_code


def test_every_reader_opens_the_store_as_before(store):
    # Warnings are errors here.
    assert xr.open_zarr(store).sizes["sample"] == open_dataset(store).sizes["sample"] == 6
    assert "aj_noisy" in zarr.open_group(store, mode="r")
    with pytest.warns(zarr.errors.ZarrUserWarning, match=r"README.md|card.png"):
        assert xr.open_zarr(store, consolidated=False).sizes["sample"] == 6


def test_a_store_with_a_card_can_be_extended(scenario, tmp_path, quickly):
    path = tmp_path / "s.zarr"
    for n in (2, 3):
        generated(scenario, path, n=n, chunk=2, extend=True)
        write_card(path)
    assert "| synthetic | small | train | 3 | 3 |" in (path / "README.md").read_text()


def test_unfinished(tmp_path):
    path = stores.numbered(20, tmp_path / "s.zarr", chunk=4, chunks=[])
    write_card(path)
    text = (path / "README.md").read_text()
    assert "**Not finished: 0 of 20 samples are there.**" in text and "card.png" not in text
    assert not (path / "card.png").exists()


def test_unfinished_with_some_samples(store, tmp_path, quickly):
    whole = open_dataset(store).load()
    path = stores.save(whole, tmp_path / "s.zarr", chunk=2, chunks=[0, 2])
    write_card(path)
    text = (path / "README.md").read_text()
    assert "**Not finished: 4 of 6 samples are there.**" in text
    assert "![" in text and (path / "card.png").exists()
    assert open_record(path).count(open_record(path).complete()) == 4


def test_no_store(tmp_path):
    with pytest.raises(InputError, match="no data set there"):
        write_card(tmp_path / "none.zarr")
    assert not (tmp_path / "none.zarr").exists()


def test_a_url(store, quickly):
    files = fsspec.filesystem("memory")
    files.put(str(store), "/cards/s.zarr", recursive=True)
    files.rm("/cards/s.zarr/README.md")
    write_card("memory://cards/s.zarr")
    assert files.cat("/cards/s.zarr/README.md").startswith(b"# s.zarr")
