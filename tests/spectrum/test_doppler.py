"""The Doppler spectrogram: where a path appears, in which sign, on which clock."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.constants import speed_of_light

from isacsim import InputError, doppler_spectrogram

pytestmark = pytest.mark.numerical

RATE = 1000.0
FREQUENCY = 5.8e9 + 312.5e3 * np.arange(-4, 5)


def path(velocity: float, time: np.ndarray, *, sign: int = -1, acceleration: float = 0.0) -> np.ndarray:
    length = 5 + velocity * time + acceleration * time**2 / 2
    return np.exp(sign * 2j * np.pi * FREQUENCY[:, np.newaxis] * length / speed_of_light)


def strongest(spectrogram: xr.DataArray) -> float:
    return float(spectrogram.mean("time").idxmax("doppler"))


@pytest.mark.parametrize("origin", [0.0, -0.5])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_growing_path_has_negative_doppler_on_any_clock_and_either_phase_sign(
    origin: float, sign: int
) -> None:
    time = origin + np.arange(1000) / RATE
    spectrogram = doppler_spectrogram(
        path(2.0, time, sign=sign), time=time, frequency=FREQUENCY, phase_sign=sign
    )
    expected = -2.0 * FREQUENCY.mean() / speed_of_light
    bin_hz = float(np.diff(spectrogram.doppler)[0])
    assert strongest(spectrogram) == pytest.approx(expected, abs=bin_hz / 2)
    at_peak = spectrogram.sel(doppler=expected, method="nearest")
    assert float(at_peak.path_velocity) == pytest.approx(2.0, abs=bin_hz * speed_of_light / 5.8e9 / 2)
    assert spectrogram.dims == ("doppler", "time")
    # Windows lie wholly inside the capture, on its own clock.
    assert spectrogram.time[0] == pytest.approx(origin + 0.064, abs=0.017)
    assert spectrogram.time[-1] == pytest.approx(origin + 1 - 0.064, abs=0.017)


def test_unit_path_has_unit_power_in_every_column_and_a_wrong_sign_mirrors_it() -> None:
    time = np.arange(1024) / RATE
    on_bin = 4 / 0.256 * speed_of_light / FREQUENCY.mean()
    csi = path(on_bin, time)
    spectrogram = doppler_spectrogram(csi, time=time, frequency=FREQUENCY)
    assert spectrogram.max("doppler").values == pytest.approx(1.0, rel=1e-2)
    mirrored = doppler_spectrogram(csi, time=time, frequency=FREQUENCY, phase_sign=1)
    assert strongest(mirrored) == pytest.approx(-strongest(spectrogram))


def test_acceleration_tilts_the_ridge() -> None:
    time = np.arange(-512, 512) / RATE
    spectrogram = doppler_spectrogram(path(0.0, time, acceleration=4.0), time=time, frequency=FREQUENCY)
    ridge = spectrogram.path_velocity[spectrogram.argmax("doppler")]
    slope = np.polyfit(spectrogram.time, ridge, 1)[0]
    assert slope == pytest.approx(4.0, rel=0.05)


def test_static_part_is_removed_unless_asked_to_stay() -> None:
    time = np.arange(600) / RATE
    csi = 100 * path(0.0, time) + path(2.0, time)
    array = xr.DataArray(
        np.stack([csi, csi]),
        dims=("receiver", "subcarrier", "packet"),
        coords={
            "receiver": ["a", "b"],
            "frequency": ("subcarrier", FREQUENCY),
            "time": ("packet", time, {"units": "s"}),
        },
    )
    spectrogram = doppler_spectrogram(array)
    assert spectrogram.dims == ("receiver", "doppler", "time")
    assert list(spectrogram.receiver.values) == ["a", "b"]
    assert strongest(spectrogram.sel(receiver="a")) == pytest.approx(-38.7, abs=4)
    kept = doppler_spectrogram(array, remove_static=False)
    assert strongest(kept.sel(receiver="b")) == 0


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"window_s": 0.001}, "window_s 0.001 s makes 1 packets"),
        ({"window_s": 2.0}, "between 0.008 and 0.6 s"),
        ({"window_s": np.nan}, "window_s nan"),
        ({"hop_s": 0.0}, "hop_s 0 s makes 0 packets"),
    ],
)
def test_windows_that_do_not_fit_are_refused_with_the_limits(
    argument: dict[str, float], message: str
) -> None:
    time = np.arange(600) / RATE
    with pytest.raises(InputError, match=message):
        doppler_spectrogram(path(1.0, time), time=time, frequency=FREQUENCY, **argument)


def test_window_as_long_as_the_capture_gives_one_column() -> None:
    time = np.arange(128) / RATE
    assert doppler_spectrogram(path(1.0, time), time=time, frequency=FREQUENCY).sizes["time"] == 1


def seen_by_array(
    length: float, velocity: float, angles: tuple[float, float], *, amplitude: float = 1.0, sign: int = -1
) -> dict[str, object]:
    """Unit path for `doppler_spectrogram`: 2 x 4 pairs, 80 MHz, sines of its angles at the arrays in half turns."""
    time = np.arange(-256, 256) / RATE
    frequency = 5.8e9 + 80e6 / 64 * (np.arange(64) - 31.5)
    phase = -2 * np.pi * np.outer(frequency, length + velocity * time) / speed_of_light
    over = np.pi * (angles[0] * np.arange(2)[:, None] + angles[1] * np.arange(4)).ravel()
    csi = amplitude * np.exp(1j * (phase + over[:, None, None]))
    csi = csi if sign < 0 else csi.conj()
    return {"csi": csi, "time": time, "frequency": frequency, "phase_sign": sign, "antennas": (2, 4)}


@pytest.mark.parametrize("sign", [-1, 1])
def test_constant_speed_peaks_at_its_doppler_in_its_own_cell(sign: int) -> None:
    step = speed_of_light / 80e6
    on_bin = -3 / 0.128 * speed_of_light / 5.8e9
    # Delay cell 2; the second beam of two, the last of four: conjugate CSI turns the other way over the elements.
    seen = seen_by_array(2 * step, on_bin, (1.0, -0.5), sign=sign)
    cube = doppler_spectrogram(**seen, combine="resolved", cube=True, delays=4)
    assert cube.dims == ("delay", "beam", "doppler", "time") and cube.sizes["beam"] == 8
    assert cube.delay.values == pytest.approx(np.arange(4) / 80e6)
    delay, beam, doppler = (int(i) for i in np.unravel_index(cube.values.mean(-1).argmax(), cube.shape[:3]))
    assert (delay, beam) == (2, 7 if sign < 0 else 5)
    assert cube.doppler[doppler] == pytest.approx(3 / 0.128, rel=1e-6)
    assert cube[delay, beam, doppler].values == pytest.approx(1.0, rel=0.03)
    others = cube.max(["doppler", "time"]).values
    others[delay, beam] = 0
    assert others.max() < 0.02  # 0.8 m/s walk a ninth of a cell


def test_path_between_cells_keeps_its_energy_and_equalising_takes_its_root() -> None:
    on_bin = 2 / 0.128 * speed_of_light / 5.8e9
    for length, angles in ((7.1, (0.5, 0.25)), (9.4, (0.31, -0.77))):
        seen = seen_by_array(length, on_bin, angles, amplitude=0.4)
        plain = doppler_spectrogram(**seen, combine="resolved")
        assert plain.dims == ("doppler", "time")
        assert plain.max("doppler").values == pytest.approx(0.16, rel=0.05)
        halved = doppler_spectrogram(**seen, combine="resolved", equalise=0.5)
        assert halved.max("doppler").values == pytest.approx(0.4, rel=0.05)


def test_cells_leave_noise_out() -> None:
    seen = seen_by_array(7.1, 1.5, (0.3, -0.2))
    rng = np.random.default_rng(0)
    shape = np.shape(seen["csi"])
    seen["csi"] = seen["csi"] + 0.7 * (rng.normal(size=shape) + 1j * rng.normal(size=shape))
    antennas = seen.pop("antennas")
    every = doppler_spectrogram(**seen).mean("dim_0")
    some = doppler_spectrogram(**seen, combine="resolved", antennas=antennas)
    away = np.abs(every.path_velocity + 1.5) < 1.0  # where nothing moves
    assert float(some[away].mean()) < 0.3 * float(every[away].mean())


def test_fast_frequencies_are_left_out_on_both_sides() -> None:
    time = np.arange(600) / RATE
    csi = path(1.0, time)
    whole = doppler_spectrogram(csi, time=time, frequency=FREQUENCY)
    slow = doppler_spectrogram(csi, time=time, frequency=FREQUENCY, max_speed=3.0)
    assert slow.doppler.values == pytest.approx(-slow.doppler.values[::-1])
    assert float(abs(slow.path_velocity).max()) <= 3.0 < float(abs(slow.path_velocity).max()) + 0.3
    xr.testing.assert_allclose(slow, whole.sel(doppler=slow.doppler))
    with pytest.raises(InputError, match="max_speed"):
        doppler_spectrogram(csi, time=time, frequency=FREQUENCY, max_speed=0.01)


def test_cube_and_combination_must_fit() -> None:
    time = np.arange(600) / RATE
    for wrong in ({"cube": True}, {"combine": "coherent"}, {"combine": "resolved", "antennas": (2, 2)}):
        with pytest.raises(InputError, match=r"cube|combine|antennas"):
            doppler_spectrogram(path(1.0, time), time=time, frequency=FREQUENCY, **wrong)
