"""Samples in torch: through DataLoaders whose workers are forked and spawned, over epochs and ranks."""

from __future__ import annotations

import pickle
import subprocess
import sys
from itertools import chain

import numpy as np
import pytest
import xarray as xr

from isacsim import InputError
from tests.dataset import stores

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'isacsim[torch]'.")

from torch.utils.data import DataLoader  # noqa: E402

from isacsim.dataset.loading.torch_data import to_torch  # noqa: E402


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return stores.numbered(53, tmp_path_factory.mktemp("torch") / "s.zarr", chunk=4, train=30)


def labels(loader):
    return [int(n) for _, batch in loader for n in batch]


def halved(values, label):
    return values / 2, label


def test_items(store):
    values, label = next(iter(to_torch(store)))
    assert values.dtype == torch.float32 and values.shape == (2, 3, 4)
    assert label.dtype == torch.int64 and label.shape == ()
    assert float(values[0, 0, 0]) == int(label)
    assert torch.is_tensor(next(iter(to_torch(store, targets=()))))
    values, (clean, label) = next(iter(to_torch(store, targets=("aj_clean", "n_targets"))))
    assert torch.equal(clean, values + 1000)
    values, label = next(iter(to_torch(store, transform=halved)))
    assert 2 * float(values[0, 0, 0]) == int(label)


# Python 3.12 warns of forking beside threads; torch's default on Linux does just that.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_workers_share_the_epoch_and_see_it_change(store, how):
    # A data set opened in this process, and a path; the parent has read from both.
    samples = to_torch(store if how == "spawn" else xr.open_zarr(store), transform=halved, buffer_chunks=2)
    alone = labels(DataLoader(samples, batch_size=8))
    loader = DataLoader(
        samples, batch_size=8, num_workers=2, multiprocessing_context=how, persistent_workers=True
    )
    first = labels(loader)
    assert sorted(alone) == sorted(first) == list(range(53))
    assert labels(loader) == first
    samples.set_epoch(1)
    second = labels(loader)
    assert sorted(second) == list(range(53)) and second != first


def test_pickles_with_its_epoch(store):
    samples = to_torch(store)
    samples.set_epoch(3)
    again = pickle.loads(pickle.dumps(samples))
    assert labels(DataLoader(again)) == labels(DataLoader(samples))


def test_without_shuffling(store):
    samples = to_torch(store, shuffle=False, split="test")
    assert len(samples) == 23
    assert labels(DataLoader(samples, batch_size=5)) == list(range(30, 53))


def test_ranks(store):
    ranks = [to_torch(store, rank=r, world_size=3) for r in range(3)]
    drawn = [labels(DataLoader(r, batch_size=4)) for r in ranks]
    assert [len(r) for r in ranks] == [len(d) for d in drawn]
    assert sorted(chain(*drawn)) == list(range(53))
    assert {len(to_torch(store, rank=r, world_size=3, equal=True)) for r in range(3)} == {17}


def test_ranks_come_from_torch_distributed(store, monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    samples = to_torch(store)
    assert (samples.rank, samples.world_size) == (1, 2)
    assert labels(DataLoader(samples)) == labels(DataLoader(to_torch(store, rank=1, world_size=2)))


def test_one_sample_in_a_workers_message_is_one_sample(store):
    values, _ = next(iter(to_torch(store)))
    assert values.untyped_storage().nbytes() == values.numel() * 4


def test_isacsim_does_not_import_torch():
    code = "import isacsim, isacsim.cli, isacsim.dataset, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rank": 0}, "go together"),
        ({"rank": 2, "world_size": 2}, "rank must be an integer from 0 to 1, got 2"),
    ],
)
def test_bad_ranks(store, changes, says):
    with pytest.raises(InputError, match=says):
        to_torch(store, **changes)


def test_bad_epoch(store):
    with pytest.raises(InputError, match="epoch must be an integer of at least 0, got -1"):
        to_torch(store).set_epoch(-1)


def test_simulated_samples(make_scenario, tmp_path):
    path = stores.simulated(make_scenario, tmp_path / "s.zarr")
    saved = xr.open_zarr(path)
    batch = next(iter(DataLoader(to_torch(path, shuffle=False, targets=("aj_clean",)), batch_size=6)))
    np.testing.assert_array_equal(batch[0][:, 0], saved.aj_noisy)
    np.testing.assert_array_equal(batch[1][:, 0], saved.aj_clean)


def test_by_number(store):
    samples = to_torch(store, inputs="aj_noisy", targets="n_targets", split="test", map_style=True)
    assert len(samples) == 23
    assert [int(samples[i][1]) for i in range(23)] == list(range(30, 53))
    assert int(samples[np.int64(-1)][1]) == 52
    assert torch.equal(samples[4][0], torch.full((2, 3, 4), 34.0))
    assert [int(label) for _, label in samples] == list(range(30, 53))
    for outside in (23, -24):
        with pytest.raises(IndexError, match=f"sample {outside} is out of range: there are 23"):
            samples[outside]
    assert torch.is_tensor(to_torch(store, targets=(), map_style=True)[0])


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize(("how", "workers"), [(None, 0), ("fork", 2), ("spawn", 2)])
def test_by_number_the_data_loader_shuffles(store, how, workers):
    samples = to_torch(store, transform=halved, map_style=True, buffer_chunks=2)
    order = torch.Generator().manual_seed(1)
    loader = DataLoader(
        samples, 8, shuffle=True, generator=order, num_workers=workers, multiprocessing_context=how
    )
    first, second = labels(loader), labels(loader)
    assert sorted(first) == sorted(second) == list(range(53))
    assert first != sorted(first) and first != second
    for values, label in loader:
        assert torch.equal(2 * values[:, 0, 0, 0], label.float())


def test_by_number_a_batch_reads_no_chunk_twice(store, monkeypatch):
    samples = to_torch(store, map_style=True, buffer_chunks=1)
    read = []
    chunk = samples._stream.chunk
    monkeypatch.setattr(samples._stream, "chunk", lambda number: read.append(number) or chunk(number))
    batch = samples.__getitems__([9, 0, 8, 52, 1])
    assert [int(label) for _, label in batch] == [9, 0, 8, 52, 1]
    assert read == [0, 2, 13]
    assert len(samples._chunks) == 1
    monkeypatch.undo()
    assert not pickle.loads(pickle.dumps(samples))._chunks  # workers read their own


def test_by_number_samplers_share_out(store):
    samples = to_torch(store, map_style=True)
    ranks = [torch.utils.data.DistributedSampler(samples, 2, rank) for rank in range(2)]
    assert sorted({*chain(*(labels(DataLoader(samples, sampler=r)) for r in ranks))}) == list(range(53))
    with pytest.raises(InputError, match="the DataLoader's sampler shares samples out"):
        to_torch(store, map_style=True, rank=0, world_size=2)


def test_by_number_there_is_no_stream(make_scenario):
    import isacsim

    with pytest.raises(InputError, match="a stream has no length"):
        to_torch(isacsim.stream([make_scenario()], seed=0), map_style=True)


def test_a_single_name_is_as_good_as_a_sequence(store):
    values, label = next(iter(to_torch(store, inputs="aj_noisy", targets="n_targets", shuffle=False)))
    same, other = next(iter(to_torch(store, inputs=("aj_noisy",), targets=["n_targets"], shuffle=False)))
    assert torch.equal(values, same) and label == other
