"""Matrix products: right to rounding, and the bits of an element are its row's and its column's alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isacsim.compute.products import product

pytestmark = pytest.mark.numerical

sizes = st.integers(1, 23)


@given(sizes, st.integers(1, 70), sizes, st.integers(0, 2**32 - 1))
def test_a_product_is_right_to_rounding(rows, k, columns, seed):
    rng = np.random.default_rng(seed)
    x, t = (
        rng.standard_normal((rows, k)).astype(np.float32),
        rng.standard_normal((k, columns)).astype(np.float32),
    )
    want = x.astype(np.float64) @ t.astype(np.float64)
    # Each of k steps rounds a sum of at most the sum of magnitudes.
    bound = k * np.finfo(np.float32).eps * (np.abs(x).astype(np.float64) @ np.abs(t))
    assert (np.abs(product(x, t) - want) <= bound + 1e-30).all()


@given(sizes, st.integers(1, 70), sizes, st.integers(0, 2**32 - 1))
def test_rows_and_columns_have_the_same_bits_at_any_place(rows, k, columns, seed):
    rng = np.random.default_rng(seed)
    x, t = (
        rng.standard_normal((rows, k)).astype(np.float32),
        rng.standard_normal((k, columns)).astype(np.float32),
    )
    whole = product(x, t)
    i, u = rng.integers(rows), rng.integers(columns)
    assert product(x[i : i + 1], np.ascontiguousarray(t[:, u : u + 1])) == whole[i, u]
    order, other = rng.permutation(rows), rng.permutation(columns)
    assert np.array_equal(product(x[order], t[:, other]), whole[np.ix_(order, other)])
