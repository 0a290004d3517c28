"""Mixing: which samples, at which fraction, from which split, at which scale, and that it stays lazy."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import xarray as xr

import isacsim
from isacsim import InputError
from isacsim.dataset.mixed.mix import MixWarning
from isacsim.dataset.mixed.write import write_mix
from isacsim.dataset.store.store import create_store, open_dataset, open_record, write_chunk

BINS = 6
ATTRS = {"lags": "positive", "min_lag": 0.12, "combine": "coherent", "lag_ratio": 0.089, "window_s": 1.0}


def store(domain, classes, *, split="train", targets=3, level=1.0, seed=0, source="walk.dat"):
    """A data set of given classes, each sample's spectrum told apart from all others."""
    n = len(classes)
    rng = np.random.default_rng(seed)
    shape = (n, BINS, BINS)
    noisy = (level * rng.uniform(0.5, 1, shape)).astype(np.float32)
    known = np.nan if domain == "real" else 1.0
    texts = {
        "domain": domain,
        "source": source if domain == "real" else "",
        "scenario": "" if domain == "real" else "s",
    }
    dims = ("sample", "acceleration", "jerk")
    out = xr.Dataset(
        {
            "aj_noisy": (dims, noisy, ATTRS),
            "aj_noiseless": (dims, known * noisy),
            "aj_clean": (dims, (known * noisy).astype(np.float32)),
            "n_targets": ("sample", np.array(classes, np.int16)),
            "target_acceleration": (("sample", "target"), np.full((n, targets), known)),
            "target_jerk": (("sample", "target"), np.full((n, targets), known)),
            "snr_db": ("sample", np.full(n, known, np.float32)),
            "seed": ("sample", np.full(n, -1 if domain == "real" else seed)),
            "index": ("sample", np.arange(n)),
            "split": ("sample", np.array([split] * n if isinstance(split, str) else split)),
            **{name: ("sample", np.array([text] * n)) for name, text in texts.items()},
        },
        coords={"acceleration": np.linspace(-8, 8, BINS), "jerk": np.linspace(-40, 40, BINS)},
    )
    if domain == "real":
        out["csi_rms"] = ("sample", np.full(n, 7.0, np.float32))
    return out


def quietly(*arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MixWarning)
        return isacsim.mix(*arguments, **options)


def save(dataset, path, chunk=32):
    record = create_store(
        path, dataset[{"sample": slice(0, 1)}], dataset.sizes["sample"], chunk=chunk, attrs={}
    )
    for number in range(record.n_chunks):
        block = dataset.isel(sample=slice(*record.bounds(number)))
        write_chunk(record, number, {name: block[name].values for name in record.variables})
    return path


def classes_of(dataset, **where):
    chosen = np.logical_and.reduce([dataset[name].values == value for name, value in where.items()])
    labels, counts = np.unique(dataset.n_targets.values[chosen], return_counts=True)
    return dict(zip(labels.tolist(), counts.tolist(), strict=True))


def test_each_class_gets_the_fraction_and_nothing_comes_twice():
    synthetic = store("synthetic", [3, 4, 5, 6] * 35)
    real = store("real", [3, 4, 5, 6] * 15, level=1e-6, targets=1)
    mixed = isacsim.mix(synthetic, real, real_fraction=0.3, seed=0)
    assert classes_of(mixed, domain="synthetic") == dict.fromkeys((3, 4, 5, 6), 35)
    assert classes_of(mixed, domain="real") == dict.fromkeys((3, 4, 5, 6), 15)
    for domain, origin in (("synthetic", synthetic), ("real", real)):
        part = mixed.isel(sample=mixed.domain.values == domain).compute()
        taken = part.origin_sample.values
        assert len(set(taken.tolist())) == len(taken)
        assert set(part.origin.values.tolist()) == {domain}
        assert (np.diff(taken) > 0).all()
        scale = part["scale"].values[:, np.newaxis, np.newaxis]
        for name in ("aj_noisy", "aj_clean"):
            np.testing.assert_array_equal(part[name], origin[name].values[taken] * scale)
        for name in ("n_targets", "index", "seed", "scenario", "source"):
            np.testing.assert_array_equal(part[name], origin[name].values[taken])
    assert mixed.aj_noisy.attrs == ATTRS
    assert mixed.sizes["target"] == 3
    reals = mixed.isel(sample=mixed.domain.values == "real")
    assert reals.target_jerk.isnull().all()
    assert reals.aj_clean.isnull().all()
    assert mixed.csi_rms.isnull().sum() == 140


def test_real_samples_are_spread_evenly():
    mixed = isacsim.mix(store("synthetic", [1] * 70), store("real", [1] * 30), real_fraction=0.3, seed=3)
    real = (mixed.domain.values == "real").cumsum()
    assert mixed.sizes["sample"] == 100
    assert np.abs(real - 0.3 * np.arange(1, 101)).max() <= 1


def test_what_cannot_be_met_is_said():
    synthetic = store("synthetic", [3] * 20 + [4] * 20 + [5] * 20)
    real = store("real", [3] * 6 + [4] * 20 + [9] * 4)
    with pytest.warns(MixWarning) as said:
        mixed = isacsim.mix(synthetic, real, real_fraction=0.5, seed=0, n=60)
    text = " ".join(str(one.message) for one in said)
    assert "train: class 3 has 6 of the 10 real samples asked for." in text
    assert "train: class 5 has 0 of the 10 real samples asked for." in text
    assert "class 4 has" not in text
    assert "left out: 4 of class 9" in text
    assert classes_of(mixed, domain="real") == {3: 6, 4: 10}
    assert classes_of(mixed, domain="synthetic") == {3: 14, 4: 10, 5: 20}
    assert json.loads(mixed.attrs["mix"])["notes"] == [str(one.message) for one in said]


def test_by_default_the_size_is_what_the_fraction_allows():
    synthetic, real = store("synthetic", [3, 4] * 100), store("real", [3] * 6 + [4] * 50)
    mixed = isacsim.mix(synthetic, real, real_fraction=0.3, seed=0)
    assert classes_of(mixed, domain="real") == {3: 6, 4: 6}
    assert classes_of(mixed, domain="synthetic") == {3: 15, 4: 14}
    with pytest.raises(InputError, match=r"400 samples with a real fraction of 0.3 need more .* at most 2"):
        isacsim.mix(synthetic, real, real_fraction=0.3, seed=0, n=400)
    assert isacsim.mix(synthetic, real, real_fraction=0, seed=0).sizes["sample"] == 200
    only = isacsim.mix(synthetic, real, real_fraction=1, seed=0)
    assert classes_of(only, domain="real") == {3: 6, 4: 6}
    assert set(only.domain.values.tolist()) == {"real"}


def test_unlabelled_samples_stand_in_for_missing_ones_and_keep_their_label():
    synthetic = store("synthetic", [3, 4] * 35)
    with pytest.warns(MixWarning, match=r"no real sample is labelled. 30 unlabelled ones take their place"):
        mixed = isacsim.mix(synthetic, store("real", [-1] * 40), real_fraction=0.3, seed=0)
    assert classes_of(mixed, domain="real") == {-1: 30}
    assert classes_of(mixed, domain="synthetic") == {3: 35, 4: 35}
    partly = store("real", [3] * 30 + [4] * 5 + [-1] * 4)
    with pytest.warns(MixWarning, match=r"class 4 has 5 of the 10 .* 4 unlabelled"):
        mixed = isacsim.mix(synthetic, partly, real_fraction=0.3, seed=0, n=70)
    assert classes_of(mixed, domain="real")[-1] == 4


def test_splits_stay_apart():
    synthetic = store("synthetic", [1, 2] * 50, split=["train"] * 60 + ["validation"] * 20 + ["test"] * 20)
    real = xr.concat(
        [
            store("real", [1, 2] * 10, split="train", source="a"),
            store("real", [1, 2] * 10, split="test", source="b", seed=1),
        ],
        "sample",
    )
    with pytest.warns(MixWarning, match="validation: there is no real sample"):
        mixed = isacsim.mix(synthetic, real, real_fraction=0.2, seed=5)
    origins = {"synthetic": synthetic, "real": real}
    for domain, split, at in zip(
        mixed.domain.values, mixed.split.values, mixed.origin_sample.values, strict=True
    ):
        assert split == origins[domain].split.values[at]
    assert set(mixed.source.values[mixed.split.values == "test"].tolist()) == {"", "b"}
    for split in ("train", "test"):
        share = (mixed.domain.values == "real")[mixed.split.values == split].mean()
        assert share == pytest.approx(0.2, abs=0.02)
    leaking = store("real", [1] * 10, split=["train"] * 5 + ["test"] * 5)
    with pytest.raises(InputError, match=r"walk\.dat are in train and in test; splits would leak"):
        isacsim.mix(synthetic, leaking, real_fraction=0.2, seed=0)


def test_the_scale_is_one_factor_from_training_samples_with_targets():
    synthetic = store("synthetic", [1] * 40, level=4.0)
    real = store("real", [1] * 30 + [0] * 30, level=1e-5, seed=1)
    # Nobody there: weak, and they must stay so; a few windows next to an antenna: no weight.
    real.aj_noisy[30:] *= 1e-3
    real.aj_noisy[:3] *= 1e4
    # Test samples do not have a say either.
    real["split"] = ("sample", np.array(["train"] * 60))
    odd = store("real", [1] * 60, level=1e9, split="test", source="other")
    mixed = quietly(synthetic, xr.concat([real, odd], "sample"), real_fraction=0.5, seed=0)
    expected = 4.0 / 1e-5
    factor = float(mixed["scale"].values[mixed.domain.values == "real"][0])
    assert factor == pytest.approx(expected, rel=0.05)
    assert set(mixed["scale"].values.tolist()) == {1.0, factor}
    whole = quietly(store("synthetic", [0, 1] * 40, level=4.0), real, real_fraction=0.5, seed=0)
    empty = whole.isel(sample=(whole.domain.values == "real") & (whole.n_targets.values == 0))
    assert float(empty.aj_noisy.max()) < 1e-2
    plain = quietly(synthetic, real, real_fraction=0.5, seed=0, match_scale=False)
    assert set(plain["scale"].values.tolist()) == {1.0}
    with pytest.raises(InputError, match=r"median peak is .* in the synthetic store and 0 in the real"):
        quietly(synthetic, store("real", [1] * 30, level=0), real_fraction=0.5, seed=0)


def test_one_seed_one_mix_and_more_of_it_holds_less_of_it():
    synthetic, real = store("synthetic", [1, 2] * 50), store("real", [1, 2] * 30)
    small, again, large, other = (
        isacsim.mix(synthetic, real, real_fraction=0.5, seed=seed, n=n)
        for seed, n in ((1, 40), (1, 40), (1, 80), (2, 40))
    )
    xr.testing.assert_identical(small.compute(), again.compute())

    def taken(mixed):
        return set(zip(mixed.domain.values.tolist(), mixed.origin_sample.values.tolist(), strict=True))

    assert taken(small) < taken(large)
    assert taken(small) != taken(other)


def test_stores_that_differ_are_refused_with_the_difference():
    synthetic, real = store("synthetic", [1] * 9), store("real", [1] * 9)
    wide = real.assign_coords(jerk=np.linspace(-80, 80, BINS))
    lags = real.copy()
    lags["aj_noisy"] = real.aj_noisy.assign_attrs(lags="symmetric")
    lag = real.copy()
    lag["aj_noisy"] = real.aj_noisy.assign_attrs(lag_ratio=0.2)
    cases = [
        (synthetic, wide, "jerk runs from -40 to 40 and from -80 to 80"),
        (synthetic, real.isel(jerk=slice(2, 5)), "jerk has 6 and 3 values"),
        (
            synthetic,
            real.assign(aj_noisy=real.aj_noisy.expand_dims(receiver=2, axis=1)),
            r"dims \(sample, acceleration, jerk\) and \(sample, receiver",
        ),
        (synthetic, lags, "lags positive and symmetric"),
        (synthetic, lag, "lag_ratio 0.089 and 0.2"),
        (synthetic, synthetic, "real holds samples of domain synthetic"),
        (real, real, "synthetic holds samples of domain real"),
        (synthetic, real.drop_vars("split"), "has no variable split"),
        (
            synthetic,
            store("real", [1] * 9, split="test"),
            "no sample to take: train: there is no real sample",
        ),
    ]
    for one, two, message in cases:
        with pytest.raises(InputError, match=message):
            quietly(one, two, real_fraction=0.3, seed=0)
    for options, message in (
        ({"real_fraction": 1.2, "seed": 0}, "real_fraction must be a number from 0 to 1"),
        ({"real_fraction": float("nan"), "seed": 0}, "real_fraction must be a number from 0 to 1"),
        ({"real_fraction": 0.2, "seed": -1}, "seed must be"),
        ({"real_fraction": 0.2, "seed": 0, "n": 0}, "n must be"),
    ):
        with pytest.raises(InputError, match=message):
            isacsim.mix(synthetic, real, **options)
    short = real.copy()
    short["aj_noisy"] = real.aj_noisy.assign_attrs(window_s=0.5)
    with pytest.warns(MixWarning, match="windows of 1 s and 0.5 s resolve differently"):
        isacsim.mix(synthetic, short, real_fraction=0.3, seed=0)


def test_stores_stay_on_disk_until_needed(tmp_path):
    synthetic, real = store("synthetic", [1, 2] * 200), store("real", [1, 2] * 100)
    opened = [open_dataset(save(one, tmp_path / f"{k}.zarr")) for k, one in enumerate((synthetic, real))]
    mixed = isacsim.mix(*opened, real_fraction=0.3, seed=0)
    assert mixed.aj_noisy.chunks is not None
    assert set(mixed.origin.values.tolist()) == {"0.zarr", "1.zarr"}
    # A chunk of the mix comes from neighbouring chunks of the stores, not from all over them.
    block = mixed.aj_noisy[64:128].data
    read = {
        key
        for key in block.__dask_graph__().cull(block.__dask_keys__()).to_dict()
        if "open_dataset" in str(key)
    }
    assert 0 < len(read) < 30
    xr.testing.assert_equal(
        mixed.compute().drop_vars("origin"),
        isacsim.mix(synthetic, real, real_fraction=0.3, seed=0).compute().drop_vars("origin"),
    )


def test_written_resumed_and_refused(tmp_path, monkeypatch):
    paths = [
        save(store("synthetic", [1, 2] * 40), tmp_path / "syn.zarr"),
        save(store("real", [1, 2] * 20), tmp_path / "real.zarr"),
    ]
    out = tmp_path / "out.zarr"
    told = []
    made = write_mix(*paths, out, real_fraction=0.3, seed=0, chunk=16, progress=lambda *at: told.append(at))
    expected = isacsim.mix(*paths, real_fraction=0.3, seed=0).compute()
    assert told[-1] == (expected.sizes["sample"],) * 2
    xr.testing.assert_equal(made.compute(), expected)
    assert json.loads(made.attrs["mix"])["real_fraction"] == 0.3
    record = open_record(out, mode="r+")
    record.digests[2] = 0
    with pytest.raises(InputError, match="incomplete"):
        open_dataset(out)
    written = []
    monkeypatch.setattr(
        "isacsim.dataset.mixed.write.write_chunk", lambda r, k, s: (written.append(k), write_chunk(r, k, s))
    )
    xr.testing.assert_equal(write_mix(*paths, out, real_fraction=0.3, seed=0).compute(), expected)
    assert written == [2]
    with pytest.raises(InputError, match="another data set is there, it differs in mix"):
        write_mix(*paths, out, real_fraction=0.2, seed=0)
    with pytest.raises(InputError, match="cannot replace one of the stores"):
        write_mix(*paths, paths[0], real_fraction=0.2, seed=0, overwrite=True)
    assert write_mix(*paths, out, real_fraction=0.0, seed=0, overwrite=True).sizes["sample"] == 80
