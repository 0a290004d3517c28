"""Order and contents of what training reads: whole, disjoint, seeded, by chunk."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from isacsim import InputError
from isacsim.dataset.loading.stream import SampleStream
from isacsim.dataset.store.store import open_dataset
from tests.dataset import stores

DEFAULTS = {
    "inputs": ("aj_noisy",),
    "targets": ("n_targets",),
    "split": None,
    "shuffle": True,
    "seed": 0,
    "buffer_chunks": 3,
    "channel_axis": 1,
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return stores.numbered(53, tmp_path_factory.mktemp("stream") / "s.zarr", chunk=4, train=30)


def order(stream, epoch=0, **part):
    return [int(n) for _, (labels,) in stream.blocks(epoch, **part) for n in labels]


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(1, 60),
    chunk=st.integers(1, 17),
    buffer_chunks=st.integers(1, 9),
    world_size=st.integers(1, 5),
    workers=st.integers(1, 4),
    seed=st.integers(0, 3),
    shuffle=st.booleans(),
)
def test_all_parts_together_are_each_sample_once(n, chunk, buffer_chunks, world_size, workers, seed, shuffle):
    labels = np.arange(n, dtype=np.int64)
    pictures = np.zeros((n, 1, 1), np.float32)
    ds = xr.Dataset(
        {"aj_noisy": (("sample", "acceleration", "jerk"), pictures), "n_targets": ("sample", labels)}
    )
    ds["aj_noisy"].encoding["preferred_chunks"] = {"sample": chunk}
    stream = SampleStream(ds, **DEFAULTS | {"buffer_chunks": buffer_chunks, "seed": seed, "shuffle": shuffle})
    for equal in (False, True):
        ranks = [
            [
                order(stream, 2, rank=r, world_size=world_size, worker=w, workers=workers, equal=equal)
                for w in range(workers)
            ]
            for r in range(world_size)
        ]
        sizes = [sum(map(len, rank)) for rank in ranks]
        drawn = [i for rank in ranks for worker in rank for i in worker]
        assert len(set(drawn)) == len(drawn) == (n - n % world_size if equal else n)
        assert max(sizes) - min(sizes) <= (0 if equal else 1)
    if not shuffle:
        assert order(stream) == list(range(n))


def test_order_depends_on_seed_and_epoch_alone(store):
    first, again = (SampleStream(store, **DEFAULTS) for _ in range(2))
    assert order(first, 1) == order(again, 1)
    orders = [order(first, 0), order(first, 1), order(SampleStream(store, **DEFAULTS | {"seed": 1}), 0)]
    assert len({tuple(o) for o in orders}) == 3
    assert all(sorted(o) == list(range(53)) for o in orders)


def test_a_buffer_holds_whole_chunks_mixed(store):
    stream = SampleStream(store, **DEFAULTS)
    sizes, chunks = [], []
    for values, (labels,) in stream.blocks(0):
        sizes.append(len(labels))
        chunks.append(set(labels // 4))
        np.testing.assert_array_equal(values[:, 0, 0, 0], labels)
        assert list(labels) != sorted(labels)
    assert sum(sizes) == 53 and max(sizes) == 12
    # No chunk is read for two buffers.
    assert sum(map(len, chunks)) == len(set.union(*chunks)) == 14


def test_only_the_chunks_of_a_buffer_are_read(store, monkeypatch):
    import zarr.storage

    read = []
    get = zarr.storage.LocalStore.get

    async def counted(self, key, *args, **options):
        if "/c/" in key:
            read.append(key)
        return await get(self, key, *args, **options)

    stream = SampleStream(store, **DEFAULTS)
    monkeypatch.setattr(zarr.storage.LocalStore, "get", counted)
    blocks = stream.blocks(0)
    next(blocks)
    assert len(read) == 2 * 3  # two variables, three chunks
    list(blocks)
    assert len(read) == len(set(read)) == 2 * 14


def test_split_is_respected_also_within_a_chunk(store):
    assert sorted(order(SampleStream(store, **DEFAULTS | {"split": "train"}))) == list(range(30))
    assert sorted(order(SampleStream(store, **DEFAULTS | {"split": "test"}))) == list(range(30, 53))


def test_channels_and_dtypes(store):
    asked = {
        "inputs": ("aj_noisy", "aj_clean"),
        "targets": ("aj_clean", "target_jerk", "csi"),
        "shuffle": False,
    }
    values, (clean, jerk, csi) = next(SampleStream(store, **DEFAULTS | asked).blocks(0))
    assert values.shape == (12, 4, 3, 4) and values.dtype == np.float32
    np.testing.assert_array_equal(values[7, :, 0, 0], [7, 7, 1007, 1007])
    assert clean.shape == (12, 2, 3, 4) and (clean[3] == 1003).all()
    assert jerk.shape == (12, 2, 3) and jerk.dtype == np.float32
    np.testing.assert_array_equal(csi[7, :, 0, 0], [7, 7.5, 7, 7.5])  # real, imaginary, of two receivers
    last = next(SampleStream(store, **DEFAULTS | asked | {"channel_axis": -1}).blocks(0))
    np.testing.assert_array_equal(last[0], np.moveaxis(values, 1, -1))
    assert last[1][2].shape == (12, 5, 6, 4)


def test_a_data_set_is_used_as_selected(store):
    for chunks in (None, {}):
        opened = xr.open_zarr(store, chunks=chunks).isel(sample=slice(10, None, 2))
        stream = SampleStream(opened, **DEFAULTS)
        assert sorted(order(stream)) == list(range(10, 53, 2))
        assert order(pickle.loads(pickle.dumps(stream))) == order(stream)


def test_a_pickled_stream_holds_no_data(store):
    stream = SampleStream(store, **DEFAULTS)
    order(stream)
    sent = pickle.dumps(stream)
    assert len(sent) < 3000
    assert order(pickle.loads(sent)) == order(stream)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"inputs": ()}, "sequence of one or more names"),
        ({"inputs": ("aj",)}, "no variable 'aj' over sample; it has .*aj_noisy"),
        ({"inputs": ("n_targets",)}, "must end in acceleration, jerk"),
        ({"inputs": ("aj_noisy", "csi")}, "one size"),
        ({"targets": ("split",)}, "text"),
        ({"targets": ("acceleration",)}, "no variable 'acceleration' over sample"),
        ({"split": "validation"}, "'validation': no sample is of it; there are test, train"),
        ({"buffer_chunks": 0}, "buffer_chunks must be an integer of at least 1, got 0"),
        ({"seed": -1}, "seed must be an integer from 0 to"),
    ],
)
def test_what_is_not_there_is_named(store, changes, says):
    with pytest.raises(InputError, match=says):
        SampleStream(store, **DEFAULTS | changes)


def test_no_store(tmp_path):
    with pytest.raises(InputError, match="no data set there"):
        SampleStream(tmp_path / "none.zarr", **DEFAULTS)
    with pytest.raises(InputError, match="no data set there"):
        SampleStream(tmp_path, **DEFAULTS)


def test_an_incomplete_store_is_refused_and_used_where_asked(tmp_path):
    path = stores.numbered(20, tmp_path / "s.zarr", chunk=4, chunks=[0, 2, 4])
    with pytest.raises(InputError, match="incomplete, 12 of 20"):
        SampleStream(path, **DEFAULTS)
    opened = open_dataset(path, incomplete=True)
    assert sorted(order(SampleStream(opened, **DEFAULTS))) == [*range(4), *range(8, 12), *range(16, 20)]
