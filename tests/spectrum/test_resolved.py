"""Spectra of antenna arrays, resolved in delay and angle: against loops, and what each path's peak must be."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import isacsim
from isacsim.errors import InputError
from isacsim.spectrum.grid import WindowResolution
from tests.spectrum import resolved_literal as literal

pytestmark = pytest.mark.numerical

TIME = (np.arange(1024) - 511.5) / 1000
AXES = {"acceleration": np.linspace(-8, 8, 64), "jerk": np.linspace(-40, 40, 64)}


def subcarriers(n, bandwidth=80e6):
    return 5.805e9 + (np.arange(n) - (n - 1) / 2) * bandwidth / n


def seen(paths, sines, antennas, *, time=TIME, frequency=None, chains=1.0):
    """CSI (pair, subcarrier, packet) of paths (length, v, a, r, amplitude) that arrive and depart at given sines."""
    frequency = subcarriers(32) if frequency is None else frequency
    names = ("path_length", "velocity", "acceleration", "jerk", "amplitude")
    csi = np.zeros((antennas[0] * antennas[1], frequency.size, time.size), np.complex64)
    for i, (path, sine) in enumerate(zip(paths, sines, strict=True)):
        one = isacsim.simulate_paths(
            time, frequency, **{n: [x] for n, x in zip(names, path, strict=True)}, phase=[float(i)]
        )
        steering = [np.exp(1j * np.pi * np.arange(n) * s) for n, s in zip(antennas, sine, strict=True)]
        csi += (np.outer(*steering) * chains).ravel().astype(np.complex64)[:, None, None] * one
    return csi


def resolved(csi, antennas, *, time=TIME, frequency=None, **settings):
    frequency = subcarriers(csi.shape[-2]) if frequency is None else frequency
    return isacsim.aj_spectrum(
        csi, time=time, frequency=frequency, combine="resolved", antennas=antennas, **settings
    )


def noise(shape, snr_db, seed=0):
    parts = np.random.default_rng(seed).standard_normal((2, *shape))
    return (10 ** (-snr_db / 20) * np.sqrt(0.5) * (parts[0] + 1j * parts[1])).astype(np.complex64)


CROWD = [(22.0, -1.5, 3.0, 10.0, 1.2), (26.0, 2.0, -4.0, 20.0, 0.8), (24.0, 1.0, 1.0, -20.0, 1.0)]
ANGLES = [(-0.7, 0.9), (-0.1, 0.5), (0.5, -0.7)]


def test_equals_the_loop_over_cells():
    time, frequency = np.arange(96) * 7e-3, subcarriers(16)
    csi = seen(CROWD, ANGLES, (2, 2), time=time, frequency=frequency)
    a, r = np.linspace(-5, 5, 17), np.linspace(-20, 20, 15)
    grid = WindowResolution(96, 7e-3, float(frequency.mean()))
    moving = csi - csi.mean(axis=-1, keepdims=True)
    cells, shrink = literal.keystone(literal.cells_of(moving, (2, 2)), 80e6 / frequency.mean())
    for power in (0.5, 0.875):
        made = resolved(
            csi, (2, 2), time=time, beams="fixed", equalise=power, delay_window="hann", acceleration=a, jerk=r,
            decimation=1,
        )  # fmt: skip
        expected = literal.image(
            cells, 7e-3 * shrink, (grid.lag, grid.kappa * shrink, 0.12), (a, r), ("hann", "hann"), power
        )
        assert np.abs(made.values - expected).max() < 1e-4 * expected.max()  # float32 through four stages


@pytest.mark.parametrize(
    ("bandwidth", "equalise"), [(20e6, 0.5), (80e6, 0.5), (80e6, 0.875), (160e6, 0.875), (320e6, 0.875)]
)
def test_a_walking_path_peaks_at_1_wherever_it_lies(bandwidth, equalise):
    rng = np.random.default_rng(int(bandwidth + 1e3 * equalise))
    frequency = subcarriers(64, bandwidth)
    for velocity in (-3.0, 0.5):
        i, j = rng.integers(16, 48, 2)
        path = (rng.uniform(3, 20), velocity, AXES["acceleration"][i], AXES["jerk"][j], 1.0)
        csi = seen([path], [rng.uniform(-1, 1, 2)], (4, 4), frequency=frequency)
        made = resolved(
            csi, (4, 4), frequency=frequency, beams="fixed", equalise=equalise, remove_static=False
        )
        assert 0.9 < float(made[i, j]) < 1.1
        assert float(made.max()) < 1.02 * float(made[i, j])


def test_parseval_at_a_half():
    """With β = ½ the sum over cells is the path's energy, but for what lies in cells that are left out."""
    csi = seen([(13.117, 0.0, 3.0, 10.0, 1.0)], [(0.25, -0.25)], (4, 4))  # between cells in all three
    made = resolved(csi, (4, 4), beams="fixed", equalise=0.5, remove_static=False)
    assert 0.92 < float(made.max()) < 1.0
    strongest = resolved(csi, (4, 4), cube=True).max()
    assert (
        float(strongest) < 0.01
    )  # 0.41 of the energy in the strongest cell of each of three, squared: 0.0047


@pytest.mark.parametrize(("acceleration", "jerk"), [(0.0, 0.0), (3.0, -15.0), (-5.0, 20.0)])
def test_two_hann_windows_leave_nothing_far_from_a_path(acceleration, jerk):
    csi = seen([(8.0, 0.0, acceleration, jerk, 1.0)], [(0.2, 0.2)], (1, 1), frequency=subcarriers(1))
    made = resolved(csi, (1, 1), remove_static=False).values
    off = np.hypot((AXES["acceleration"][:, None] - acceleration) / 1.5, (AXES["jerk"] - jerk) / 8)
    assert 20 * np.log10(made[off > 1].max() / made.max()) < -40
    plain = resolved(csi, (1, 1), remove_static=False, window=None, lag_window=None).values
    assert 20 * np.log10(plain[off > 1].max() / plain.max()) > -25


def test_amplitudes_count_as_equalisation_says():
    paths = [(6.0, 1.0, -4.0, -20.0, 1.0), (13.0, -1.0, 4.0, 20.0, 0.5)]
    csi = seen(paths, [(-0.5, -0.5), (0.5, 0.5)], (4, 4))
    for power in (0.5, 0.75, 1.0):
        made = resolved(csi, (4, 4), equalise=power, beams="fixed")
        near = (
            made.sel(acceleration=slice(3, 5), jerk=slice(15, 25)).max(),
            made.sel(acceleration=slice(-5, -3), jerk=slice(-25, -15)).max(),
        )
        assert float(near[0] / near[1]) == pytest.approx(0.5 ** (4 - 4 * power), rel=0.1)


def test_a_capture_has_the_same_bits_beside_others():
    csi = np.stack([seen(CROWD[i:], ANGLES[i:], (2, 2)) for i in range(3)]) + noise((3, 4, 32, 1024), 10)
    together = resolved(csi, (2, 2))
    for i in range(3):
        assert np.array_equal(together[i].values, resolved(csi[i], (2, 2)).values)
    assert together.dims == ("dim_0", "acceleration", "jerk")


def test_unknown_chains_cost_nothing_where_signatures_stand_still():
    rng = np.random.default_rng(4)
    chains = np.exp(2j * np.pi * rng.uniform(size=(4, 4)))
    known = seen(CROWD, ANGLES, (4, 4)) + noise((16, 32, 1024), 15)
    unknown = seen(CROWD, ANGLES, (4, 4), chains=chains) + noise((16, 32, 1024), 15, seed=1)
    images = [resolved(csi, (4, 4)) for csi in (known, unknown)]
    truth = {"acceleration": [3.0, -4.0, 1.0], "jerk": [10.0, 20.0, -20.0], "amplitude": [1.2, 0.8, 1.0]}
    clean = isacsim.render_spectrum(truth, images[0])
    for image in images:
        # The coherent mean over 80 MHz keeps 0.9 of a walker's peak; cross-terms are gone.
        assert np.abs(image - clean).max() < 0.2 * clean.max()
    # Beams smear what the chains turn; separated signatures do not care.
    assert np.abs(images[1] - images[0]).max() < 0.05 * images[0].max()


def test_separation_is_left_where_signatures_move():
    """A path whose angle turns by a beam within the window is many sources: the default takes beams."""
    csi = seen(CROWD, ANGLES, (4, 4))
    turning = np.exp(1j * np.pi * np.outer(np.arange(16) // 4, 0.8 * TIME))[:, None].astype(np.complex64)
    csi = csi * turning + noise(csi.shape, 15)
    assert np.array_equal(resolved(csi, (4, 4)).values, resolved(csi, (4, 4), beams="fixed").values)
    assert not np.array_equal(resolved(csi, (4, 4)).values, resolved(csi, (4, 4), beams="blind").values)


def test_the_cube_holds_each_path_in_its_cell():
    frequency = subcarriers(32)
    delay_cell = isacsim.aj_spectrum(
        seen([], [], (2, 2)), time=TIME, frequency=frequency, combine="resolved", antennas=(2, 2), cube=True,
        delays=5,
    )  # fmt: skip
    assert delay_cell.dims == ("delay", "beam", "acceleration", "jerk")
    assert delay_cell.shape == (5, 4, 64, 64) and not delay_cell.any()
    length = float(delay_cell.delay[3]) * 299_792_458.0
    csi = seen([(length, 0.0, 3.0, 10.0, 1.0)], [(1.0, 0.0)], (2, 2))  # second beam of the first array
    cube = resolved(csi, (2, 2), cube=True, delays=5, remove_static=False)
    strongest = cube.max(("acceleration", "jerk")).values
    assert np.unravel_index(strongest.argmax(), strongest.shape) == (3, 2)
    assert 0.9 < strongest.max() < 1.05


def test_scale_of_the_csi_is_the_power_of_equalisation():
    csi = seen(CROWD, ANGLES, (2, 2))
    small = resolved(csi * np.float32(2.0**-20), (2, 2), beams="fixed")
    expected = resolved(csi, (2, 2), beams="fixed") * 2.0 ** (-20 * 0.5)
    np.testing.assert_allclose(small, expected, rtol=1e-5)


def test_nothing_moves():
    still = np.ones((4, 16, 1024), np.complex64)
    assert not resolved(np.zeros_like(still), (2, 2)).any()
    assert np.isfinite(resolved(still, (2, 2))).all()


def test_antennas_from_coordinates():
    csi = xr.DataArray(
        seen(CROWD, ANGLES, (2, 2)),
        {
            "time": ("packet", TIME),
            "frequency": ("subcarrier", subcarriers(32)),
            "device": ("receiver", [0, 0, 0, 0]),
            "rx_element": ("receiver", [0, 0, 1, 1]),
            "tx_element": ("receiver", [0, 1, 0, 1]),
        },
        ("receiver", "subcarrier", "packet"),
    )
    made = isacsim.aj_spectrum(csi, combine="resolved")
    assert made.dims == ("acceleration", "jerk")
    assert np.array_equal(made.values, resolved(csi.values, (2, 2)).values)
    apart = csi.assign_coords(device=("receiver", [0, 1, 2, 3]))
    assert isacsim.aj_spectrum(apart, combine="resolved").dims == ("receiver", "acceleration", "jerk")
    with pytest.raises(InputError, match="pairs of one device"):
        isacsim.aj_spectrum(csi[[0, 2, 1, 3]], combine="resolved")
    with pytest.raises(InputError, match="antennas must be given"):
        isacsim.aj_spectrum(csi.values, time=TIME, frequency=subcarriers(32), combine="resolved")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"antennas": (3, 1)}, r"antennas is \(3, 1\), 3 pairs, but csi of shape"),
        ({"antennas": 4}, "antennas must be"),
        ({"antennas": (2, 2), "equalise": 1.5}, "equalise must be"),
        ({"antennas": (2, 2), "beams": "steered"}, "beams must be"),
        ({"antennas": (2, 2), "lags": "symmetric", "lag_window": "hann"}, "lag_window needs lags='positive'"),
        ({"antennas": (2, 2), "cube": True, "beams": "blind"}, "cube=True needs"),
        ({"antennas": (2, 2), "cube": True, "delays": 99}, "delays must be at most"),
        ({"antennas": (2, 2), "lag_window": "hanning window"}, "lag_window must be a name"),
    ],
)
def test_what_cannot_be_is_refused(settings, said):
    with pytest.raises(InputError, match=said):
        isacsim.aj_spectrum(
            np.zeros((4, 16, 64), np.complex64), time=np.arange(64) * 0.01, frequency=subcarriers(16),
            combine="resolved", acceleration=np.linspace(-1, 1, 5), jerk=np.linspace(-1, 1, 5), **settings,
        )  # fmt: skip
