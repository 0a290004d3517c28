"""Whole chunks only, a record after the data, and damage that is found."""

from __future__ import annotations

import shutil
import warnings

import numpy as np
import pytest
import xarray as xr
import zarr

import isacsim
from isacsim.dataset.inspection import damage
from isacsim.dataset.store.store import create_store, exists, open_record, write_chunk
from isacsim.errors import InputError


def samples(n, first=0):
    rng = np.random.default_rng(first)
    return xr.Dataset(
        {
            "aj_noisy": (
                ("sample", "acceleration", "jerk"),
                rng.random((n, 3, 2), np.float32),
                {"units": "1"},
            ),
            "aj_clean": (("sample", "acceleration", "jerk"), np.full((n, 3, 2), np.nan, np.float32)),
            "csi": (("sample", "packet"), rng.random((n, 4)).astype(np.complex64)),
            "scenario": ("sample", np.full(n, "größe")),
            "seed": ("sample", np.full(n, 5)),
            "split": ("sample", np.full(n, "train")),
            "source": ("sample", np.full(n, "")),
            "index": ("sample", np.arange(first, first + n)),
        },
        coords={
            "acceleration": ("acceleration", np.linspace(-1, 1, 3), {"units": "m/s2"}),
            "frequency": ("packet", np.arange(4.0)),
            "jerk": ["a", "b"],
            "role": ("packet", list("wxyz")),
        },
    )


@pytest.fixture
def store(tmp_path):
    """Ten samples in chunks of four; the first and last chunk are written."""
    path = tmp_path / "a.zarr"
    record = create_store(path, samples(1), 10, chunk=4, attrs={"title": "test"})
    write_chunk(record, 0, samples(4))
    write_chunk(record, 2, samples(2, 8))
    return path


def finish(path):
    write_chunk(open_record(path, mode="r+"), 1, samples(4, 4))


def test_plain_xarray_reads_what_was_written_without_a_warning(store):
    finish(store)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = xr.open_zarr(store)
        ours = isacsim.open_dataset(store)
    wanted = xr.concat([samples(4), samples(4, 4), samples(2, 8)], "sample", data_vars="minimal")
    for got in (plain, ours):
        assert set(got.variables) == set(wanted.variables) and set(got.coords) == set(wanted.coords)
        for name in wanted.variables:
            np.testing.assert_array_equal(got[name], wanted[name])
            assert got[name].dims == wanted[name].dims and got[name].attrs == wanted[name].attrs
    assert ours.aj_noisy.dtype == np.float32 and ours.csi.dtype == np.complex64
    assert ours.chunksizes["sample"] == (4, 4, 2)


def test_an_incomplete_store_says_so(store):
    with pytest.raises(InputError, match="incomplete, 6 of 10 samples"):
        isacsim.open_dataset(store)
    got = isacsim.open_dataset(store, incomplete=True)
    assert got.index.values.tolist() == [0, 1, 2, 3, 8, 9]
    assert got.aj_noisy.notnull().all()
    finish(store)
    assert isacsim.open_dataset(store).sizes["sample"] == 10
    assert not damage(store)


def test_a_chunk_is_written_whole_or_not_at_all(store):
    record = open_record(store, mode="r+")
    with pytest.raises(
        InputError, match=r"aj_noisy of chunk 1 must have the shape \(4, 3, 2\), got \(3, 3, 2\)"
    ):
        write_chunk(record, 1, samples(3, 4))
    with pytest.raises(InputError, match=r"must have the shape \(2,.*got \(4,"):
        write_chunk(record, 2, samples(4))
    with pytest.raises(InputError, match="no chunk 3; it has chunks 0 to 2"):
        write_chunk(record, 3, samples(4))
    with pytest.raises(InputError, match="differs in the variables split"):
        write_chunk(record, 1, samples(4, 4).drop_vars("split"))
    assert record.complete().tolist() == [True, False, True]


def test_a_kill_between_data_and_record_leaves_an_incomplete_chunk(store, monkeypatch):
    class Killed(BaseException):
        pass

    written = []

    def put(self, key, value, put=zarr.Array.__setitem__):
        written.append(self.basename)
        if self.basename == "digest":
            raise Killed
        put(self, key, value)

    monkeypatch.setattr(zarr.Array, "__setitem__", put)
    with pytest.raises(Killed):
        finish(store)
    monkeypatch.undo()
    # The record comes last.
    assert written.index("digest") == len(written) - 1 == 8
    assert not open_record(store).complete()[1]


def test_tampered_data_is_found(store):
    finish(store)
    zarr.open_group(store, mode="r+")["aj_noisy"][5, 1, 1] += np.float32(1e-7)
    zarr.open_group(store, mode="r+")["scenario"][9] = "other"
    assert damage(store) == [
        "aj_noisy of chunk 1 (samples 4 to 7) is not what was written",
        "scenario of chunk 2 (samples 8 to 9) is not what was written",
    ]


@pytest.mark.parametrize("keep", [0, 0.5])
def test_a_truncated_or_lost_file_is_found(store, keep):
    finish(store)
    for name in ("aj_noisy", "split"):
        file = store / name / "c" / "0" if name == "split" else store / name / "c" / "0" / "0" / "0"
        content = file.read_bytes()
        file.write_bytes(content[: int(keep * len(content))])
    (store / "seed" / "c" / "2").unlink()
    found = damage(store)
    assert sorted(text.split(" of ")[0] for text in found) == ["aj_noisy", "seed", "split"]


def test_a_damaged_record_does_not_count(store):
    (store / "record" / "digest" / "c" / "0" / "0").write_bytes(b"123")
    assert open_record(store).complete().tolist() == [False, False, True]


def test_a_leak_between_splits_is_found_in_the_samples(tmp_path):
    path = tmp_path / "leak.zarr"
    record = create_store(path, samples(1), 8, chunk=4, attrs={})
    write_chunk(record, 0, samples(4))
    write_chunk(record, 1, samples(4, 2).assign(split=("sample", np.full(4, "test"))))
    assert damage(path) == ["samples 2 to 3 of seed 5 are in train and in test: the splits leak."]


def test_foreign_and_missing_stores_are_refused(tmp_path, store):
    def refused(path, says):
        with pytest.raises(InputError, match=says):
            isacsim.open_dataset(path)

    refused(tmp_path / "none.zarr", "no data set there")
    samples(2).drop_vars(["scenario", "split", "source", "jerk", "role"]).to_zarr(
        tmp_path / "other.zarr", zarr_format=3, consolidated=False
    )
    refused(
        tmp_path / "other.zarr", "a zarr store that isacsim did not make, .* remove it or choose another name"
    )
    (tmp_path / "file.zarr").write_text("x")
    refused(
        tmp_path / "file.zarr", "no zarr group, .* but a file; isacsim import makes a data set of a capture"
    )
    refused(store / "aj_noisy", "no zarr group")
    zarr.open_group(store, mode="r+").attrs["isacsim_format"] = 99
    refused(store, "layout 99")


def test_a_store_whose_making_was_cut_short_holds_nothing(store):
    zarr.open_group(store, mode="r+").attrs["state"] = "creating"
    for incomplete in (False, True):
        with pytest.raises(InputError, match=r"incomplete|was interrupted"):
            isacsim.open_dataset(store, incomplete=incomplete)
    assert damage(store) == ["its making or extension was interrupted; the same command finishes it"]


def test_a_moved_store_is_the_same(store, tmp_path):
    finish(store)
    shutil.move(store, tmp_path / "moved.zarr")
    assert not damage(tmp_path / "moved.zarr")


def test_a_kill_at_any_write_of_its_making_can_be_made_again(tmp_path, monkeypatch):
    class Killed(Exception):
        pass

    put = zarr.storage._local._put
    for moment in range(100):
        path, writes = tmp_path / f"{moment}.zarr", iter(range(100))

        def until(*given, writes=writes, moment=moment, **how):
            if next(writes) == moment:
                raise Killed
            return put(*given, **how)

        monkeypatch.setattr("zarr.storage._local._put", until)
        try:
            create_store(path, samples(1), 10, chunk=4, attrs={})
            break
        except Killed:
            pass
        finally:
            monkeypatch.undo()
        assert not exists(path) or not open_record(path).complete().any()
        with pytest.raises(InputError, match=r"no data set there|was interrupted|incomplete"):
            isacsim.open_dataset(path, incomplete=True)
    # Every object of the store was the last one written once.
    assert moment > 12
