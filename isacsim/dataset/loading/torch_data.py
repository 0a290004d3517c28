"""A data set for torch: read by chunk, shuffled, shared out among workers and ranks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from isacsim.checks import check_integer
from isacsim.dataset.groups import Where
from isacsim.dataset.loading.reuse import ReusedSamples
from isacsim.dataset.loading.stream import SampleStream
from isacsim.dataset.synthetic.endless import EndlessSamples
from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from isacsim.dataset.loading.torch_samples import MapSamples, TorchSamples
    from isacsim.dataset.loading.torch_stream import StreamedSamples

__all__ = ["to_torch"]


def to_torch(
    ds: xr.Dataset | str | PathLike[str] | EndlessSamples | ReusedSamples,
    *,
    inputs: str | Sequence[str] = ("aj_noisy",),
    targets: str | Sequence[str] = ("n_targets",),
    split: str | None = None,
    where: Where | None = None,
    split_by: str | None = None,
    splits: Mapping[str, float] | None = None,
    shuffle: bool = True,
    seed: int = 0,
    buffer_chunks: int = 16,
    transform: Callable[..., Any] | None = None,
    rank: int | None = None,
    world_size: int | None = None,
    equal: bool = False,
    map_style: bool = False,
) -> TorchSamples | MapSamples | StreamedSamples:
    """Make a torch data set of a data set.

    Each worker of a DataLoader reads whole chunks of its own and holds `buffer_chunks` of them. So none is
    decompressed twice an epoch, except where two workers' shares meet.

    Parameters
    ----------
    ds : xarray.Dataset, path or stream
        A data set (docs/datasets.md), or the zarr store it is in. A path is the faster one: every worker opens
        the store for itself, and no Dask stands between. Or what :func:`isacsim.stream` gives, once or ``reused``: it
        never ends, and `split`, `shuffle`, `seed`, `buffer_chunks` and `equal` say nothing of it.
    inputs : str or sequence of str
        Spectra or CSI of equal size; their receivers and delays, and the real and imaginary parts of CSI, become
        channels.
    targets : str or sequence of str
        Any variables over sample but text; () for none. What a sample does not have is NaN, a missing label -1.
    split : {"train", "validation", "test"}, optional
        Default: all samples.
    where : mapping, optional
        Selection of samples by variables over sample (person, room, source, ...). It maps a name to a value, to
        several values of which any matches, or to a function of the value, e.g. ``{"person": lambda name: name !=
        "eve"}``.
    split_by : str, optional
        Make a new split, by a variable over sample: all samples of one person, say, are in one split. Needs `splits`
        and `split`; `seed` decides it. The stored split is ignored.
    splits : mapping, optional
        Split to its share, for `split_by`.
    shuffle : bool
        Shuffle chunks, and samples within the buffer. False: the order of the store. Leave the DataLoader's own
        `shuffle` alone.
    seed : int
        Seed of the shuffling; call ``set_epoch`` before each epoch to have another order.
    buffer_chunks : int
        Number of chunks that are shuffled together.
    transform : callable, optional
        Called with the input and, if there are any, the target; what it returns takes their place. With workers
        that are spawned it must be picklable.
    rank, world_size : int, optional
        Index and number of the processes that train together; default: as torch.distributed says now, else alone.
    equal : bool
        Give all ranks equally many samples, leaving out fewer than `world_size`: training in step needs that.
    map_style : bool
        Give a data set with ``len()`` and ``[i]``, in the order of the store. Shuffling and sharing out are then the
        DataLoader's: pass it ``shuffle=True``, or a sampler such as torch's DistributedSampler. `shuffle` says nothing
        then; `seed` only matters to `split_by`; `buffer_chunks` chunks are kept. Shuffled reading is slower than the
        default, which reads each chunk once an epoch, as soon as the data set has more chunks than are kept.

    Returns
    -------
    TorchSamples, MapSamples or StreamedSamples
        Gives ``(input, target)``. The input is float32 (channel, acceleration, jerk) or (channel, subcarrier,
        packet), linear magnitude as stored. The target is the same for a spectrum, float32 for other floats, int64
        for integers, and a tuple if several are named. Without targets it gives only the input.

    Raises
    ------
    InputError
        If the data set does not have what is asked for, or the ranks contradict each other.
    ImportError
        If torch is not installed.

    Examples
    --------
    >>> from torch.utils.data import DataLoader
    >>> samples = to_torch("train.zarr", split="train")  # doctest: +SKIP
    >>> loader = DataLoader(samples, batch_size=64, num_workers=2)  # doctest: +SKIP
    >>> by_number = to_torch("train.zarr", inputs="aj_noisy", map_style=True)  # doctest: +SKIP
    >>> loader = DataLoader(by_number, batch_size=64, shuffle=True)  # doctest: +SKIP
    """
    try:
        import torch.distributed
    except ImportError as error:
        raise ImportError(
            "to_torch needs torch, which is not installed: pip install 'isacsim[torch]'."
        ) from error
    from isacsim.dataset.loading.torch_samples import MapSamples, TorchSamples

    if map_style and (rank is not None or world_size is not None or equal):
        raise InputError(
            "rank, world_size and equal are for iterating; with map_style=True the DataLoader's sampler shares "
            "samples out: sampler=torch.utils.data.DistributedSampler(samples)."
        )
    if map_style and isinstance(ds, EndlessSamples | ReusedSamples):
        raise InputError("map_style=True needs a data set with an end; a stream has no length.")
    if (rank is None) != (world_size is None):
        raise InputError(f"rank and world_size go together; got rank={rank}, world_size={world_size}.")
    if rank is None or world_size is None:
        together = torch.distributed.is_available() and torch.distributed.is_initialized()
        rank = torch.distributed.get_rank() if together else 0
        world_size = torch.distributed.get_world_size() if together else 1
    check_integer("rank", rank, least=0, most=check_integer("world_size", world_size, least=1) - 1)
    if isinstance(ds, EndlessSamples | ReusedSamples):
        from isacsim.dataset.loading.torch_stream import StreamedSamples

        samples = ds.reused(1) if isinstance(ds, EndlessSamples) else ds
        how: dict[str, Any] = {"transform": transform, "rank": rank, "world_size": world_size}
        return StreamedSamples(samples, inputs=inputs, targets=targets, **how)
    stream = SampleStream(
        ds,
        inputs=inputs,
        targets=targets,
        split=split,
        where=where,
        split_by=split_by,
        splits=splits,
        shuffle=shuffle,
        seed=seed,
        buffer_chunks=buffer_chunks,
        channel_axis=1,
    )
    if map_style:
        return MapSamples(stream, transform=transform, kept=buffer_chunks)
    return TorchSamples(stream, transform=transform, rank=rank, world_size=world_size, equal=equal)
