"""How many samples of which class a mix takes: the fraction, the size, and parts that add up."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isacsim.dataset.mixed.shares import plan_shares
from isacsim.dataset.parts import apportion

counts = st.dictionaries(st.integers(0, 7), st.integers(1, 60), min_size=1, max_size=5)


@given(
    synthetic=counts,
    real=st.dictionaries(st.integers(-1, 8), st.integers(1, 40), max_size=6),
    fraction=st.floats(0, 1),
)
def test_property_default_shares_meet_the_fraction_where_they_can(synthetic, real, fraction):
    shares = plan_shares(synthetic, real, real_fraction=fraction, n=None)
    assert all(0 <= shares.synthetic[c] <= synthetic[c] for c in synthetic)
    assert all(0 <= k <= real.get(c, 0) for c, k in shares.real.items())
    assert set(shares.real) <= {*synthetic, -1}
    n = shares.size
    assert sum(shares.wanted.values()) == int(np.floor(fraction * n + 0.5))
    if not any(real.get(c) for c in synthetic) and -1 in real:
        assert sum(shares.real.values()) == sum(shares.wanted.values())
    short = {c: k for c, k in shares.short.items() if c in real}
    assert sum(short.values()) <= shares.real.get(-1, 0)
    # One more would not do, but for rounding.
    total = sum(synthetic.values())
    for c, k in synthetic.items():
        assert abs(shares.wanted[c] - fraction * n * k / total) < 2


@given(synthetic=counts, real=counts, fraction=st.floats(0, 1), n=st.integers(1, 60))
def test_property_a_given_size_is_kept(synthetic, real, fraction, n):
    total = sum(synthetic.values())
    if n > total:
        return
    shares = plan_shares(synthetic, real, real_fraction=fraction, n=n)
    assert shares.size == n
    for c, k in synthetic.items():
        # Classes keep their shares, whatever the real store has.
        assert abs(shares.synthetic[c] + shares.real[c] - n * k / total) < 1


@given(total=st.integers(0, 500), weights=st.dictionaries(st.integers(0, 9), st.integers(0, 50), min_size=1))
def test_property_apportioned_parts_add_up_and_are_fair(total, weights):
    parts = apportion(total, weights)
    whole = sum(weights.values())
    if whole == 0:
        assert set(parts.values()) == {0}
        return
    assert sum(parts.values()) == total
    assert all(abs(parts[c] - total * w / whole) < 1 for c, w in weights.items())
