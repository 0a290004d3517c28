"""Simulated CSI through a Nexmon file: what our reader and csiread give back."""

from __future__ import annotations

import struct
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from isacsim import InputError, read_capture, simulate
from isacsim.capture.formats.nexmon_writer import write_nexmon
from isacsim.capture.netcdf import load_capture, save_capture
from isacsim.cli import app

# What csiread reads, by itself: its C code may crash.
CSIREAD = """
import sys
import csiread, numpy as np
data = csiread.Nexmon(sys.argv[1], chip="43455c0", bw=int(sys.argv[2]), if_report=False)
data.read()
np.savez(sys.argv[3], csi=data.csi, core=data.core, spatial=data.spatial, seq=data.seq, sec=data.sec, usec=data.usec)
"""


def by_csiread(path, bandwidth, folder):
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-c",
        CSIREAD,
        str(path),
        str(bandwidth),
        str(folder / "got.npz"),
    ]
    subprocess.run(command, check=True, timeout=60)
    with np.load(folder / "got.npz") as got:
        return dict(got)


def made(n=64, packets=5, receivers=2, *, seed=0, carrier=5.805e9, scale=1.0, time=None):
    """Random CSI on the grid of a channel."""
    rng = np.random.default_rng(seed)
    parts = rng.normal(size=(2, receivers, n, packets))
    return xr.Dataset(
        {
            "csi": (
                ("receiver", "subcarrier", "packet"),
                (scale * (parts[0] + 1j * parts[1])).astype(np.complex64),
            )
        },
        coords={
            "frequency": ("subcarrier", carrier + 312.5e3 * (np.arange(n) - n // 2)),
            "time": ("packet", 1e-3 * np.arange(packets) if time is None else time),
        },
        attrs={"phase_sign": -1},
    )


def near(got, want, step):
    """Each part within half a step, and what float32 adds."""
    error = got - want
    return max(np.abs(error.real).max(), np.abs(error.imag).max()) <= 0.5 * step * (1 + 1e-2)


@pytest.fixture(scope="module")
def capture(make_scenario):
    """Two receivers, 80 MHz, all impairments of time."""
    radio = {"subcarriers": 256, "carrier_hz": 5.805e9, "packets": 300}
    impairments = {
        "noise": True,
        "jitter": {"std_us": 30.0},
        "loss": {"fraction": 0.1, "mean_burst_packets": 2},
    }
    return simulate(make_scenario(radio=radio, impairments=impairments), seed=1)


def test_our_reader(capture, tmp_path):
    written = write_nexmon(capture, tmp_path / "s.pcap")
    back = read_capture(tmp_path / "s.pcap")
    assert near(written.step * back.csi.values, capture.csi.values, written.step)
    np.testing.assert_array_equal(back.frequency, capture.frequency)
    np.testing.assert_allclose(back.time, capture.time - capture.time[0], atol=0.501e-6)
    assert np.ptp(np.diff(capture.time)) > 1e-4  # it is no plain grid
    assert list(back.rx_element) == [0, 1] and list(back.tx_element) == [0, 0]
    assert (back.attrs["chip"], back.attrs["carrier"], back.attrs["bandwidth"]) == ("43455c0", 5.805e9, 80e6)
    assert back.attrs["warnings"] == ""
    assert int(back.valid.sum()) == 242
    assert -100 < written.error_db < -75
    error = np.abs(written.step * back.csi.values - capture.csi.values) ** 2
    measured = 10 * np.log10(error.mean() / np.mean(np.abs(capture.csi.values) ** 2))
    assert measured == pytest.approx(written.error_db, abs=0.1)


@pytest.mark.parametrize("n", [64, 128, 256])
def test_csiread(tmp_path, n):
    capture = made(n=n, packets=7, receivers=5)
    written = write_nexmon(capture, tmp_path / "s.pcap")
    got = by_csiread(tmp_path / "s.pcap", 20 * n // 64, tmp_path)
    assert got["csi"].shape == (35, n)
    np.testing.assert_array_equal(got["core"].reshape(7, 5), [[0, 0, 1, 1, 2]] * 7)
    np.testing.assert_array_equal(got["spatial"].reshape(7, 5), [[0, 1, 0, 1, 0]] * 7)
    np.testing.assert_array_equal(got["sec"] * 10**6 + got["usec"], np.repeat(1000 * np.arange(7), 5))
    csi = np.fft.fftshift(got["csi"], axes=1).reshape(7, 5, n).transpose(1, 2, 0)
    assert near(written.step * csi, capture.csi.values, written.step)


def test_csiread_reads_a_simulated_capture(capture, tmp_path):
    written = write_nexmon(capture, tmp_path / "s.pcap")
    got = by_csiread(tmp_path / "s.pcap", 80, tmp_path)
    csi = np.fft.fftshift(got["csi"], axes=1).reshape(-1, 2, 256).transpose(1, 2, 0)
    assert near(written.step * csi, capture.csi.values, written.step)


# One file for all examples: each is written whole.
@settings(max_examples=25, deadline=None)
@given(
    n=st.sampled_from([64, 128, 256]),
    packets=st.integers(2, 8),
    receivers=st.integers(1, 16),
    seed=st.integers(0, 99),
    exponent=st.integers(-12, 12),
    carrier=st.sampled_from([2.412e9, 2.472e9, 2.484e9, 5.18e9, 5.775e9, 5.98e9]),
    gaps=st.lists(st.integers(1, 10**7), min_size=7, max_size=7),
)
def test_any_capture_comes_back(tmp_path_factory, n, packets, receivers, seed, exponent, carrier, gaps):
    path = tmp_path_factory.getbasetemp() / "any.pcap"
    time = 1e-6 * np.cumsum([0, *gaps[: packets - 1]]) - 1.0
    capture = made(n, packets, receivers, seed=seed, carrier=carrier, scale=10.0**exponent, time=time)
    written = write_nexmon(capture, path, overwrite=True)
    back = read_capture(path)
    assert near(written.step * back.csi.values.astype(np.complex128), capture.csi.values, written.step)
    np.testing.assert_allclose(back.time, time - time[0], atol=1e-9)
    np.testing.assert_allclose(back.frequency, capture.frequency, atol=1e-3)


def test_long_captures_repeat_sequence_numbers(tmp_path):
    capture = made(packets=4100, receivers=1)
    written = write_nexmon(capture, tmp_path / "s.pcap")
    assert near(written.step * read_capture(tmp_path / "s.pcap").csi.values, capture.csi.values, written.step)


def test_phase_sign_and_order_of_subcarriers(tmp_path):
    capture = made()
    write_nexmon(capture, tmp_path / "a.pcap")
    turned = capture.isel(subcarrier=slice(None, None, -1)).assign(csi=capture.csi.conj()[:, ::-1])
    turned.attrs["phase_sign"] = 1
    write_nexmon(turned, tmp_path / "b.pcap")
    assert (tmp_path / "a.pcap").read_bytes() == (tmp_path / "b.pcap").read_bytes()


def test_headers_have_valid_checksums(tmp_path):
    write_nexmon(made(), tmp_path / "s.pcap")
    header = (tmp_path / "s.pcap").read_bytes()[24 + 16 + 14 :][:20]
    total = sum(struct.unpack(">10H", header))
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c.isel(subcarrier=slice(0, 30)), "30 subcarriers; Nexmon CSI has all 64, 128 or 256"),
        (lambda c: c.assign_coords(frequency=2 * c.frequency - 5.805e9), "625000 Hz apart on average"),
        (
            lambda c: c.assign_coords(frequency=c.frequency + 1e6),
            "carrier 5806000000 Hz is not a Wi-Fi channel",
        ),
        (lambda c: c.assign_coords(time=1e-7 * c.time / 1e-3), "packet 1 comes 1e-07 s after"),
        (lambda c: c.assign(csi=0 * c.csi), "zero throughout"),
        (lambda c: c.assign(csi=c.csi * np.nan), "NaN or infinity"),
        (lambda c: xr.concat([c] * 9, "receiver", data_vars="minimal"), "1 to 16 receivers"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(tmp_path, change, says):
    with pytest.raises(InputError, match=says):
        write_nexmon(change(made()), tmp_path / "s.pcap")
    assert not list(tmp_path.iterdir())


def test_command(capture, tmp_path):
    save_capture(capture, tmp_path / "s.nc")
    run = CliRunner().invoke
    result = run(app, ["export", str(tmp_path / "s.nc"), "-o", str(tmp_path / "s.pcap")])
    assert result.exit_code == 0
    step = float(result.output.split("CSI = ")[1].split()[0])
    back = read_capture(tmp_path / "s.pcap")
    assert near(step * back.csi.values, load_capture(tmp_path / "s.nc").csi.values, 1.01 * step)
    result = run(app, ["export", str(tmp_path / "s.nc"), "-o", str(tmp_path / "s.mat")])
    assert result.exit_code == 2 and "a capture becomes .pcap" in " ".join(result.output.split())
