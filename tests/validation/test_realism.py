"""Study `realism`: its distances against closed forms, its matching, and the study on a capture that we wrote."""

import json
from itertools import permutations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from isacsim.validation import realism_measures as measures
from isacsim.validation import study
from isacsim.validation.realism_windows import read_windows, simulated_windows
from typer.testing import CliRunner

from isacsim import load_scenario, simulate
from isacsim.capture.formats.nexmon_writer import write_nexmon
from isacsim.cli import app
from isacsim.dataset.real.files import capture_files
from isacsim.errors import InputError
from isacsim.scenario.model import Scenario
from isacsim.survey.levels import levels_db
from tests.capture.capture_files import real_capture

RATE, CARRIER = 100.0, 5.32e9
FREQUENCY = CARRIER + 312.5e3 * np.arange(-26, 27)
TIME = np.arange(100) / RATE


def array(values, time=TIME, frequency=FREQUENCY):
    coords = {"frequency": ("subcarrier", frequency), "time": ("packet", time)}
    return xr.DataArray(values.astype(np.complex64), dims=("subcarrier", "packet"), coords=coords)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A Nexmon file of somebody who walks for three seconds."""
    shipped = load_scenario("walker")
    radio = {
        "subcarriers": 64,
        "bandwidth_hz": 20e6,
        "carrier_hz": CARRIER,
        "packet_rate_hz": RATE,
        "packets": 310,
    }
    scenario = Scenario.model_validate(
        shipped.model_dump(exclude={"spectrum", "targets"})
        | {"radio": shipped.radio.model_dump() | radio}
        | {"targets": {"count": {"min": 1, "max": 1}, "template": shipped.targets.template.model_dump()}}
        | {"spectrum": {"acceleration_max_m_s2": 0.01, "jerk_max_m_s3": 0.01, "lag_ratio": 0.02}}
    )
    path = tmp_path_factory.mktemp("realism") / "walk.pcap"
    write_nexmon(simulate(scenario, seed=4), path)
    return path


def windows_of(path, *, carrier=None, hop_s=0.512, cleaned=False):
    (file,) = capture_files([path], None, None, "test")
    return read_windows(file, carrier=carrier, window_s=1.024, hop_s=hop_s, cleaned=cleaned)


def test_the_kernel_distance_is_unbiased_and_sees_a_difference():
    rng = np.random.default_rng(0)
    n, m, d = 7, 9, 20

    def one(shift):
        x, y = rng.standard_normal((n, d)), rng.standard_normal((m, d)) + shift
        within = measures.kernel(x, x), measures.kernel(y, y)
        allowed = ~np.eye(n, dtype=bool), ~np.eye(m, dtype=bool)
        return measures.kernel_distance(within, measures.kernel(x, y), allowed, (np.ones(n), np.ones(m)))

    same = [one(0.0) for _ in range(400)]
    assert abs(np.mean(same)) < 4 * np.std(same) / 20
    assert np.mean([one(0.3) for _ in range(50)]) > 0.1


def test_the_kernel_distance_equals_its_sums():
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((5, 4)), rng.standard_normal((6, 4))
    apart = np.abs(np.subtract.outer(np.arange(5), np.arange(5))) > 1
    i, j = [0, 0, 3, 4], [1, 2, 2, 5]
    weight = np.bincount(i, minlength=5), np.bincount(j, minlength=6)
    within = measures.kernel(x, x), measures.kernel(y, y)
    found = measures.kernel_distance(within, measures.kernel(x, y), (apart, ~np.eye(6, dtype=bool)), weight)

    def k(a, b):
        return (a @ b / 4 + 1) ** 3

    real = [k(x[a], x[b]) for p, a in enumerate(i) for q, b in enumerate(i) if p != q and abs(a - b) > 1]
    other = [k(y[a], y[b]) for p, a in enumerate(j) for q, b in enumerate(j) if p != q and a != b]
    between = [k(x[a], y[b]) for a in i for b in j]
    assert found == pytest.approx(np.mean(real) + np.mean(other) - 2 * np.mean(between))
    alone = np.array([1, 1, 0, 0, 0]), weight[1]
    assert np.isnan(measures.kernel_distance(within, measures.kernel(x, y), (apart, apart), alone))


@given(
    st.lists(st.integers(0, 179), min_size=4, max_size=4),
    st.lists(st.integers(0, 179), min_size=4, max_size=4),
)
@settings(max_examples=40, deadline=None)
def test_the_circular_distance_is_that_of_the_best_matching(x, y):
    x, y = np.array(x, float), np.array(y, float)
    best = min(
        np.mean([min(abs(a - b), 180 - abs(a - b)) for a, b in zip(x, order, strict=True)])
        for order in permutations(y)
    )
    assert measures.distance("orientation", x, y, np.zeros(0)) == pytest.approx(best, abs=1e-9)


def test_a_ridge_has_its_orientation_and_area():
    x = np.linspace(-12, 12, 64)
    for degrees in (20.0, 90.0, 160.0):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        along, across = c * x[:, None] + s * x, -s * x[:, None] + c * x
        angle, area = measures._moments(np.exp(-(along**2) / 8 - across**2 / 2), x, x)
        assert angle == pytest.approx(degrees, abs=0.1) and area == pytest.approx(4 * np.pi * 2, rel=0.01)


def test_what_is_measured_of_a_tone():
    tone = np.exp(2j * np.pi * 20 * TIME) * np.ones((53, 1))
    found = measures.measure(array(tone + 10), np.array([0, 10, 15, 25, 30]))
    assert found["spread"][0] == pytest.approx(20, rel=0.02)
    assert found["doppler"][1] < 0.01 and found["doppler"][2] < 0.05 and found["doppler"][3] > 0.95
    # It never decorrelates; three quarters of the band are looked at.
    assert found["correlation_time"] == [500] and found["coherence_bandwidth"][0] == pytest.approx(
        39 * 0.3125
    )
    assert found["variation"][10] == pytest.approx(0.1 / np.sqrt(2), rel=0.02)
    assert (
        len(found["kernel"]) == 146 and found["kernel"] == measures.measure(array(tone + 10), TIME)["kernel"]
    )


def test_coherence_halves_where_the_correlation_does():
    rng = np.random.default_rng(2)
    time = np.arange(20000) / RATE
    white = (rng.standard_normal((53, time.size, 2)) @ [1, 1j]).astype(complex)
    series = white.copy()
    for q in range(1, time.size):
        series[:, q] = 0.9 * series[:, q - 1] + np.sqrt(0.19) * white[:, q]
    halved, _ = measures._coherence(series + 2 * rng.standard_normal(series.shape), FREQUENCY, 1 / RATE)
    assert halved == pytest.approx((1 + np.log(0.5) / np.log(0.9)) / RATE, rel=0.05)
    # Uniform delays over D: |sinc(D Δf)|, half of its first value at about 0.6 / D.
    delay = rng.uniform(0, 200e-9, (1000, 1))
    many = np.exp(-2j * np.pi * FREQUENCY[:, None] * delay.T) @ (
        rng.standard_normal((1000, 4000, 2)) @ [1, 1j]
    )
    assert measures._coherence(many, FREQUENCY, 1 / RATE)[1] == pytest.approx(0.603 / 200e-9, rel=0.15)


def test_levels_are_found():
    rng = np.random.default_rng(3)
    response = np.exp(-2j * np.pi * FREQUENCY[:, None] * 40e-9)
    moving = response * np.exp(2j * np.pi * 13 * TIME)
    noise = rng.standard_normal((53, 100, 2)) @ [1, 1j]
    static = 10 * np.exp(-2j * np.pi * FREQUENCY[:, None] * 20e-9)
    for snr in (20.0, 0.0, -6.0):
        csi = array(static + moving + noise * np.sqrt(0.5) * 10 ** (-snr / 20))
        assert levels_db(csi) == pytest.approx((20, snr if snr < 15 else 15.1), abs=0.7)


@pytest.mark.parametrize("body", ["point", "walker", "nobody"])
def test_simulated_windows_have_the_captures_radio_and_levels(written, body):
    real = windows_of(written)
    made = simulated_windows(real, body, impaired=False, n=6, seed=1)
    assert len(real.csi) == 5 and real.apart.sum() == 12
    for i, csi in enumerate(made.csi):
        like = real.csi[i % 5]
        np.testing.assert_allclose(csi.coords["frequency"], like.coords["frequency"], rtol=1e-12)
        assert csi.sizes == like.sizes and csi.attrs["conditioning"] == like.attrs["conditioning"]
    assert np.abs(made.off_db).max() < 1
    again = simulated_windows(real, body, impaired=False, n=6, seed=1).csi[5]
    assert np.array_equal(again.values, made.csi[5].values)
    hit = simulated_windows(real, body, impaired=True, n=1, seed=1)
    assert not np.array_equal(hit.csi[0].values, made.csi[0].values)


def test_cleaning_takes_gain_steps_and_odd_packets_out(written, tmp_path):
    from isacsim.capture import read_capture

    steps = np.where(np.random.default_rng(5).random(310) < 0.5, 1.0, 1.5)
    capture = read_capture(written)
    values = capture.csi.values * steps.astype(np.float32)
    values[:, 20:, 5::31] *= 0.01  # a quarter of the band only
    capture["csi"] = capture.csi.copy(data=values)
    write_nexmon(capture, tmp_path / "steps.pcap")
    plain = windows_of(written, cleaned=True)
    stepped = windows_of(tmp_path / "steps.pcap", cleaned=True)
    assert (plain.odd, stepped.odd) == (0, 10)
    assert np.abs(np.median(plain.levels - stepped.levels, axis=0)).max() < 1
    assert windows_of(tmp_path / "steps.pcap").levels[:, 0].max() < plain.levels[:, 0].min() - 3


def test_the_study(written, tmp_path):
    table, picture = study.write_study("realism", tmp_path, quick=True, captures=[written])
    assert picture.read_bytes().startswith(b"\x89PNG")
    read = json.loads(table.read_text())
    assert read["quick"] and read["settings"]["captures"][0]["file"] == "walk.pcap"
    assert {(row["cleaned"], row["impaired"]) for row in read["rows"]} == {
        (a, b) for a in (False, True) for b in (False, True)
    }
    clean = read["rows"][0]
    assert clean["windows"] == 5 and clean["independent_windows"] == 3 and "kernel" not in clean["floor"]
    # The capture is a walker's: points are 27 away. Noise alone is about as near (five windows do not tell, 0.1 apart).
    kernel = {body: row["kernel"]["value"] for body, row in clean["distances"].items()}
    assert kernel["walker"] < 0.1 * kernel["point"]
    for row in read["rows"]:
        for name in measures.DISTANCES:
            less = row["walker_less"]["point"][name]
            both = row["distances"]["walker"][name], row["distances"]["point"][name]
            assert less["value"] == pytest.approx(both[0]["value"] - both[1]["value"], abs=1e-9)
            assert less["low"] <= less["value"] <= less["high"]
    assert read["walker_closer"]["point"]["kernel"]["of"] == 4
    # The capture is one of a shipped scenario at another rate and band: as it is, its packets alone tell it; what is
    # made of the capture has them right.
    (matched,) = read["matched"]
    interval = {name: one["interval"]["wasserstein"] for name, one in matched["distances"].items()}
    assert interval["walker"] == pytest.approx(9, rel=0.01)
    assert interval["from-capture"] < 0.1
    variation = {name: one["variation"]["energy"] for name, one in matched["distances"].items()}
    assert variation["from-capture"] < max(variation["intel5300"], variation["walker"])


def test_the_folder_of_captures_is_taken_and_what_cannot_be_used_is_listed(written, tmp_path, monkeypatch):
    from isacsim.validation.realism_match import folder_captures

    (tmp_path / "a.pcap").write_bytes(written.read_bytes())
    (tmp_path / "README.md").write_text("none")
    monkeypatch.setenv("ISACSIM_CAPTURES", str(tmp_path))
    assert [path.name for path in folder_captures()] == ["a.pcap"]
    (tmp_path / "b.dat").write_bytes(b"nothing")
    left: dict = {}

    def stop(table, points):
        left.update(table["settings"]["left_out"])
        assert [point.name for point in points][-2:] == ["a.pcap, matched", "b.dat, matched"]
        raise InterruptedError

    from isacsim.validation.realism import run

    with pytest.raises(InterruptedError):
        run(quick=True, seed=0, compute=stop)
    assert list(left) == ["b.dat"]


def test_statistics_of_a_window_are_those_that_are_known():
    from isacsim.validation.realism_match import STATISTICS, statistics

    rng = np.random.default_rng(0)
    static = 10 * np.exp(-2j * np.pi * (FREQUENCY - CARRIER)[:, None] * 30e-9)
    turn = np.exp(2j * np.pi * 0.125 * np.arange(100)) * 10 ** (np.arange(100) % 2 / 20)
    delay = np.exp(-2j * np.pi * (FREQUENCY - CARRIER)[:, None] * 20e-9 * rng.standard_normal(100))
    noise = rng.standard_normal((53, 100, 2)) @ [1, 1j] * 0.1
    found = statistics(((static * delay + noise) * turn).astype(np.complex64), FREQUENCY, TIME, 0.01)
    assert set(found) == set(STATISTICS)
    assert np.median(found["phase"]) == pytest.approx(np.pi / 4, abs=0.01)
    assert np.abs(found["gain"]) == pytest.approx(1.0, abs=0.1)
    assert found["interval"] == pytest.approx(10)
    assert found["delay"].std() == pytest.approx(20, rel=0.2)
    # |n|² = 0.02 beside 100: 37 dB, and amplitudes vary by 0.1 in 10.
    assert found["static"][0] == pytest.approx(37, abs=0.5)
    assert found["variation"].mean() == pytest.approx(0.01, rel=0.1)


def test_the_command_says_what_it_needs(written, tmp_path, monkeypatch):
    runner = CliRunner()
    small = ["validate", "realism", "--quick", "-o", str(tmp_path)]
    short = tmp_path / "short.nc"
    from isacsim.capture import read_capture
    from isacsim.capture.netcdf import save_capture

    save_capture(read_capture(written).isel(packet=slice(0, 150)), short)
    for wrong, word in (
        (small, "--captures FILE"),
        ([*small, "--captures", "nothing.dat"], "no such file"),
        ([*small, "--captures", str(short)], "share no packet"),
        (["validate", "gait", "--captures", str(written), "-o", str(tmp_path)], "takes no captures"),
    ):
        refused = runner.invoke(app, wrong)
        assert refused.exit_code == 2 and word in refused.stderr, refused.output
        assert len(refused.stderr.strip().splitlines()) == 1
    monkeypatch.setattr(study, "STUDIES", ("realism",))
    skipped = runner.invoke(app, ["validate", "all", "-o", str(tmp_path)])
    assert skipped.exit_code == 0 and "realism: skipped" in skipped.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["short.nc"]


@pytest.mark.parametrize(
    ("name", "carrier", "pair"),
    [("intel5300_walk_2x2.dat", CARRIER, True), ("nexmon_43455c0_80mhz_walk.pcap", CARRIER, False)],
)
def test_real_captures(name, carrier, pair):
    path = real_capture(name)
    # The carrier is for the file that does not say its own.
    real = windows_of(path, carrier=carrier)
    assert real.pair is pair and np.isfinite(real.levels).all()
    if pair:
        with pytest.raises(InputError, match="carrier"):
            windows_of(path)
    hz = np.linspace(0, 50, 11)
    walker = simulated_windows(real, "walker", impaired=True, n=2, seed=0).csi
    for csi in (real.csi[0], *walker):
        found = measures.measure(csi, hz)
        assert all(np.isfinite(values).all() for values in found.values())
        assert np.abs(found["kernel"]).max() < 20 and 5 < found["spread"][0] < 50
