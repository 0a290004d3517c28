"""A data set for TensorFlow: the samples of :mod:`isacsim.dataset.loading.stream` as a tf.data pipeline."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from isacsim.checks import check_integer
from isacsim.dataset.groups import Where
from isacsim.dataset.loading.stream import SampleStream

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["to_tf_dataset"]


def to_tf_dataset(
    ds: xr.Dataset | str | PathLike[str],
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
    rank: int = 0,
    world_size: int = 1,
    equal: bool = False,
) -> Any:
    """Make a `tf.data.Dataset` of a data set.

    The arguments are those of :func:`isacsim.dataset.loading.torch_data.to_torch`, with two differences: Keras'
    layout puts channels last, and each iteration over the result is the next epoch, so there is no ``set_epoch``.

    Parameters
    ----------
    ds, inputs, targets, split, where, split_by, splits, shuffle, seed, buffer_chunks, equal
        As for `to_torch`.
    transform : callable, optional
        For `tf.data.Dataset.map`.
    rank, world_size : int
        Which of how many processes that train together.

    Returns
    -------
    tf.data.Dataset
        ``(input, target)`` unbatched, of known cardinality, prefetched: input float32 (acceleration, jerk, channel)
        or (subcarrier, packet, channel). Without targets just the input.

    Raises
    ------
    InputError
        If the data set does not have what is asked for.
    ImportError
        If TensorFlow is not installed.

    Examples
    --------
    >>> to_tf_dataset("train.zarr", split="train").batch(64)  # doctest: +SKIP
    """
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ImportError(
            "to_tf_dataset needs TensorFlow, which is not installed: pip install 'isacsim[tensorflow]'."
        ) from error
    check_integer("rank", rank, least=0, most=check_integer("world_size", world_size, least=1) - 1)
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
        channel_axis=-1,
    )
    epochs = itertools.count()

    def blocks() -> Iterator[tuple[Any, ...]]:
        for values, labels in stream.blocks(next(epochs), rank=rank, world_size=world_size, equal=equal):
            yield (values, *labels)

    signature = tuple(tf.TensorSpec((None, *shape), dtype) for shape, dtype in stream.signature())
    # Whole buffers cross from Python; TensorFlow takes them apart.
    samples = tf.data.Dataset.from_generator(blocks, output_signature=signature).unbatch()
    first, last = stream.bounds(rank, world_size, equal=equal)
    samples = samples.apply(tf.data.experimental.assert_cardinality(last - first))
    if not stream.targets:
        samples = samples.map(lambda values: values)
    elif len(stream.targets) > 1:
        samples = samples.map(lambda values, *labels: (values, labels))
    if transform is not None:
        samples = samples.map(transform, num_parallel_calls=tf.data.AUTOTUNE)
    return samples.prefetch(tf.data.AUTOTUNE)
