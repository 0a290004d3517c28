"""Samples in TensorFlow, in an environment that has it (make test-tensorflow)."""

from __future__ import annotations

import importlib.util
from itertools import chain

import numpy as np
import pytest

from isacsim import InputError
from isacsim.dataset.loading.tf_data import to_tf_dataset
from tests.dataset import stores

HAS_TENSORFLOW = importlib.util.find_spec("tensorflow") is not None
# Importing TensorFlow warns, depending on its version, of its own dependencies.
pytestmark = pytest.mark.filterwarnings("default")
needs_tensorflow = pytest.mark.skipif(
    not HAS_TENSORFLOW,
    reason="TensorFlow is not installed; `make test-tensorflow` sets up an environment with it.",
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return stores.numbered(53, tmp_path_factory.mktemp("tf") / "s.zarr", chunk=4, train=30)


def labels(samples):
    return [int(n) for _, batch in samples.batch(8) for n in batch]


@pytest.mark.skipif(HAS_TENSORFLOW, reason="TensorFlow is installed.")
def test_without_tensorflow(store):
    with pytest.raises(ImportError, match=r"pip install 'isacsim\[tensorflow\]'"):
        to_tf_dataset(store)


@needs_tensorflow
def test_items(store):
    samples = to_tf_dataset(store, inputs=("aj_noisy", "aj_clean"))
    values, label = next(iter(samples))
    assert values.dtype.name == "float32" and values.shape == (3, 4, 4)
    assert label.dtype.name == "int64" and label.shape == ()
    np.testing.assert_array_equal(values[0, 0], int(label) + np.array([0, 0, 1000, 1000]))
    assert next(iter(to_tf_dataset(store, targets=()))).shape == (3, 4, 2)
    values, (clean, _) = next(iter(to_tf_dataset(store, targets=("aj_clean", "n_targets"))))
    np.testing.assert_array_equal(clean, values + 1000)
    values, label = next(iter(to_tf_dataset(store, transform=lambda x, y: (x / 2, y))))
    assert 2 * float(values[0, 0, 0]) == int(label)


@needs_tensorflow
def test_epochs(store):
    samples = to_tf_dataset(store)
    assert int(samples.cardinality()) == 53
    first, second = labels(samples), labels(samples)
    assert sorted(first) == sorted(second) == list(range(53)) and first != second
    assert labels(to_tf_dataset(store)) == first
    assert labels(to_tf_dataset(store, seed=1)) != first


@needs_tensorflow
def test_splits_and_ranks(store):
    assert labels(to_tf_dataset(store, shuffle=False, split="test")) == list(range(30, 53))
    drawn = [labels(to_tf_dataset(store, rank=r, world_size=3)) for r in range(3)]
    assert sorted(chain(*drawn)) == list(range(53))
    assert {len(to_tf_dataset(store, rank=r, world_size=3, equal=True)) for r in range(3)} == {17}
    with pytest.raises(InputError, match="got 3"):
        to_tf_dataset(store, rank=3, world_size=3)


@needs_tensorflow
def test_keras_trains_on_it(store):
    import keras

    model = keras.Sequential([keras.layers.Input((3, 4, 2)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile(loss="mse")
    history = model.fit(to_tf_dataset(store).batch(8), epochs=2, verbose=0, shuffle=False)
    assert len(history.history["loss"]) == 2
