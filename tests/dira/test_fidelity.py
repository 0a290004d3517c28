"""What spectra keep and invent, against a literal reference, and how like the clean ones they are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import maximum_filter

import dira
import isacsim
from dira.metrics.fidelity import Judged, of_another, peak_fidelities, similarity
from dira.metrics.maxima import maxima
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.errors import InputError
from isacsim.estimation.peaks import interpolate_peak

pytestmark = pytest.mark.numerical

AXES = {"acceleration": np.linspace(-8, 8, 64), "jerk": np.linspace(-40, 40, 64)}


def peaks(*at: tuple[float, float, float]) -> np.ndarray:
    a, r = AXES["acceleration"][:, None], AXES["jerk"]
    return sum(
        (h * np.exp(-((a - x) ** 2) / 0.3 - (r - y) ** 2 / 15) for x, y, h in at), np.full((64, 64), 1e-6)
    )


def truth(clean: np.ndarray, targets: list[list[tuple[float, float]]]) -> xr.Dataset:
    table = np.full((len(clean), 3, 2), np.nan)
    for i, some in enumerate(targets):
        table[i, : len(some)] = some
    return xr.Dataset(
        {
            "aj_clean": (("sample", "acceleration", "jerk"), clean),
            "target_acceleration": (("sample", "target"), table[..., 0]),
            "target_jerk": (("sample", "target"), table[..., 1]),
        },
        AXES,
    )


def test_peaks_are_kept_lost_and_invented():
    targets = [[(-4.0, 10.0), (2.0, -20.0), (5.0, 30.0)], [(0.0, 0.0)]]
    # The third target of the first sample is 25 dB down: not visible, but a peak there is not invented either.
    clean = np.stack([peaks((-4, 10, 1), (2, -20, 0.3), (5, 30, 10**-2.5)), peaks((0, 0, 1))])
    here = np.stack([peaks((-3.9, 11, 1), (6, -30, 0.5), (5, 30, 0.2)), peaks((0, 0, 1))])
    got = dira.peak_fidelity(here, truth(clean, targets))
    np.testing.assert_array_equal(got.visible, [2, 1])
    np.testing.assert_array_equal(got.kept, [1, 1])
    np.testing.assert_array_equal(got.invented, [1, 0])
    assert got.kept_share == pytest.approx(2 / 3) and got.invented_mean == 0.5
    assert got.acceleration[0] == pytest.approx(0.1, abs=0.03) and got.jerk[0] == pytest.approx(1, abs=0.2)
    perfect = dira.peak_fidelity(clean, truth(clean, targets))
    assert perfect.kept_share == 1 and perfect.invented_mean == 0 and perfect.rms()[0] < 0.02
    nothing = dira.peak_fidelity(np.zeros_like(clean), truth(clean, targets))
    assert nothing.kept_share == 0 and np.isnan(nothing.rms()[0])
    with pytest.raises(InputError, match="no variable target_jerk"):
        dira.peak_fidelity(here, truth(clean, targets).drop_vars("target_jerk"))


def test_similarity_is_on_the_fourth_root():
    clean = np.stack([peaks((-4, 10, 1), (2, -20, 0.3))])
    same = similarity(clean, clean)
    assert same.ssim[0] == pytest.approx(1, abs=1e-4) and same.psnr_db[0] == pytest.approx(120)
    assert similarity(np.zeros_like(clean), clean).ssim[0] < 0.5  # 0.94 on linear magnitude
    assert similarity(7 * clean, clean).ssim[0] == pytest.approx(1, abs=1e-4)


def test_side_lobes_of_the_clean_spectrum_are_not_held_against_a_method() -> None:
    ds = make_samples(isacsim.load_scenario("single_target"), seed=2, indices=range(2))
    own = dira.peak_fidelity(ds["aj_clean"], ds)
    assert own.kept_share == 1 and own.invented_mean > 10 and own.added_mean == 0
    false = ds["aj_clean"].values.copy()
    false[:, 3, 3] = 0.9 * false.max()
    one = dira.peak_fidelity(false, ds, floor_db=-12)
    assert one.added.tolist() == [1, 1]


def test_no_two_targets_share_a_maximum_and_a_plateau_is_one() -> None:
    one = peaks((0, 0, 1))
    crowd = truth(one[None], [[(0.0, 0.0), (0.3, 1.0), (-0.3, -1.0)]])
    got = dira.peak_fidelity(one[None], crowd)
    assert got.visible.tolist() == [1] and got.kept.tolist() == [1] and got.invented.tolist() == [0]
    clipped = np.minimum(peaks((4, 20, 1)), 0.5)
    assert (clipped == clipped.max()).sum() > 5
    assert dira.peak_fidelity(clipped[None], crowd).invented.tolist() == [1]
    # A shelf on the way to a peak is no maximum, a ring is one of its own bins.
    shelf = peaks((4, 20, 1))
    shelf[45:50, 40:60] = np.maximum(shelf[45:50, 40:60], 0.2)
    assert dira.peak_fidelity(shelf[None], crowd).invented.tolist() == [1]
    circle = np.full((64, 64), 1e-6)
    circle[30:33, 30:33] = 1.0
    circle[31, 31] = 0.0
    ((a, r, level),) = maxima(circle, AXES["acceleration"], AXES["jerk"])
    assert level == 0 and max(abs(a - AXES["acceleration"][31]), abs(r - AXES["jerk"][31])) > 0.1


def _literal(image: np.ndarray, clean: np.ndarray, targets: list[tuple[float, float]], floor: float) -> tuple:
    """Visible, kept, invented and added by the definition, every assignment tried."""

    def tops(values: np.ndarray) -> list[tuple[float, float]]:
        high = (values == maximum_filter(values, size=3)) & (values >= values.max() * 10 ** (floor / 10))
        found = [
            interpolate_peak(values, AXES["acceleration"], AXES["jerk"], i, j)
            for i, j in zip(*np.nonzero(high), strict=True)
        ]
        return [(p.acceleration, p.jerk) for p in found]

    def near(x: tuple[float, float], y: tuple[float, float]) -> bool:
        return abs(x[0] - y[0]) <= 0.5 and abs(x[1] - y[1]) <= 4.0

    def assigned(some: list, maxima: list) -> list:
        """Targets of the assignment that has most, and of those the nearest."""
        best: tuple[int, float, list] = (0, 0.0, [])
        for places in itertools.product([None, *range(len(maxima))], repeat=len(some)):
            taken = [k for k in places if k is not None]
            pairs = [(t, maxima[k]) for t, k in zip(some, places, strict=True) if k is not None]
            if len(set(taken)) < len(taken) or not all(near(*pair) for pair in pairs):
                continue
            off = sum(((t[0] - m[0]) / 0.5) ** 2 + ((t[1] - m[1]) / 4) ** 2 for t, m in pairs)
            if (len(pairs), -off) > best[:2] or not best[2]:
                best = (len(pairs), -off, [t for t, _ in pairs])
        return best[2]

    shown, found = tops(clean), tops(image)
    some = [m for m in shown if any(near(t, m) for t in targets)]
    visible = assigned(targets, some)
    kept = assigned(visible, [m for m in found if any(near(t, m) for t in visible)])
    false = [m for m in found if not any(near(t, m) for t in targets)]
    return (
        len(visible), len(kept), len(false), sum(not any(near(m, x) for x in shown) for m in false)
    )  # fmt: skip


@pytest.mark.parametrize("floor", [-20.0, -12.0])
def test_it_equals_the_definition(floor: float) -> None:
    rng = np.random.default_rng(5)
    sets, cleans, places = [], [], []
    for _ in range(12):
        at = list(zip(rng.uniform(-1, 1, 3), rng.uniform(-6, 6, 3), strict=True))
        height = 10 ** rng.uniform(-1.8, 0, 3)
        cleans.append(peaks(*((a, r, h) for (a, r), h in zip(at, height, strict=True))))
        moved = [
            (a + rng.normal(0, 0.2), r + rng.normal(0, 2), h) for (a, r), h in zip(at, height, strict=True)
        ]
        sets.append(peaks(*moved, (rng.uniform(-7, 7), rng.uniform(-30, 30), 0.3)))
        places.append(at)
    got = dira.peak_fidelity(np.stack(sets), truth(np.stack(cleans), places), floor_db=floor)
    literal = [_literal(*one, floor) for one in zip(sets, cleans, places, strict=True)]
    np.testing.assert_array_equal(np.stack([got.visible, got.kept, got.invented, got.added], axis=1), literal)
    assert 0 < got.kept.sum() < got.visible.sum() < 36  # targets that merge, and that are lost


def test_some_samples_of_all_are_judged_as_alone() -> None:
    ds = make_samples(isacsim.load_scenario("single_target"), seed=3, indices=range(4))
    noisy, rows = ds["aj_noisy"].values, np.array([1, 3])
    alone = Judged.of(noisy[rows], ds.isel(sample=rows)).scores()
    assert Judged.of(noisy, ds).scores(rows) == pytest.approx(alone, nan_ok=True)
    both = peak_fidelities(noisy, ds, (-20.0, -12.0))
    assert both[1].invented.tolist() == dira.peak_fidelity(noisy, ds, floor_db=-12.0).invented.tolist()
    with pytest.raises(InputError, match="floor_db must be from -20 to below 0, got -30"):
        dira.peak_fidelity(noisy, ds, floor_db=-30)


def test_another_sample_s_spectrum_has_as_many_targets_where_there_is_one() -> None:
    counts = np.array([3, 4, 3, 4, 3, 7])
    other = of_another(np.arange(6.0, dtype=np.float32), counts).astype(int)
    assert (counts[other][:5] == counts[:5]).all() and (other != np.arange(6)).all()
    assert of_another(np.ones((1, 2, 2), np.float32), np.array([3])).max() == 0


def test_noise_keeps_nearly_every_target_and_invents_hundreds() -> None:
    """Why docs/dira.md wants kept read beside invented."""
    samples = make_samples(isacsim.load_scenario("default"), seed=0, indices=range(24))
    noise = np.abs(np.random.default_rng(0).normal(size=samples["aj_noisy"].shape)).astype(np.float32)
    scores = Judged.of(noise, samples).scores()
    assert [round(scores[key], 2) for key in ("kept", "kept_high")] == [0.99, 0.99]
    assert round(scores["invented"]) == round(scores["invented_high"]) == 456
