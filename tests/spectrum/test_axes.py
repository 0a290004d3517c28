"""What a window resolves, against method.md section 2's numbers and against the spectrum itself."""

from __future__ import annotations

import re

import numpy as np
import pytest

import isacsim
from isacsim.spectrum.grid import WindowResolution

pytestmark = pytest.mark.numerical

PAPER = WindowResolution(1024, 1e-3, 5.8e9)


def test_the_papers_numbers():
    assert PAPER.lag == 91 and PAPER.length == 842
    cell_a, cell_r = PAPER.resolution()
    # method.md: Δa ≈ 0.35 m/s² over the lags' span, Δr ≈ 1.7 m/s³ (1.6 with all of t·m).
    assert cell_a == pytest.approx(0.385, abs=0.01)
    assert cell_r == pytest.approx(1.61, abs=0.02)
    assert PAPER.kappa * PAPER.reach(8, 40) == pytest.approx(87.5, abs=0.3)  # Hz; "about 100"


def test_resolution_falls_as_the_second_and_third_power_of_the_window():
    double = WindowResolution(2048, 1e-3, 5.8e9)
    a, r = (x / y for x, y in zip(double.resolution(), PAPER.resolution(), strict=True))
    assert a == pytest.approx(1 / 4, rel=0.01) and r == pytest.approx(1 / 8, rel=0.01)


def test_limit_is_where_the_spectrum_folds():
    """Just inside the limit a path peaks where it is; beyond, it comes back from the other side."""
    grid = WindowResolution(128, 1e-2, 5.8e9)
    time = (np.arange(128) - 63.5) * 1e-2
    for a, seen in ((0.95 * grid.limit, 0.95), (1.05 * grid.limit, -0.95)):
        h = isacsim.simulate_paths(
            time,
            [5.8e9],
            path_length=[90.0],
            velocity=[2],
            acceleration=[a],
            jerk=[0],
            amplitude=[1],
            phase=[0],
        )
        axis = np.linspace(-0.99, 0.99, 199) * grid.limit
        p = isacsim.aj_spectrum(
            h, time=time, frequency=[5.8e9], acceleration=axis, jerk=np.array([0.0]), remove_static=False
        )
        assert p.acceleration.values[p.values.argmax()] == pytest.approx(seen * grid.limit, rel=0.02)


def test_allowed_axes():
    a, r = PAPER.allowed()
    assert (a[-1], r[-1], a.size, r.size) == (8, 40, 64, 64)
    slow = WindowResolution(102, 1e-2, 5.8e9)
    a, r = slow.allowed()
    assert a[-1] / 8 == pytest.approx(r[-1] / 40) and a[-1] < 8
    slow.check(a[-1], r[-1])
    with pytest.raises(isacsim.InputError, match=r"10 packets/s allow ±0\.\d+ m/s² .* higher packet rate"):
        WindowResolution(32, 0.1, 5.8e9).allowed()


@pytest.mark.parametrize("rate", [500.0, 20000.0, 100.0, 30.0])
@pytest.mark.parametrize("window_s", [0.2, 0.4, 1.1, 2.0])
def test_advice_on_too_few_cells_helps(rate, window_s):
    """Each number of the sentence, followed by itself, does."""
    packets = round(window_s * rate)
    if packets < 32:
        return
    try:
        WindowResolution(packets, 1 / rate, 5.8e9).allowed()
        return
    except isacsim.InputError as error:
        said = str(error)
    advised = 0
    if longer := re.search(r"longer window \(about (\S+) s\)", said):
        WindowResolution(round(float(longer[1]) * rate), 1 / rate, 5.8e9).allowed()
        advised += 1
    if faster := re.search(r"packet rate \(about (\S+) packets/s\)", said):
        more = float(faster[1])
        WindowResolution(round(window_s * more), 1 / more, 5.8e9).allowed()
        advised += 1
    if wider := re.search(r"acceleration= up to (\S+) and jerk= up to (\S+)\)", said):
        grid = WindowResolution(packets, 1 / rate, 5.8e9)
        grid.check(float(wider[1]), float(wider[2]))
        cells = grid.resolution()
        assert 2 * float(wider[1]) >= 4 * cells[0] and 2 * float(wider[2]) >= 4 * cells[1]
        advised += 1
    assert advised, said
    assert faster is None or "only" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((20, 1e-3, 5.8e9), "has 20 packets"),
        ((1024, 1e-3, 5.8e9, 0.0), "lag_ratio 0"),
        ((64, 1e-3, 5.8e9, 0.45), "lag_ratio 0.45"),
    ],
)
def test_refused_windows(arguments, sentence):
    with pytest.raises(isacsim.InputError, match=sentence):
        WindowResolution(*arguments)


def test_refused_axes_name_the_rate_that_would_do():
    with pytest.raises(isacsim.InputError, match="take 171 packets/s") as error:
        WindowResolution(102, 1e-2, 5.8e9).check(8, 40)
    rate = 171 * 1.05
    WindowResolution(round(1.024 * rate), 1 / rate, 5.8e9).check(8, 40)
    assert "narrow the axes (both by 0.5" in str(error.value)
