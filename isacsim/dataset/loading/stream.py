"""Samples of a data set in the order a training loop wants them: whole chunks are read, and shuffled within a buffer.

What `to_torch` and `to_tf_dataset` have in common; knows neither of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim.checks import check_integer, check_names, check_seed
from isacsim.dataset.groups import Where, positions_where, split_by_group
from isacsim.dataset.store.soundness import readable
from isacsim.dataset.store.store import StorePath, location, open_dataset
from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Block", "SampleStream", "open_samples", "positions_of_split"]

# One array of inputs, and one for each target; all over the samples of the block.
Block = tuple[NDArray[np.float32], list[NDArray[Any]]]

# Dimensions of what becomes a picture with channels.
_PICTURES = (("acceleration", "jerk"), ("doppler", "time"), ("subcarrier", "packet"))
# Chunk of a data set that has none, being in memory.
_CHUNK = 256


class SampleStream:
    """Samples of a data set, by chunk, as NumPy arrays.

    Picklable. Given a path, each process opens the store for itself.

    Parameters
    ----------
    ds : xarray.Dataset or path
        A data set (docs/datasets.md), or the store it is in.
    inputs : str or sequence of str
        Spectra or CSI of equal size.
    targets : str or sequence of str
        Any variables over sample but text.
    split : str, optional
        Take only the samples of this split.
    where, split_by, splits
        As for `to_torch`.
    shuffle : bool
        Otherwise samples come in the order of the store.
    seed : int
        Of the shuffling.
    buffer_chunks : int
        So many chunks are in memory, and shuffled among each other.
    channel_axis : {1, -1}
        Where the channels of pictures are.

    Raises
    ------
    InputError
        If the data set does not have what is asked for.
    """

    def __init__(
        self,
        ds: xr.Dataset | str | PathLike[str],
        *,
        inputs: str | Sequence[str],
        targets: str | Sequence[str],
        split: str | None,
        shuffle: bool,
        where: Where | None = None,
        split_by: str | None = None,
        splits: Mapping[str, float] | None = None,
        seed: int,
        buffer_chunks: int,
        channel_axis: int,
    ) -> None:
        self.inputs = check_names("inputs", inputs)
        self.targets = check_names("targets", targets) if targets or isinstance(targets, str) else ()
        self.shuffle, self.seed = shuffle, check_seed("seed", seed)
        self.buffer_chunks = check_integer("buffer_chunks", buffer_chunks, least=1)
        self._channel_axis = channel_axis
        # A path is opened again by every process; a data set is used as it is, with what was selected of it.
        self._source: xr.Dataset | str = location(ds) if isinstance(ds, str | PathLike) else ds
        self._opened: tuple[int, xr.Dataset] | None = None
        opened = self._dataset()
        _check_variables(opened, self.inputs, self.targets)
        self._chunk = _chunk_length(opened, self.inputs[0])
        with readable(ds):
            if split_by is not None:
                self._positions = _of_group_split(opened, split, split_by, splits, self.seed)
            elif splits is not None:
                raise InputError("splits are shares for split_by, which is missing.")
            else:
                self._positions = positions_of_split(opened, split)
            if where:
                self._positions = np.intersect1d(self._positions, positions_where(opened, where))
        if not len(self):
            raise InputError(
                "the data set holds no sample" + (" of that split and condition." if where else ".")
            )

    def __len__(self) -> int:
        return self._positions.size

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": None}

    def bounds(self, rank: int, world_size: int, *, equal: bool = False) -> tuple[int, int]:
        """Places of an epoch's order that belong to a rank: first, and last + 1."""
        n = len(self) - len(self) % world_size if equal else len(self)
        return n * rank // world_size, n * (rank + 1) // world_size

    def blocks(
        self,
        epoch: int,
        *,
        rank: int = 0,
        world_size: int = 1,
        equal: bool = False,
        worker: int = 0,
        workers: int = 1,
    ) -> Iterator[Block]:
        """One worker's samples of one epoch, a buffer at a time.

        All ranks' and workers' samples of an epoch are disjoint and together complete.

        Parameters
        ----------
        epoch : int
            The order depends on (seed, epoch), and within a buffer on who reads it.
        rank, world_size : int
            One of so many processes that train together; their numbers of samples differ by at most one.
        equal : bool
            Leave out what is over, so that they do not: fewer than `world_size` samples, other ones each epoch.
        worker, workers : int
            One of so many processes that read for this rank.

        Yields
        ------
        inputs : ndarray, float32, (sample, channel, ..., ...), or with the channel last
            The inputs' receivers, delays, real and imaginary parts one after the other as channels.
        targets : list of ndarray, (sample, ...)
            Pictures as the inputs are; other floats float32; integers and booleans int64.
        """
        begin, end = self.bounds(rank, world_size, equal=equal)
        first = begin + (end - begin) * worker // workers
        last = begin + (end - begin) * (worker + 1) // workers
        pieces = _cut(self._runs(epoch), first, last)
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(epoch, 1, first)))
        for start in range(0, len(pieces), self.buffer_chunks):
            inputs, targets = self._read(pieces[start : start + self.buffer_chunks])
            if self.shuffle:
                order = rng.permutation(len(inputs))
                inputs, targets = inputs[order], [t[order] for t in targets]
            yield inputs, targets

    def signature(self) -> list[tuple[tuple[int, ...], str]]:
        """Shape without the samples, and dtype, of the inputs and of each target."""
        inputs, targets = self._read([self._positions[:1]])
        return [(values.shape[1:], values.dtype.name) for values in (inputs, *targets)]

    def chunk_of(self, place: int) -> int:
        """Give the number of the chunk that holds a sample; places count the samples chosen, in the store's order."""
        return int(self._positions[place] // self._chunk)

    def chunk(self, number: int) -> tuple[int, Block]:
        """Read what was chosen of one chunk; gives the place of the first sample of it too."""
        first, last = np.searchsorted(self._positions, [number * self._chunk, (number + 1) * self._chunk])
        return int(first), self._read([self._positions[first:last]])

    def _runs(self, epoch: int) -> list[NDArray[np.int64]]:
        """Positions of the samples of each chunk, chunks in this epoch's order."""
        edges = np.flatnonzero(np.diff(self._positions // self._chunk)) + 1
        runs = np.split(self._positions, edges) if len(self) else []
        if not self.shuffle:
            return runs
        order = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(epoch, 0)))
        return [runs[k] for k in order.permutation(len(runs))]

    def _dataset(self) -> xr.Dataset:
        if not isinstance(self._source, str):
            return self._source
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = os.getpid(), open_samples(self._source, chunks=None)
        return self._opened[1]

    def _read(self, pieces: list[NDArray[np.int64]]) -> Block:
        names = list(dict.fromkeys(self.inputs + self.targets))
        variables = self._dataset()[names].reset_coords(drop=True)
        read: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
        for piece in pieces:
            low = int(piece[0])
            # One slice of a chunk and then rows of it: zarr decompresses the chunk once. Dask's threads, where the
            # data set has such, do not survive a fork.
            with readable(self._source):
                part = variables.isel(sample=slice(low, int(piece[-1]) + 1)).load(scheduler="synchronous")
            for name in names:
                read[name].append(part[name].transpose("sample", ...).values[piece - low])
        values = {name: np.concatenate(arrays) for name, arrays in read.items()}
        pictures = {
            name: self._picture(values[name]) for name in names if _picture_dims(variables, name) is not None
        }
        inputs = np.concatenate([pictures[name] for name in self.inputs], axis=self._channel_axis)
        return inputs, [pictures[name] if name in pictures else _plain(values[name]) for name in self.targets]

    def _picture(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """From (sample, ..., height, width), perhaps complex, to float32 with one channel axis."""
        n, *rest, height, width = values.shape
        if np.iscomplexobj(values):
            values = np.stack([values.real, values.imag], axis=-3)
            rest.append(2)
        channels = values.reshape(n, int(np.prod(rest)), height, width).astype(np.float32, copy=False)
        return np.ascontiguousarray(np.moveaxis(channels, 1, self._channel_axis))


def open_samples(path: StorePath, *, chunks: Any) -> xr.Dataset:
    """Open a finished store lazily; without Dask for ``chunks=None``.

    Raises
    ------
    InputError
        If there is none, or it is not finished.
    """
    import xarray as xr

    open_dataset(path)  # what is no data set, or incomplete, is refused
    return xr.open_zarr(location(path), chunks=chunks)


def positions_of_split(ds: xr.Dataset, split: str | None) -> NDArray[np.int64]:
    """Positions along `sample` of one split's samples, ascending; of all for None.

    Raises
    ------
    InputError
        If no sample is of that split.
    """
    if split is None:
        return np.arange(ds.sizes["sample"])
    if "split" not in ds:
        raise InputError(f"split={split!r}: the data set has no variable split.")
    splits = ds["split"].load(scheduler="synchronous").values.tolist()
    found = np.flatnonzero([name == split for name in splits])
    if not found.size:
        raise InputError(f"split={split!r}: no sample is of it; there are {', '.join(sorted(set(splits)))}.")
    return found


def _of_group_split(
    ds: xr.Dataset, split: str | None, by: str, splits: Mapping[str, float] | None, seed: int
) -> NDArray[np.int64]:
    """Positions of a split that is made anew by groups."""
    if splits is None or split not in splits:
        raise InputError(
            f"split_by={by!r} needs splits, the share of each, and split, one of them; got {split!r}."
        )
    return np.flatnonzero(split_by_group(ds, by, splits, seed=seed) == split)


def _check_variables(ds: xr.Dataset, inputs: Sequence[str], targets: Sequence[str]) -> None:
    over_sample = [str(name) for name in ds.data_vars if "sample" in ds[name].dims]
    for argument, names in (("inputs", inputs), ("targets", targets)):
        for name in names:
            if name not in over_sample:
                raise InputError(
                    f"{argument}: the data set has no variable {name!r} over sample; it has {', '.join(over_sample)}."
                )
            if ds[name].dtype.kind not in "biufc":
                raise InputError(f"{argument}: {name} is text, of which no tensor can be made.")
    for name in inputs:
        if _picture_dims(ds, name) is None:
            raise InputError(
                f"inputs: {name} has dims {', '.join(map(str, ds[name].dims))}; an input must end in "
                "acceleration, jerk, in doppler, time or in subcarrier, packet."
            )
    sizes = {name: ds[name].transpose("sample", ...).shape[-2:] for name in inputs}
    if len(set(sizes.values())) > 1:
        raise InputError(f"inputs must have one size to become channels; got {sizes}.")
    for name in targets:
        if _picture_dims(ds, name) is None and ds[name].dtype.kind == "c":
            raise InputError(f"targets: {name} is complex, and neither a spectrum nor CSI.")


def _picture_dims(ds: xr.Dataset, name: str) -> tuple[str, ...] | None:
    dims = tuple(d for d in ds[name].dims if d != "sample")[-2:]
    return dims if dims in _PICTURES else None


def _chunk_length(ds: xr.Dataset, name: str) -> int:
    variable = ds[name]
    if variable.chunks is not None:  # Dask's
        return int(variable.chunks[variable.dims.index("sample")][0])
    return int(variable.encoding.get("preferred_chunks", {}).get("sample", _CHUNK))


def _cut(runs: list[NDArray[np.int64]], first: int, last: int) -> list[NDArray[np.int64]]:
    """Cut first:last out of the runs, laid one after the other."""
    pieces, offset = [], 0
    for run in runs:
        piece = run[max(first - offset, 0) : max(last - offset, 0)]
        if piece.size:
            pieces.append(piece)
        offset += run.size
    return pieces


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(np.float32 if values.dtype.kind == "f" else np.int64)
