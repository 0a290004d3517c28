"""Posteriors over sets of paths: candidates, the density, draws, calibration, and what is kept on disk."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from scipy.constants import speed_of_light

import dira
import isacsim
from dira.data.candidates import find_candidates
from dira.data.path_stream import PathStream, truth_of
from dira.data.path_windows import Described, describe, gridded, static_summaries, together
from dira.metrics.calibration import coverage, quantities, ranks, uniformity
from dira.models.path_density import Conditions, log_likelihood, mirrored
from dira.models.path_sets import sets_of
from dira.networks.path_posterior import spline_flow
from dira.pretraining.solver import problem
from dira.training.train import Batch
from isacsim import InputError
from isacsim.dataset.synthetic.endless import EndlessSamples
from isacsim.dataset.synthetic.thinned import thinned
from isacsim.simulation.realisation import realise

TIME = (np.arange(256) - 127.5) * 4e-3
FREQUENCY = 5.765e9 + 5e6 * np.arange(16)
PATHS = np.array([[7.0, 1.2, 2.0, -8.0, 0.0], [11.0, -0.8, -3.0, 12.0, np.log(0.6)]])
SMALL = {"width": 16, "depth": 1, "heads": 2, "context": 8, "hidden": 16}


def received(paths: np.ndarray, seed: int = 0, noise: float = 0.05, pairs: int = 2) -> np.ndarray:
    """CSI (pair, subcarrier, packet) of paths, a static part and noise."""
    rng = np.random.default_rng(seed)
    csi = 5 * np.exp(2j * np.pi * rng.random((pairs, 16, 1))) * np.ones((1, 1, TIME.size))
    for d, v, a, r, level in paths:
        length = d + v * TIME + a * TIME**2 / 2 + r * TIME**3 / 6
        phase = rng.random((pairs, 1, 1)) - FREQUENCY[:, None] * length / speed_of_light
        csi = csi + np.exp(level + 2j * np.pi * phase)
    drawn = rng.standard_normal((2, *csi.shape)) * noise / np.sqrt(2)
    return (csi + drawn[0] + 1j * drawn[1]).astype(np.complex64)


@pytest.fixture(scope="module")
def windows() -> Described:
    few = [describe(received(PATHS[:n], seed=n), TIME, FREQUENCY) for n in (0, 1, 2)]
    return together(few)


def truths(n: int = 3) -> torch.Tensor:
    paths = np.full((n, 5, 5), np.nan)
    for i in range(n):
        paths[i, : i % 3] = PATHS[: i % 3]
    return torch.from_numpy(paths)


def tensors(windows: Described) -> list[torch.Tensor]:
    static = torch.from_numpy(windows.static + 1e-3)
    return [*(torch.from_numpy(part) for part in windows), truths(len(windows.states)), static]


@pytest.fixture(scope="module")
def posterior(windows: Described) -> dira.PathPosterior:
    return dira.PathPosterior(**SMALL).fit(
        tensors(windows), steps=3, batch_size=3, warmup=1, device="cpu", threads=1
    )


@pytest.mark.parametrize("lost", [0, 128])
def test_candidates_of_two_paths_lie_within_the_bounds_that_they_name(lost):
    csi = received(PATHS, seed=3)
    there = np.random.default_rng(4).permutation(256) >= lost
    moving = np.where(there, csi - csi[..., there].mean(axis=-1, keepdims=True), 0).astype(np.complex64)
    found = find_candidates(moving, there, TIME, FREQUENCY)
    # Noise of 0.0025 a sample: what is left is noise, its mean over 2 x 16 x 128 samples to some percent.
    assert found.noise == pytest.approx(0.0025, rel=0.2)
    for path in PATHS:
        off = [np.linalg.solve(found.scale[i], path[:4] - found.states[i]) for i in range(2)]
        assert min(np.abs(one).max() for one in off) < 6


def test_a_window_is_brought_onto_its_grid_and_gaps_stay_gaps():
    csi = received(PATHS[:1])
    values, there, time, frequency = gridded(csi, TIME, FREQUENCY)
    np.testing.assert_array_equal(values, csi)
    np.testing.assert_allclose(time, TIME, atol=1e-12)
    assert there.all() and np.array_equal(frequency, FREQUENCY)
    told = csi.copy()
    told[..., 40:90] = np.nan
    assert not gridded(told, TIME, FREQUENCY)[1][40:90].any()
    kept = np.r_[0:40, 90:256]
    assert np.array_equal(
        gridded(csi[..., kept], TIME[kept], FREQUENCY)[1], gridded(told, TIME, FREQUENCY)[1]
    )
    with pytest.raises(InputError, match="at least 48 packets"):
        gridded(csi[..., :20], TIME[:20], FREQUENCY)
    with pytest.raises(InputError, match="shape"):
        gridded(csi[..., :20], TIME, FREQUENCY)


def test_static_summaries_of_two_taps_are_known():
    # Equal taps in bins 0 and 4 of 12.5 ns: power 2, spread half of 50 ns.
    delay = np.array([0, 4]) / (16 * 5e6)
    response = np.exp(-2j * np.pi * FREQUENCY[:, None] * delay).sum(axis=1)
    spread, power = np.exp(static_summaries(response[None], FREQUENCY))
    assert spread == pytest.approx(25e-9, rel=1e-6) and power == pytest.approx(2, rel=1e-6)


def test_the_flow_integrates_to_one():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        flow = spline_flow(1, 3, 16)(torch.tensor([0.3, -1.0, 0.5]))
    grid = torch.linspace(-12, 12, 24001)[:, None]
    with torch.no_grad():
        total = float(torch.trapezoid(flow.log_prob(grid).exp(), grid[:, 0]))
    assert total == pytest.approx(1, abs=1e-3)


def test_the_order_of_targets_does_not_change_the_density(posterior, windows):
    parts = tensors(windows)
    given = Conditions(parts[0], parts[1], parts[2], parts[7])
    network = posterior.network
    with torch.no_grad():
        encoded = network.encode(parts[3], given.there, parts[4], parts[5], parts[6])
        one = log_likelihood(network, encoded, given, truths())
        other = log_likelihood(network, encoded, given, truths().flip(1))
    torch.testing.assert_close(one, other)


def test_mirrored_csi_is_described_as_the_mirrored_description():
    path = PATHS[:1]
    csi = received(path, noise=0)
    parts = tensors(describe(csi, TIME, FREQUENCY))
    parts[8] = torch.from_numpy(np.pad(path, ((0, 4), (0, 0)), constant_values=np.nan)[None])
    for reverse, turn in ((True, False), (False, True), (True, True)):
        other = csi[..., ::-1] if reverse else csi
        if turn:
            other = other.conj() * np.exp(-2j * np.pi * FREQUENCY[:, None] * 18 / speed_of_light)
        found = describe(np.ascontiguousarray(other), TIME, FREQUENCY)
        said = mirrored(parts, torch.tensor([[reverse, turn]]))
        # In resolution cells; the search begins in another bin and ends within a thousandth of one.
        cell = np.array([3.75, 0.05, 0.2, 1.2])
        np.testing.assert_allclose(said[0][0, 0].numpy() / cell, found.states[0, 0] / cell, atol=1e-2)
        # The transform's decimation is not symmetric: up to 1 % of the maximum, of which images are the root.
        np.testing.assert_allclose(said[4][0, 0].numpy() ** 2, found.images[0, 0] ** 2, atol=2e-2)
        assert bool(torch.isnan(said[9]).any()) == turn


def test_draws_are_the_seeds_and_of_each_window_alone(posterior, windows):
    one = posterior.sample(windows, draws=8, seed=3, device="cpu")
    assert one.equals(posterior.sample(windows, draws=8, seed=3, device="cpu"))
    assert not one.equals(posterior.sample(windows, draws=8, seed=4, device="cpu"))
    first = Described(*(part[:1] for part in windows))
    alone = posterior.sample(first, draws=8, seed=3, device="cpu")
    np.testing.assert_array_equal(alone["count"][0], one["count"][0])
    amplitude = one["amplitude"].values
    assert np.array_equal(np.isfinite(amplitude).sum(axis=-1), one["count"].values)
    falls = np.diff(amplitude, axis=-1)
    assert (falls[np.isfinite(falls)] <= 0).all()
    none = one["count"].values == 0
    assert np.array_equal(np.isnan(one["rician_k"].values), none)


def test_a_posterior_of_a_toy_gaussian_covers_its_truth():
    # The candidate is the truth with Gaussian errors three times as large as it says: the flow learns the three.
    rng = np.random.default_rng(0)
    n = 512
    template = describe(received(PATHS[:1]), TIME, FREQUENCY)
    many = [np.repeat(part, n, axis=0) for part in template]
    paths = np.full((n, 5, 5), np.nan)
    paths[:, 0] = rng.uniform(-1, 1, (n, 5)) * [6, 3, 6, 30, 0.3] + [9, 0, 0, 0, 0]
    many[0][:], many[2][:] = np.nan, np.nan
    many[1][:, 0] = np.diag([0.01, 0.005, 0.02, 0.1])
    many[0][:, 0] = paths[:, 0, :4] + 3 * rng.standard_normal((n, 4)) * [0.01, 0.005, 0.02, 0.1]
    many[2][:, 0] = np.stack([paths[:, 0, 4] + 0.03 * rng.standard_normal(n), np.full(n, 0.01)], 1)
    data = [torch.from_numpy(part) for part in many]
    static = torch.from_numpy(many[7] + 1e-3 * rng.standard_normal((n, 2)))
    posterior = dira.PathPosterior(**SMALL, mirror=False).fit(
        [*data, torch.from_numpy(paths), static],
        steps=150,
        batch_size=64,
        learning_rate=1e-2,
        warmup=10,
        average=0.9,
        device="cpu",
        threads=1,
    )
    drawn = posterior.sample(Described(*many), draws=32, device="cpu")
    of_draws = quantities(drawn)
    of_truth = quantities(sets_of(paths, static.numpy()))
    # 512 windows: two deviations of a share of one half are 0.044; a network of 150 steps is granted as much again.
    for name in ("strongest_a", "strongest_r"):
        rank = ranks(of_draws[name], of_truth[name], np.random.default_rng(1))
        assert coverage(rank, 0.5) == pytest.approx(0.5, abs=0.1)
        assert coverage(rank, 0.9) == pytest.approx(0.9, abs=0.06)
    # Without learning the three, half a posterior would cover 0.18.
    assert float((drawn["count"] == 1).mean()) > 0.9


def test_ranks_are_uniform_with_ties_and_notice_a_narrow_posterior():
    rng = np.random.default_rng(0)
    counts, drawn = rng.integers(0, 3, 4000), rng.integers(0, 3, (4000, 16))
    rank = ranks(drawn, counts, rng)
    assert uniformity(rank)[1] > 1e-3 and coverage(rank, 0.5) == pytest.approx(0.5, abs=0.04)
    narrow = ranks(0.5 * rng.standard_normal((4000, 16)), rng.standard_normal(4000), rng)
    assert uniformity(narrow)[1] < 1e-6 and coverage(narrow, 0.5) < 0.4
    with pytest.raises(InputError, match="must fit"):
        ranks(np.zeros((3, 4)), np.zeros(4), rng)


def test_a_stream_is_made_once_and_a_stopped_training_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("dira.data.path_stream.CHUNK", 2)

    def source() -> PathStream:
        stream = EndlessSamples([problem()], seed=5, workers=0, thinned=True)
        return PathStream(stream, 5, folder=tmp_path / "windows", first=1, pace=2)

    one = source().batches(4, 0)
    batches = [next(one) for _ in range(3)]
    monkeypatch.setattr(PathStream, "_simulated", None)  # all of it is on disk
    later = next(source().batches(4, 2))
    for a, b in zip(batches[2], later, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)
    chance = Batch(later, torch.Generator().manual_seed(0), slice(0, 4), 4)
    model = dira.PathPosterior(**SMALL)
    assert torch.isfinite(model.loss(model.build(), chance))


def test_truth_is_the_realisations():
    scenario, _ = thinned(problem())
    drawn = realise(scenario, seed=1, index=4, n_targets=2)
    truth = truth_of(drawn, 5)
    assert np.isfinite(truth.paths).all(axis=1).tolist() == [True, True, False, False, False]
    np.testing.assert_array_equal(truth.paths[:2, :4], drawn.kinematics[:, 0].T)
    assert truth.static[1] == pytest.approx(np.log((np.abs(drawn.static) ** 2).mean()))
    with pytest.raises(InputError, match="most_paths"):
        truth_of(drawn, 1)


def test_it_is_saved_and_read(posterior, windows, tmp_path):
    posterior.save_pretrained(tmp_path / "kept")
    kept = dira.PathPosterior.from_pretrained(tmp_path / "kept")
    a, b = (one.sample(windows, draws=4, device="cpu") for one in (posterior, kept))
    assert a.equals(b)
    with pytest.raises(InputError, match="holds no model"):
        dira.PathPosterior.from_pretrained(tmp_path)
    with pytest.raises(InputError, match="comes with PathPosterior points_4x1, not"):
        dira.PathPosterior.pretrained("nothing")


def test_a_simulated_capture_is_taken_whole(posterior):
    drawn = posterior.sample(isacsim.simulate("points_1x1", seed=1), draws=2, device="cpu")
    assert dict(drawn.sizes) == {"window": 1, "draw": 2, "path": 5}
    assert drawn["path_length"].attrs["units"] == "m"


@pytest.mark.parametrize(("targets", "at_limit"), [(2, False), (7, True)])
def test_the_shipped_posterior_counts_and_says_where_it_is_at_its_limit(targets, at_limit):
    capture = isacsim.simulate("points_4x1", seed=1, n_targets=targets)
    windows = [isacsim.conditioning.condition(capture)]
    drawn = dira.PathPosterior.pretrained().sample(windows, draws=16, seed=2, device="cpu")
    assert bool(drawn["at_limit"][0]) == at_limit
    if not at_limit:
        assert (drawn["count"] == targets).all()
        truth = np.sort(capture["acceleration"].values[0])
        # Amplitudes are close, so draws differ in which path is the first.
        found = np.sort(drawn["acceleration"].values[0, :, :targets], axis=1).mean(axis=0)
        np.testing.assert_allclose(found, truth, atol=0.03)


def test_wrong_use_is_refused(posterior, windows, monkeypatch):
    with pytest.raises(InputError, match="not trained"):
        dira.PathPosterior().sample(windows)
    with pytest.raises(InputError, match="heads must divide width"):
        dira.PathPosterior(width=64, heads=5)
    with pytest.raises(InputError, match="not both"):
        dira.PathPosterior().fit(steps=1)
    with pytest.raises(InputError, match=r"isacsim\.stream"):
        dira.PathPosterior().fit(stream=3, steps=1)
    with pytest.raises(InputError, match="draws"):
        posterior.sample(windows, draws=0)
    monkeypatch.setitem(sys.modules, "zuko", None)
    with pytest.raises(InputError, match=r"needs zuko.*isacsim\[solver\]"):
        dira.PathPosterior().build()
