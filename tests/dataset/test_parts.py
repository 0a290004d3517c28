"""Classes in fair order, splits that add up, and no leak between them."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isacsim.dataset.parts import (
    Part,
    check_leaks,
    classes_of,
    fair_order,
    parts_from_json,
    parts_to_json,
    plan_parts,
    slice_parts,
)
from isacsim.errors import InputError

SPLITS = {"train": 0.8, "validation": 0.1, "test": 0.1}


@given(st.lists(st.integers(1, 60), min_size=1, max_size=9))
@settings(max_examples=60, deadline=None)
def test_every_prefix_holds_each_class_s_share_rounded(sizes):
    weights = np.array(sizes)
    order = fair_order(weights)
    held = np.cumsum(order[:, np.newaxis] == np.arange(weights.size), axis=0)
    share = np.arange(1, weights.sum() + 1)[:, np.newaxis] * weights / weights.sum()
    assert (np.abs(held - share) < 1 - 1e-9).all()
    assert held[-1].tolist() == sizes


def test_classes_do_not_change_with_the_number_asked_for(tiny):
    scenario = tiny()
    whole = classes_of(scenario, 0, 40)
    assert classes_of(scenario, 7, 20) == whole[7:27]
    assert Counter(whole[:18]) == {1: 6, 2: 9, 3: 3}
    # The order goes by ratios and repeats.
    assert whole[18:36] == whole[:18]
    assert classes_of(tiny(dataset={"per_class": {1: 60, 2: 90, 3: 30}}), 0, 40) == whole
    assert classes_of(tiny(dataset={"per_class": {1: 4, 2: 0}}), 0, 3) == [1, 1, 1]
    assert classes_of(tiny(dataset={"n_samples": 5}), 3, 2) == [None, None]


@given(
    n=st.integers(20, 5000),
    shares=st.lists(st.integers(1, 10), min_size=1, max_size=3),
    seed=st.integers(0, 2**63 - 1),
)
@settings(max_examples=60, deadline=None)
def test_splits_add_up_with_seeds_of_their_own(tiny, n, shares, seed):
    fractions = {name: s / sum(shares) for name, s in zip(SPLITS, shares, strict=False)}
    parts = plan_parts([tiny(), tiny(name="other")], seed=seed, sizes=[n, n], splits=fractions)
    assert len({part.seed for part in parts}) == len(parts)
    assert parts[0].seed == seed
    for name in ("tiny", "other"):
        mine = [part for part in parts if part.scenario == name]
        assert [part.split for part in mine] == list(fractions)
        assert sum(part.n for part in mine) == n
        assert all(abs(part.n - n * fractions[part.split]) < 1 for part in mine)
        # Indices run on, so the classes of the splits add up to those of the whole.
        assert [part.first for part in mine] == np.cumsum([0, *(part.n for part in mine)])[:-1].tolist()
    assert parts_from_json(parts_to_json(parts)) == parts
    assert plan_parts([tiny(), tiny(name="other")], seed=seed, sizes=[n, n], splits=fractions) == parts


def test_scenarios_go_to_splits(tiny):
    scenarios = [tiny(name=name) for name in ("lab", "corridor", "hall")]
    where = {"lab": {"validation": 0.1, "train": 0.9}, "corridor": "test", "hall": "test"}
    parts = plan_parts(scenarios, seed=3, sizes=[10, 10, 5], splits=where)
    assert [(p.scenario, p.split, p.first, p.n) for p in parts] == [
        ("lab", "train", 0, 9),
        ("lab", "validation", 9, 1),
        ("corridor", "test", 0, 10),
        ("hall", "test", 0, 5),
    ]
    assert len({p.seed for p in parts}) == 4


@pytest.mark.parametrize(
    ("splits", "says"),
    [
        ({"train": 0.8, "test": 0.1}, "adds up to 0.9"),
        ({"train": 0.8, "trial": 0.2}, "split 'trial'; it must be one of train, validation, test"),
        ({"train": 1.5, "test": -0.5}, "fraction of -0.5"),
        ({"train": 0.999, "test": 0.001}, "10 samples of tiny are too few for a test share of 0.001"),
        ({"lab": "test"}, "names the scenario 'lab'; the scenarios here are tiny"),
        ({"tiny": 0.5, "lab": "test"}, "names the scenario 'lab'"),
        ({"tiny": {"train": 0.5}}, r"splits\['tiny'\] adds up to 0.5"),
        ({}, "splits is empty"),
    ],
)
def test_splits_that_make_no_sense_are_refused(tiny, splits, says):
    with pytest.raises(InputError, match=says):
        plan_parts([tiny()], seed=0, sizes=[10], splits=splits)


def test_scenarios_need_names_and_splits_of_their_own(tiny):
    with pytest.raises(InputError, match="tiny is given twice"):
        plan_parts([tiny(), tiny()], seed=0, sizes=[1, 1])
    with pytest.raises(InputError, match="nothing of scenario other"):
        plan_parts([tiny(), tiny(name="other")], seed=0, sizes=[1, 1], splits={"tiny": "train"})


def test_slices_are_those_of_the_whole():
    parts = [Part("a", 1, "train", 0, 10), Part("a", 2, "test", 10, 5)]
    assert slice_parts(parts, 8, 12) == [Part("a", 1, "train", 8, 2), Part("a", 2, "test", 10, 2)]
    assert slice_parts(parts, 10, 15) == [parts[1]]


intervals = st.lists(
    st.builds(
        Part,
        scenario=st.sampled_from(["a", "b"]),
        seed=st.integers(0, 1),
        split=st.sampled_from(["train", "test"]),
        first=st.integers(0, 12),
        n=st.integers(1, 4),
    ),
    max_size=6,
)


@given(intervals)
@settings(max_examples=200, deadline=None)
def test_leaks_are_found_exactly(parts):
    seen: dict[tuple[int, int], set[str]] = {}
    for part in parts:
        for index in range(part.first, part.first + part.n):
            seen.setdefault((part.seed, index), set()).add(part.split)
    leak = any(len(splits) > 1 for splits in seen.values())
    with pytest.raises(InputError, match="the splits leak") if leak else nullcontext():
        check_leaks(parts)


def test_windows_of_one_real_file_leak_too():
    check_leaks([Part("", -1, "train", 0, 5, "x.pcap"), Part("", -1, "test", 0, 5, "y.pcap")])
    with pytest.raises(InputError, match=r"samples 4 to 4 of x.pcap are in train and in test"):
        check_leaks([Part("", -1, "train", 0, 5, "x.pcap"), Part("", -1, "test", 4, 5, "x.pcap")])
