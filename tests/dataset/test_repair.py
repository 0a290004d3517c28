"""What is lost, cut short or scribbled over is made again with the same bits, where that can be done."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import zarr

from isacsim.dataset.inspection import damage, regenerate
from isacsim.dataset.repair import repair
from isacsim.dataset.store.store import open_dataset, open_record, write_chunk
from isacsim.dataset.synthetic.generate import generate
from isacsim.errors import InputError
from tests.dataset import stores
from tests.dataset.damaging import N, cut, one_sentence, said, same_files

pytestmark = pytest.mark.usefixtures("undrawn", "in_this_process")


def test_repair_makes_the_same_bits(store, made):
    (store / "aj_noisy/c/1/0/0").unlink()
    (store / "jerk/c/0").unlink()
    cut(store / "split/c/0")
    zarr.open_group(store, mode="r+")["seed"][1] = 7
    text = said("inspect", store, "--repair", code=0)
    assert text.count("was damaged") == 4
    assert "made: chunks 0, 1.\nwritten again: jerk." in text
    assert "finished." in text
    same_files(made, store)
    assert "nothing to repair." in said("inspect", store, "--repair", code=0)


class _Killed(Exception):
    pass


def test_a_repair_cut_short_is_finished_by_generate(store, made, tiny, here, monkeypatch):
    cut(store / "aj_noisy/c/0/0/0")
    cut(store / "aj_noisy/c/2/0/0")

    def write(record, number, samples, write=write_chunk):
        if number == 2:
            raise _Killed
        write(record, number, samples)

    with monkeypatch.context() as patch:
        patch.setattr("isacsim.dataset.synthetic.generate.write_chunk", write)
        with pytest.raises(_Killed):
            repair(store)
    with pytest.raises(InputError, match="incomplete, 8 of 10"):
        open_dataset(store)
    generate(
        tiny(), store, n_samples=N, client=here, splits={"train": 0.5, "test": 0.5}, seed=3, progress=False
    )
    same_files(made, store)


@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "unknown"])
def test_a_list_of_arrays_that_is_not_the_stores_writes_nothing(store, name):
    root = json.loads((store / "zarr.json").read_text())
    listed = root["consolidated_metadata"]["metadata"]
    listed[name] = listed["jerk"]
    (store / "zarr.json").write_text(json.dumps(root))
    assert "list of its arrays" in one_sentence("inspect", store, "--repair")
    assert [path.name for path in store.parent.iterdir()] == [store.name]


def test_what_repair_cannot_make_again(store, tmp_path):
    cut(store / "aj_noisy/c/1/0/0")
    zarr.open_group(store, mode="r+").attrs["numpy"] = "1.0"
    assert "made with numpy 1.0" in one_sentence("inspect", store, "--repair")
    assert open_record(store).complete().all()
    real = stores.numbered(8, tmp_path / "real.zarr", chunk=4)
    zarr.open_group(real, mode="r+").attrs["captures"] = "[]"
    cut(real / "aj_noisy/c/1/0/0/0")
    assert "isacsim import" in said("inspect", real, "--repair", code=1)
    assert open_record(real).complete().tolist() == [True, False]


@pytest.mark.parametrize("name", ["acceleration", "jerk"])
@pytest.mark.parametrize("how", ["doubled", "cut"])
def test_a_damaged_axis_is_named_and_mended(store, made, name, how):
    if how == "doubled":
        zarr.open_group(store, mode="r+")[name][:] *= 2
        says = f"the values of {name} are not what was written"
        assert [k for k, same in regenerate(store, 1).items() if not same] == [name]
    else:
        file = store / name / "c/0"
        file.write_bytes(file.read_bytes()[:3])
        says = f"the values of {name} cannot be read"
        assert says in one_sentence("inspect", store) and "--repair mends it" in one_sentence(
            "inspect", store
        )
        assert says in said("inspect", store, "--sample", 1, "--regenerate").splitlines()[-1]
    text = said("inspect", store, "--verify", code=1)
    assert f"DAMAGED: {says}" in text and "--repair" in text
    assert f"written again: {name}." in said("inspect", store, "--repair", code=0)
    same_files(made, store)


def test_a_damaged_axis_of_a_store_without_a_plan(tmp_path):
    path = stores.numbered(8, tmp_path / "s.zarr", chunk=4)
    zarr.open_group(path, mode="r+")["jerk"][1] = 3
    assert damage(path) == ["the values of jerk are not what was written"]
    assert "only scenarios can make them again" in one_sentence("inspect", path, "--repair")


def test_repair_finishes_what_is_missing(store, made):
    zarr.open_group(store, mode="r+")["record/digest"][1] = 0
    cut(store / "aj_noisy/c/2/0/0")
    zarr.open_group(store, mode="r+").attrs["state"] = "extending"
    text = said("inspect", store, "--repair", "--verify", code=0)
    assert "made: chunks 1, 2." in text
    assert "verified" in text and "finished." in text
    same_files(made, store)


def test_missing_chunks_of_a_store_without_a_plan(tmp_path):
    path = stores.numbered(8, tmp_path / "s.zarr", chunk=4, chunks=[0])
    assert "1 chunks are to be made, and the command -o" in said("inspect", path, "--repair", code=1)


@pytest.mark.parametrize("how", ["cut", "scribbled", "partly"])
def test_a_damaged_record_is_told_from_damaged_values(store, made, how):
    file = store / "record/digest/c/1/0"
    content = file.read_bytes()
    noise = np.random.default_rng(0).bytes(len(content))
    file.write_bytes({"cut": content[:4], "scribbled": noise, "partly": bytes(8) + content[8:]}[how])
    text = said("inspect", store, "--verify", code=1)
    says = (
        "is not what was written"
        if how == "scribbled"
        else "the record of chunk 1 (samples 4 to 7) cannot be read"
    )
    assert f"{says}" in text and "DAMAGED" in text
    text = said("inspect", store, "--repair", code=0)
    assert "made: chunks 1." in text
    same_files(made, store)


def test_other_bits_are_told(store):
    """Values and record agree, and both are not what this machine makes, but for one value that was lost since."""
    record = open_record(store, mode="r+")
    samples = {name: record.read(name, 4, 8) for name in record.variables}
    write_chunk(record, 1, samples | {"snr_db": samples["snr_db"] + 1})
    cut(store / "aj_noisy/c/1/0/0")
    assert "other bits than before came out in snr_db of chunk 1:" in repair(store).left
    assert damage(store) == []


@pytest.mark.parametrize(
    "lost", ["aj_noisy/zarr.json", "jerk/zarr.json", "aj_noisy", "record/zarr.json", "record"]
)
def test_lost_descriptions_are_written_again(store, made, lost):
    file = store / lost
    shutil.rmtree(file) if file.is_dir() else file.unlink()
    text = said("inspect", store, "--verify", code=1)
    assert f"DAMAGED: {lost.removesuffix('/zarr.json')}/zarr.json is lost" in text
    assert "written again: " in said("inspect", store, "--repair", "--verify", code=0)
    same_files(made, store)
