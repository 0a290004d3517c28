"""What every capture data set must be, whatever its format: one suite, on hand-made and real files."""

from __future__ import annotations

import functools
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from isacsim.capture import FORMATS, CaptureWarning, read_capture
from tests.capture.capture_files import real_capture, synthetic_files

# name: format, packets, median rate [Hz], receivers, subcarriers, carrier [MHz], bandwidth [MHz]
REAL = {
    "intel5300_1khz_3x1.dat": ("intel5300", 2998, 1000, 3, 30, 5745, 20),
    "intel5300_walk_2x2.dat": ("intel5300", 793, 100.3, 4, 30, 5745, 20),
    "intel5300_sleep_2x2.dat": ("intel5300", 1651, 100.2, 4, 30, 5745, 20),
    "nexmon_43455c0_80mhz_walk.pcap": ("nexmon", 311, 100.3, 1, 256, 5210, 80),
    "nexmon_4366c0_80mhz.pcap": ("nexmon", 293, 9.8, 1, 256, 5530, 80),
    "nexmon_4366c0_20mhz_3core.pcap": ("nexmon", 3179, 255.5, 3, 64, 2437, 20),
    "nexmon_4339_80mhz_replicated.pcap": ("nexmon", 950, 64.2, 1, 256, 5210, 80),
    "atheros_little_endian.dat": ("atheros", 401, 474.3, 6, 56, 2437, 20),
    "atheros_big_endian.dat": ("atheros", 999, 45.8, 4, 56, 2462, 20),
    "picoscenes_iwl5300.csi": ("picoscenes", 380, 9.9, 2, 30, 2417, 20),
    "picoscenes_qca9300.csi": ("picoscenes", 1000, 8064.5, 3, 56, 5200, 20),
    "picoscenes_usrpN210.csi": ("picoscenes", 68, 87.5, 1, 52, 2417, 20),
    "esp32_13rows.csv": ("esp32", 13, 357, 1, 64, 2412, 20),
    "esp32_csi_tool.csv": ("esp32", 33, 34.2, 1, 64, 2437, 20),
}


@functools.cache
def _read(path: Path) -> xr.Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CaptureWarning)
        return read_capture(path, carrier=5.745e9 if "intel5300_" in path.name else None)


@pytest.fixture(scope="session")
def synthetic_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("captures")
    for name, data in synthetic_files().items():
        # The name says nothing about the format: detection is by content.
        (folder / f"{name}_by_hand.bin").write_bytes(data)
    return folder


@pytest.fixture(params=[*FORMATS, *REAL])
def capture(request: pytest.FixtureRequest, synthetic_folder: Path) -> xr.Dataset:
    name = request.param
    path = synthetic_folder / f"{name}_by_hand.bin" if name in FORMATS else real_capture(name)
    return _read(path)


def test_schema(capture: xr.Dataset) -> None:
    assert capture.csi.dims == ("receiver", "subcarrier", "packet")
    assert capture.csi.dtype == np.complex64
    kinds = {
        "frequency": "f",
        "subcarrier_index": "i",
        "valid": "b",
        "time": "f",
        "role": "U",
        "device": "i",
        "rx_element": "i",
        "tx_element": "i",
    }
    dims = {
        "frequency": "subcarrier",
        "subcarrier_index": "subcarrier",
        "valid": "subcarrier",
        "time": "packet",
    }
    for name, kind in kinds.items():
        assert capture[name].dtype.kind == kind, name
        assert capture[name].dims == (dims.get(name, "receiver"),), name
    for name in set(capture.data_vars) - {"csi"}:
        assert capture[name].dims == ("packet",)
        assert capture[name].dtype.kind in "fU"
    assert (capture.role == "unknown").all()


def test_every_variable_has_units_and_a_name(capture: xr.Dataset) -> None:
    for name, variable in capture.variables.items():
        assert variable.attrs["units"], name
        assert variable.attrs["long_name"], name


def test_attributes(capture: xr.Dataset) -> None:
    assert capture.attrs["format"] in FORMATS
    assert capture.attrs["chip"] and capture.attrs["source"]
    assert capture.attrs["phase_sign"] == -1 and capture.attrs["phase_sign_source"] == "assumed"
    assert isinstance(capture.attrs["warnings"], str)
    assert 2.4e9 < capture.attrs["carrier"] < 6e9


def test_time_increases_from_zero(capture: xr.Dataset) -> None:
    assert capture.time.values[0] == 0
    assert (np.diff(capture.time) > 0).all()


def test_frequency_lies_in_the_channel(capture: xr.Dataset) -> None:
    offset = capture.frequency - capture.attrs["carrier"]
    assert (np.diff(capture.frequency) > 0).all()
    np.testing.assert_allclose(offset, capture.subcarrier_index * 312.5e3, atol=1e-3)
    assert (np.abs(offset) <= capture.attrs["bandwidth"] / 2).all()


def test_csi_is_finite_and_alive(capture: xr.Dataset) -> None:
    used = capture.csi.values[:, capture.valid.values]
    assert np.isfinite(used).all()
    assert (used != 0).any(axis=1).all()
    assert capture.valid.sum() >= 0.2 * capture.sizes["subcarrier"]


def test_receivers_are_different_pairs(capture: xr.Dataset) -> None:
    pairs = list(zip(capture.rx_element.values.tolist(), capture.tx_element.values.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)


def test_saves_as_netcdf(capture: xr.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "capture.h5"
    capture.to_netcdf(path, engine="h5netcdf", invalid_netcdf=True)
    with h5py.File(path) as saved:
        np.testing.assert_array_equal(saved["csi"][()], capture.csi)
        assert saved.attrs["phase_sign"] == -1


@pytest.mark.parametrize("name", REAL)
def test_real_capture_is_what_its_readme_says(name: str) -> None:
    format_, packets, rate, receivers, subcarriers, carrier, bandwidth = REAL[name]
    capture = _read(real_capture(name))
    assert capture.attrs["format"] == format_
    assert dict(capture.sizes) == {"packet": packets, "receiver": receivers, "subcarrier": subcarriers}
    assert 1 / np.median(np.diff(capture.time)) == pytest.approx(rate, rel=0.01)
    assert capture.attrs["carrier"] == carrier * 1e6
    assert capture.attrs["bandwidth"] == bandwidth * 1e6
