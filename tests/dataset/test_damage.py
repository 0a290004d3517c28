"""What is lost, cut short or scribbled over is told in one sentence by every reader."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import zarr

import isacsim
from isacsim.dataset.inspection import damage, regenerate
from isacsim.dataset.store.soundness import lost_chunks
from isacsim.dataset.store.store import open_dataset, open_record
from isacsim.errors import InputError
from tests.dataset import stores
from tests.dataset.damaging import N, cut, one_sentence, said

pytestmark = pytest.mark.usefixtures("undrawn")


def test_a_lost_chunk_is_told_by_every_reader(store, tmp_path):
    (store / "aj_noisy/c/1/0/0").unlink()
    wanted = r"aj_noisy of chunk 1 \(samples 4 to 7\) is lost; isacsim inspect .*a.zarr --repair mends it\.$"
    for incomplete in (False, True):
        with pytest.raises(InputError, match=wanted):
            open_dataset(store, incomplete=incomplete)
    for arguments in (
        ["export", store, "-o", tmp_path / "x.npz"],
        ["mix", store, store, "--real-fraction", 0.5, "-o", tmp_path / "m.zarr"],
        ["inspect", store],
        ["inspect", store, "--sample", 1],
    ):
        assert "aj_noisy of chunk 1" in one_sentence(*arguments)
    torch = pytest.importorskip("torch")
    with pytest.raises(InputError, match=wanted):
        isacsim.to_torch(store)
    assert torch and sorted(p.name for p in tmp_path.iterdir()) == ["a.zarr"]
    assert damage(store) == ["aj_noisy of chunk 1 (samples 4 to 7) is lost"]


def test_a_lost_axis_is_told(store):
    (store / "jerk/c/0").unlink()
    assert "the values of jerk are lost" in one_sentence("inspect", store)
    assert damage(store) == ["the values of jerk are lost"]


def test_a_chunk_of_fill_values_is_not_lost(tmp_path):
    """Zarr writes none of a chunk that is all fill value."""
    path = stores.numbered(8, tmp_path / "s.zarr", chunk=4)
    ds = open_dataset(path).load()
    ds["aj_clean"][:4] = np.nan
    stores.save(ds, path, chunk=4)
    assert not (path / "aj_clean/c/0/0/0/0").exists()
    record = open_record(path)
    assert lost_chunks(record, record.recorded()) == []
    (path / "aj_clean/c/1/0/0/0").unlink()
    assert lost_chunks(record, record.recorded()) == [(1, "aj_clean")]


def test_a_chunk_lost_behind_a_url(made):
    import fsspec

    files = fsspec.filesystem("memory")
    files.put(str(made), "/damage/s.zarr", recursive=True)
    assert open_dataset("memory://damage/s.zarr").sizes["sample"] == N
    files.rm("/damage/s.zarr/index/c/2")
    with pytest.raises(InputError, match=r"index of chunk 2 \(samples 8 to 9\) is lost"):
        open_dataset("memory://damage/s.zarr")


def test_regenerate_believes_the_plan_and_not_the_sample(store):
    group = zarr.open_group(store, mode="r+")
    group["split"][1], group["seed"][2], group["index"][9] = "test", 7, 4
    wrong = {k: [name for name, same in regenerate(store, k).items() if not same] for k in (1, 2, 9, 3)}
    assert wrong == {1: ["split"], 2: ["seed"], 9: ["index"], 3: []}


@pytest.mark.parametrize("name", ["aj_noisy/c/1/0/0", "split/c/1"])
def test_a_chunk_cut_short_is_told_by_every_reader(store, tmp_path, name):
    cut(store / name)
    wanted = f"{name.partition('/')[0]} of chunk 1 (samples 4 to 7) cannot be read"
    for ending in ("npz", "nc", "mat"):
        assert wanted in one_sentence("export", store, "-o", tmp_path / f"x.{ending}")
    assert wanted in one_sentence("inspect", store, "--sample", 5)
    if name.startswith("split"):
        assert wanted in one_sentence("inspect", store)
        assert wanted in one_sentence("mix", store, store, "--real-fraction", 0.5, "-o", tmp_path / "m.zarr")
    pytest.importorskip("torch")
    with pytest.raises(InputError, match="cannot be read"):
        for _ in isacsim.to_torch(store, split="train"):
            pass
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zarr"]


def test_inspect_counts_even_a_strange_split(store):
    zarr.open_group(store, mode="r+")["split"][1] = "nonsense"
    assert "nonsense" in said("inspect", store, code=0)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("chunk", 0, "its attribute chunk is 0 and not an integer of at least 1"),
        ("chunk", "x", "its attribute chunk is 'x'"),
        ("n_samples", -3, "its attribute n_samples is -3"),
        ("n_samples", None, "its attribute n_samples is None"),
        ("variables", "[1]", "its attribute variables is '[1]' and not"),
        ("variables", "aj_noisy", "its attribute variables is 'aj_noisy' and not"),
        ("variables", '["none"]', "damaged, it names 1 variables and has digests of shape (3, 21)"),
        ("state", 3, "its attribute state is 3 and not one of creating, extending, ready"),
        ("scenarios", "{", "its attribute scenarios is '{' and not"),
        ("isacsim_format", [], "in layout []"),
    ],
)
def test_scribbled_attributes_are_told(store, name, value, says):
    zarr.open_group(store, mode="r+").attrs[name] = value
    assert says in one_sentence("inspect", store)


@pytest.mark.parametrize("file", ["zarr.json", "aj_noisy/zarr.json", "record/digest/zarr.json"])
def test_scribbled_descriptions_are_told(store, file):
    described = json.loads((store / file).read_text())
    for strange in ("{", "[]", json.dumps(described | {"chunk_grid": 5, "attributes": 5}), "{}"):
        (store / file).write_text(strange)
        one_sentence("inspect", store, "--sample", 1)


def test_urls_that_cannot_be_opened(monkeypatch):
    def missing(*_, **__):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("zarr.open_group", missing)
    assert "needs a package that is not installed here: Install s3fs" in one_sentence(
        "inspect", "s3://b/x.zarr"
    )
    monkeypatch.undo()
    assert "no such kind of URL" in one_sentence("inspect", "foo://b/x.zarr")


def test_overwriting_cut_short_anywhere_can_be_done_again(made, tmp_path, monkeypatch):
    from isacsim.dataset.store.store import create_store

    class Killed(BaseException):
        pass

    template = open_dataset(made).isel(sample=slice(0, 1)).load()
    for moment in range(5):
        path = shutil.copytree(made, tmp_path / f"{moment}.zarr")
        left = iter(range(moment))

        def rmtree(folder, *given, left=left, rmtree=shutil.rmtree, **how):
            if next(left, None) is None:
                raise Killed
            return rmtree(folder, *given, **how)

        monkeypatch.setattr("isacsim.dataset.store.replacing.shutil.rmtree", rmtree)
        with pytest.raises(Killed):
            create_store(path, template, N, chunk=4, attrs={})
        monkeypatch.undo()
        assert not open_record(path).complete().any()
        assert open_record(create_store(path, template, N, chunk=4, attrs={}).path).ready


@pytest.mark.parametrize("content", [None, b"", b'{"attributes": {'])
def test_a_lost_root_says_what_can_be_done(store, content):
    (store / "zarr.json").unlink() if content is None else (store / "zarr.json").write_bytes(content)
    for arguments in (
        ["inspect", store],
        ["generate", "lab", "-o", store],
        ["generate", "lab", "-o", store, "--overwrite"],
    ):
        text = one_sentence(*arguments)
        assert "zarr.json is gone or damaged" in text and "remove it or choose another name" in text


@pytest.mark.parametrize(
    ("old", "new"), [("packets", "pakets"), ("packets: 64", "packets: -3"), ("seed", ": [")]
)
def test_a_damaged_plan_is_one_sentence(store, old, new):
    group = zarr.open_group(store, mode="r+")
    assert old in group.attrs["scenarios"]
    group.attrs["scenarios"] = group.attrs["scenarios"].replace(old, new)
    for arguments in (["--verify"], ["--sample", 1, "--regenerate"]):
        last = said("inspect", store, *arguments).splitlines()[-1]
        assert last.startswith(f"isacsim: {store}: its attributes scenarios")
