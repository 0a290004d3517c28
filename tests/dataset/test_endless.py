"""Endless samples: deterministic by (seed, index), resumable, in order, apart from every data set."""

from __future__ import annotations

import os
import signal
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import isacsim
from isacsim import InputError
from isacsim.dataset.parts import classes_of, derived_seed, plan_parts
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.dataset.synthetic.endless import EndlessSamples, make_block, stream_seed
from isacsim.dataset.synthetic.workers import map_ordered


@pytest.fixture
def two(tiny):
    return [tiny(), tiny(name="other")]


def same(a, b):
    return a.identical(b) and all(a[n].values.tobytes() == b[n].values.tobytes() for n in a.data_vars)


def test_sample_i_is_one_of_the_streams_seed(two):
    samples = list(islice(isacsim.stream(two, seed=3, workers=0), 5))
    for i, sample in enumerate(samples):
        scenario = two[i % 2]
        classes = classes_of(scenario, i // 2, 1)
        want = make_samples(scenario, seed=stream_seed(3, scenario.name), indices=[i // 2], n_targets=classes)
        for name in ("aj_noisy", "aj_clean", "n_targets", "snr_db"):
            assert np.array_equal(sample[name].values, want[name].values[0]), (i, name)
        assert str(sample["scenario"].values) == scenario.name
        assert sample["index"] == i // 2 and sample["aj_noisy"].attrs == want["aj_noisy"].attrs
    assert len({sample["aj_noisy"].values.tobytes() for sample in samples}) == 5


def test_workers_and_start_change_no_bit(two):
    here = list(islice(isacsim.stream(two, seed=3, workers=0), 21))
    with_workers = isacsim.stream(two, seed=3, start=2, workers=1)
    there = list(islice(with_workers, 19))
    assert with_workers.position == 21
    with_workers.close()
    assert all(same(a, b) for a, b in zip(here[2:], there, strict=True))
    # Closed, and gone on with: nothing is left out, nothing comes twice.
    again = isacsim.stream(two, seed=3, start=with_workers.position - 1, workers=0)
    assert same(next(again), here[20])


def test_another_seed_gives_other_samples(tiny):
    a, b = (next(isacsim.stream(tiny(), seed=seed, workers=0)) for seed in (1, 2))
    assert not np.array_equal(a["aj_noisy"].values, b["aj_noisy"].values)


def test_classes_come_in_the_scenarios_shares(tiny):
    scenario = tiny(dataset={"per_class": {1: 1, 2: 2}})
    samples = isacsim.stream(scenario, seed=0, workers=0)
    assert samples.counts == [1, 2]
    counts = make_block(samples, range(12))["n_targets"]
    assert [int((counts == n).sum()) for n in (1, 2)] == [4, 8]


@given(
    seed=st.integers(0, 2**63 - 1),
    name=st.text(max_size=8),
    split=st.sampled_from(["train", "validation", "test"]),
)
def test_no_derived_seed_of_a_data_set_is_a_streams(seed, name, split):
    assert derived_seed(seed, name, split) < 2**53 < 2**62 <= stream_seed(seed, name) < 2**63


def test_a_data_set_with_a_seed_of_the_stream_is_refused(tiny, tmp_path, here):
    scenario = tiny()
    clash = stream_seed(5, scenario.name)
    how = {"n_samples": 1, "client": here, "progress": False}
    isacsim.generate(scenario, tmp_path / "clash.zarr", seed=clash, **how)
    isacsim.generate(scenario, tmp_path / "fine.zarr", seed=5, **how)
    isacsim.stream(scenario, seed=5, workers=0, apart_from=[tmp_path / "fine.zarr"])
    with pytest.raises(InputError, match=f"seed {clash}, which is the stream's for scenario tiny"):
        isacsim.stream(scenario, seed=5, workers=0, apart_from=[tmp_path / "clash.zarr"])
    assert {p.seed for p in plan_parts([scenario], seed=5, sizes=[1])} == {5}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"seed": -1}, "seed must be"),
        ({"start": -1}, "start must be"),
        ({"workers": -1}, "workers must be"),
    ],
)
def test_bad_arguments_are_refused(tiny, wrong, sentence):
    with pytest.raises(InputError, match=sentence):
        isacsim.stream(tiny(), **{"seed": 0, "workers": 0} | wrong)


def test_scenarios_must_go_together(tiny):
    with pytest.raises(InputError, match="one or several scenarios; got none"):
        isacsim.stream([], seed=0)
    with pytest.raises(InputError, match="tiny is given twice"):
        isacsim.stream([tiny(), tiny()], seed=0)
    small = tiny(name="small", spectrum={"bins_jerk": 16})
    with pytest.raises(InputError, match="differ in"):
        isacsim.stream([tiny(), small], seed=0)


def test_shares_of_a_stream_are_disjoint(tiny):
    samples = EndlessSamples([tiny()], seed=0, workers=0)
    shares = [
        np.concatenate([b["index"] for b in samples.blocks(k, step=3, size=2, stop=10)]) for k in range(3)
    ]
    assert [list(share) for share in shares] == [[0, 3, 6, 9], [1, 4, 7], [2, 5, 8]]


def _square(number, marker):
    if marker is not None and number == 3 and not os.path.exists(marker):
        with open(marker, "w"):
            os.kill(os.getpid(), signal.SIGKILL)
    return number**2


def test_a_worker_that_dies_costs_no_result_and_no_order(tmp_path):
    tasks = ((n, str(tmp_path / "died")) for n in range(8))
    assert list(map_ordered(_square, tasks, workers=2, ahead=2)) == [n**2 for n in range(8)]
    assert (tmp_path / "died").exists()
