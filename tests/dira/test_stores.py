"""Stores and folders of models: whole, old or new, whatever happens while they are written."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
import xarray as xr
from filelock import FileLock

import dira
import dira.data.stores
import dira.models.files
from dira.data import stores as data
from dira.data.stores import load, write
from isacsim.errors import InputError


class Killed(BaseException):
    pass


def spectra(n: int) -> xr.Dataset:
    return xr.Dataset({"aj_noisy": (("sample", "acceleration", "jerk"), np.ones((n, 8, 8), np.float32))})


def test_only_what_is_asked_for_is_read(tmp_path) -> None:
    samples = spectra(4).assign(n_targets=("sample", [3, -1, 3, -1]))
    samples["aj_noiseless"] = samples["aj_noisy"]
    read = load(write(samples, tmp_path / "x.zarr"), "aj_noisy", labelled=True)
    assert read.n_targets.values.tolist() == [3, 3] and "aj_noiseless" not in read


def test_a_store_is_written_whole(tmp_path, monkeypatch) -> None:
    samples = spectra(3)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(data, "write_chunk", full)
        with pytest.raises(OSError, match="No space"):
            write(samples, tmp_path / "x.zarr")
    assert list(tmp_path.iterdir()) == []
    write(samples, tmp_path / "x.zarr")
    with pytest.raises(InputError, match="there already"):
        write(samples, tmp_path / "x.zarr")
    write(samples.isel(sample=slice(0, 2)), tmp_path / "x.zarr", overwrite=True)
    assert load(tmp_path / "x.zarr", "aj_noisy").sizes["sample"] == 2


def test_a_kill_while_a_store_is_replaced_leaves_one_that_is_whole(tmp_path, monkeypatch) -> None:
    path = write(spectra(3), tmp_path / "x.zarr")

    def half(folder, *args, **kwargs):
        inside = sorted(p for p in folder.rglob("*") if p.is_file())
        if inside:
            inside[0].unlink()
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", half)
        with pytest.raises(Killed):
            write(spectra(2), path, overwrite=True)
    assert float(load(path, "aj_noisy").aj_noisy.sum()) == 2 * 64
    # What the dead run left goes with the next one.
    assert len(list(tmp_path.iterdir())) == 2
    write(spectra(4), path, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["x.zarr"]
    assert load(path, "aj_noisy").sizes["sample"] == 4


@pytest.mark.parametrize("killed", [False, True])
def test_between_two_renames_the_old_store_is_not_lost(tmp_path, monkeypatch, killed: bool) -> None:
    path, replace = write(spectra(3), tmp_path / "x.zarr"), os.replace

    def stop(source, target):
        if target == path and source.parent.name == "new":
            raise Killed
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", stop)
        if killed:  # nothing is tidied up
            patch.setattr(data, "_put_back", lambda *_: None)
            patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(Killed):
            write(spectra(2), path, overwrite=True)
    assert path.exists() != killed
    if killed:
        with monkeypatch.context() as patch:
            patch.setattr(data, "create_store", lambda *_, **__: stop(path.parent / "new" / path.name, path))
            with pytest.raises(Killed):  # the next run fails too
                write(spectra(2), path, overwrite=True)
    assert load(path, "aj_noisy").sizes["sample"] == 3


def test_two_at_a_time_don_t_mix(tmp_path) -> None:
    work = tmp_path / ".x.zarr-writing"
    work.mkdir()
    with FileLock(work / "lock"), pytest.raises(InputError, match=r"x\.zarr: another process is writing it"):
        write(spectra(2), tmp_path / "x.zarr")
    write(spectra(2), tmp_path / "x.zarr")
    assert [p.name for p in tmp_path.iterdir()] == ["x.zarr"]


def trained(labels: list[int]) -> dira.TargetCounter:
    return dira.TargetCounter(width=8).fit(np.ones((4, 16, 16)), labels, steps=1, batch_size=4, device="cpu")


def test_a_model_is_never_one_s_classes_with_another_s_weights(tmp_path, monkeypatch) -> None:
    trained([3, 4, 3, 4]).save_pretrained(tmp_path)
    other, replace = trained([6, 7, 6, 7]), type(tmp_path).replace

    def killed_after(names: list[str]):
        def move(self, target):
            if target.name not in names:
                raise Killed
            return replace(self, target)

        return move

    def save(names: list[str]) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(type(tmp_path), "replace", killed_after(names))
            with pytest.raises(Killed):
                other.save_pretrained(tmp_path)

    def full(weights):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(dira.models.files, "save", full)
        with pytest.raises(OSError, match="No space"):
            other.save_pretrained(tmp_path)
    assert dira.TargetCounter.from_pretrained(tmp_path).counts.tolist() == [3, 4]  # nothing has changed
    save(["model.safetensors"])
    with pytest.raises(InputError, match=r"holds no model: config\.json is missing"):
        dira.TargetCounter.from_pretrained(tmp_path)
    other.save_pretrained(tmp_path)
    assert dira.TargetCounter.from_pretrained(tmp_path).counts.tolist() == [6, 7]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


@pytest.mark.parametrize(
    ("labels", "drop", "guidance", "said"),
    [
        ([3, 4], 0.1, float("nan"), "guidance must be a finite number, got nan"),
        ([3, 4], 0.0, 3.0, r"guidance must be 1 for a model .*drop_labels.*got 3"),
        (None, 0.1, 3.0, r"guidance must be 1 for a model .*got 3"),
    ],
)
def test_guidance_by_what_was_never_learnt_is_refused(labels, drop, guidance, said) -> None:
    model = dira.ConditionalDiffusion(unet={"blocks": (8,)}, drop_labels=drop)
    model.fit(np.ones((2, 8, 8)), labels, steps=1, batch_size=2, device="cpu")
    how = {"n": None if labels else 1, "seed": 0, "sampler": "ddim", "steps": 1, "device": "cpu"}
    assert np.isfinite(model.sample(labels, **how)).all()
    with pytest.raises(InputError, match=said):
        model.sample(labels, **how, guidance=guidance)
