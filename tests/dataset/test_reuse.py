"""Samples used several times: each exactly so often, under exact symmetries, the same after a stop, bounded on disk."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import pytest

import isacsim
from isacsim import InputError
from isacsim.dataset.loading import reuse
from isacsim.dataset.loading.symmetries import View, applied, views_of
from isacsim.dataset.synthetic.endless import EndlessSamples

NAMES = ("aj_noisy", "n_targets", "index", "target_jerk", "scenario")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(reuse, "CHUNK", 16)
    monkeypatch.setattr(reuse, "SPACING", 2)


@pytest.fixture(scope="module")
def stream(tiny):
    return EndlessSamples([tiny()], seed=1, workers=0)


def taken(samples, n, **how):
    return list(islice(samples.batches(NAMES, 5, **how), n))


def test_every_sample_is_used_so_often(stream, tmp_path):
    # The chunks 0 to 4 are used up after tick 8: 16 * (1 + 1 + 2 + 2 + 3 * 5) samples.
    batches = taken(stream.reused(3, folder=tmp_path), 16 * 21 // 5)
    uses = Counter(np.concatenate([b["index"] for b in batches]).tolist())
    assert all(uses[i] == 3 for i in range(5 * 16 - 5)), uses
    assert max(uses.values()) == 3
    # Bounded: (3 - 1) * 2 + 1 chunks, and those that come next.
    assert len(list(tmp_path.rglob("chunk-*.npz"))) <= 6


def test_once_is_the_stream_itself(stream):
    batches = taken(stream.reused(1), 4)
    got = {int(i): s for b in batches for i, s in zip(b["index"], b["aj_noisy"], strict=True)}
    want = next(stream.blocks(0))
    assert sorted(got)[:16] == list(range(16))
    assert all(np.array_equal(got[i], want["aj_noisy"][i]) for i in range(16))


def test_a_use_is_a_view_and_no_view_comes_twice(stream):
    plain = {
        int(i): s for b in stream.blocks(0, stop=64) for i, s in zip(b["index"], b["aj_noisy"], strict=True)
    }
    seen: dict[int, set[bytes]] = {}
    for batch in taken(stream.reused(4), 80):
        for i, spectrum in zip(batch["index"].tolist(), batch["aj_noisy"], strict=True):
            if i < 32:
                one = plain[i]
                assert spectrum.tobytes() in {
                    v.tobytes() for v in (one, one[::-1, ::-1], one[:, ::-1], one[::-1])
                }
                seen.setdefault(i, set()).add(spectrum.tobytes())
    assert sum(len(views) == 4 for views in seen.values()) >= 16


@pytest.mark.parametrize("kept", [True, False])
def test_a_stop_changes_nothing(stream, tmp_path, kept):
    whole = taken(stream.reused(3, folder=tmp_path / "a"), 40)
    taken(stream.reused(3, folder=tmp_path / "b"), 25)
    if kept:  # one of them is cut, as by a full disk
        file = sorted((tmp_path / "b").rglob("chunk-*.npz"))[-1]
        file.write_bytes(file.read_bytes()[:-100])
    rest = taken(stream.reused(3, folder=tmp_path / ("b" if kept else "c")), 15, first=25)
    for a, b in zip(whole[25:], rest, strict=True):
        assert all(a[name].tobytes() == b[name].tobytes() for name in NAMES)


def test_readers_share_a_stream(stream):
    a, b = (np.concatenate([x["index"] for x in taken(stream.reused(1), 6, share=(k, 2))]) for k in (0, 1))
    assert set(a % 2) == {0} and set(b % 2) == {1}


def test_a_folder_of_another_stream_is_refused(tiny, stream, tmp_path):
    taken(stream.reused(2, folder=tmp_path), 1)
    other = EndlessSamples([tiny()], seed=2, workers=0)
    with pytest.raises(InputError, match="samples of another stream"):
        taken(other.reused(2, folder=tmp_path), 1)
    with pytest.raises(InputError, match="no 'aj_pure'"):
        next(stream.reused(2).batches(["aj_pure"], 4))
    with pytest.raises(InputError, match="uses must be"):
        stream.reused(0)


@pytest.mark.parametrize("combine", ["single", "noncoherent", "coherent", "delay"])
@pytest.mark.parametrize("packets", [128, 129])
def test_the_symmetries_hold(combine, packets):
    """Of any CSI: noise here. Conjugation to the bit; backwards sums run in another order."""
    rng = np.random.default_rng(0)
    csi = (rng.standard_normal((8, packets)) + 1j * rng.standard_normal((8, packets))).astype(np.complex64)
    how = {"time": np.arange(packets) / 1e3, "frequency": 5.8e9 + 1e7 * np.arange(8), "combine": combine}
    spectrum = isacsim.aj_spectrum(csi, **how)
    views = views_of(spectrum.attrs)
    assert len(views) == (2 if combine == "delay" else 4)
    for view in views:
        other = csi[:, ::-1] if view.backwards else csi
        want = isacsim.aj_spectrum(
            np.ascontiguousarray(other.conj() if view.conjugate else other), **how
        ).values
        got = applied(view, "aj_noisy", spectrum.values)
        # 64 lags of 100 products each, summed pairwise, in single precision.
        assert np.abs(got - want).max() <= 3e-6 * want.max(), view


def test_truth_follows():
    """The path of a capture that is played backwards, or conjugate, is where its view has the peak."""
    how = {"path_length": [5.0], "velocity": [0.7], "amplitude": [1.0], "phase": [0.3]}
    time, frequency = (np.arange(512) - 255.5) / 512, 5.8e9 + 1e6 * np.arange(4)
    spectrum = isacsim.aj_spectrum(
        isacsim.simulate_paths(time, frequency, acceleration=[3.0], jerk=[20.0], **how),
        time=time,
        frequency=frequency,
    )
    for view in (View(False, True), View(True, False), View(True, True)):
        mirrored = spectrum.copy(data=applied(view, "aj_noisy", spectrum.values))
        peak = mirrored.isel(mirrored.argmax(("acceleration", "jerk")))
        a, r = (applied(view, f"target_{n}", np.array(v)) for n, v in (("acceleration", 3.0), ("jerk", 20.0)))
        assert abs(peak["acceleration"] - a) < 0.3 and abs(peak["jerk"] - r) < 1.5, view


def test_torch_takes_it(stream):
    torch = pytest.importorskip("torch")
    samples = isacsim.to_torch(stream.reused(2), targets=("n_targets", "index"), rank=1, world_size=2)
    batches = list(islice(torch.utils.data.DataLoader(samples, batch_size=8), 6))
    assert batches[0][0].shape == (8, 1, 8, 6) and batches[0][0].dtype == torch.float32
    assert batches[0][1][0].dtype == torch.int64
    indices = torch.cat([indices for _, (_, indices) in batches])
    assert set((indices % 2).tolist()) == {1}  # the other rank has the others
    plain = next(stream.blocks(int(indices[0]), size=1))
    assert np.array_equal(batches[0][0][0, 0], plain["aj_noisy"][0])
    assert batches[0][1][0][0] == plain["n_targets"][0]


def test_a_forked_loader_is_refused(stream):
    torch = pytest.importorskip("torch")
    loader = torch.utils.data.DataLoader(
        isacsim.to_torch(stream), batch_size=8, num_workers=1, multiprocessing_context="fork"
    )
    with pytest.raises(InputError, match="leave num_workers at 0"):
        next(iter(loader))
