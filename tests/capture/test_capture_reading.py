"""Arguments, files that are none, values that can not be."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import get_args

import numpy as np
import pytest

from isacsim.capture import FORMATS, CaptureWarning, read_capture
from isacsim.capture.formats.wifi import channel_frequency, occupied
from isacsim.capture.netcdf import load_capture
from isacsim.commands.reading import OPTIONS
from isacsim.errors import CaptureError, InputError
from tests.capture.capture_files import (
    ROOT,
    atheros_file,
    esp32_row,
    integers,
    intel_file,
    picoscenes_file,
    synthetic_files,
)
from tests.fuzz.captures import splitter

FILES = synthetic_files()
# Names of the formats in texts for people.
TITLES = {
    "intel5300": "Intel 5300",
    "nexmon": "Nexmon",
    "atheros": "Atheros",
    "picoscenes": "PicoScenes",
    "esp32": "ESP32",
}
TEXTS = (
    *("README.md", "docs/real_captures.md", "isacsim/capture/__init__.py"),
    *(f"isacsim/commands/{name}.py" for name in ("capture", "import_captures", "source")),
)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_named_where_formats_are_listed(name):
    assert f'"{name}"' in read_capture.__doc__
    assert name in get_args(OPTIONS["format"].annotation)[1].help
    for file in TEXTS:
        assert TITLES[name] in (ROOT / file).read_text(encoding="utf-8"), file


@pytest.mark.parametrize("name", FORMATS)
def test_the_fuzzer_takes_the_records_of_every_format_apart(name):
    records = splitter(name)(FILES[name])
    assert len(records) >= 8 and FILES[name].endswith(b"".join(records))


CARRIER = dict.fromkeys(FILES) | {"intel5300": 5.2e9}


def test_importing_isacsim_stays_light():
    code = "import sys, isacsim; assert not {'numpy', 'xarray', 'isacsim.capture'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_missing_file_directory_and_empty_file(tmp_path):
    with pytest.raises(CaptureError, match="No such file"):
        read_capture(tmp_path / "none.dat")
    with pytest.raises(CaptureError, match="is a directory"):
        read_capture(tmp_path)
    (tmp_path / "empty.dat").touch()
    with pytest.raises(CaptureError, match=r"empty\.dat: the file is empty"):
        read_capture(tmp_path / "empty.dat")


@pytest.mark.parametrize(
    "data", [b"%PDF-1.7 something else", b"\x89PNG\r\n\x1a\n" + bytes(100), b"a", "é".encode() * 50]
)
def test_foreign_file(tmp_path, data):
    path = tmp_path / "foreign"
    path.write_bytes(data)
    with pytest.raises(CaptureError, match="no known capture format"):
        read_capture(path)
    for format_ in FORMATS:
        with pytest.raises(CaptureError):
            read_capture(path, format=format_)


@pytest.mark.parametrize(
    ("argument", "match"),
    [
        ({"format": "pcap"}, "format='pcap' is unknown; it can be 'auto', 'nexmon'"),
        ({"carrier": 5745}, "carrier=5745 is not a radio frequency in Hz"),
        ({"carrier": float("nan")}, "carrier=nan"),
        ({"bandwidth": 20}, "bandwidth=20 is no"),
        ({"phase_sign": 0}, "phase_sign=0 must be"),
    ],
)
def test_arguments_are_checked(tmp_path, argument, match):
    with pytest.raises(InputError, match=match):
        read_capture(tmp_path, **argument)


def test_arguments_against_the_file(tmp_path):
    path = tmp_path / "capture"
    path.write_bytes(FILES["nexmon"])
    with pytest.raises(CaptureError, match="contradicts the file, which says 2437000000 Hz"):
        read_capture(path, carrier=5.2e9)
    with pytest.raises(CaptureError, match="contradicts the file, which says 20000000 Hz"):
        read_capture(path, bandwidth=80e6)
    capture = read_capture(path, carrier=2.437e9, bandwidth=20e6, phase_sign=1)
    assert (capture.attrs["phase_sign"], capture.attrs["phase_sign_source"]) == (1, "argument")


class TestWifi:
    def test_channels(self):
        assert channel_frequency(14, band=2) == 2484e6
        assert channel_frequency(42, band=5) == 5210e6
        assert channel_frequency(0, band=2) is None

    @pytest.mark.parametrize(("blocks", "used"), [([0, 1, 2, 3], 242), ([2], 56), ([0, 1], 114)])
    def test_occupied(self, blocks, used):
        index = np.arange(-128, 128)
        edges = {4: (122, 2), 2: (58, 2), 1: (28, 1)}[len(blocks)]
        centre = np.mean([64 * b - 96 for b in blocks])
        inside = (np.abs(index - centre) <= edges[0]) & (np.abs(index - centre) >= edges[1])
        found = occupied(index, np.where(inside, 1000.0, 20.0), 80)
        np.testing.assert_array_equal(found, inside)
        assert found.sum() == used


def test_no_file_is_refused_before_it_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2**36)
    for path, match in [
        (tmp_path / "pipe", "a pipe"),
        ("/dev/zero", "a device"),
        (tmp_path / "sparse", "64 GiB"),
        ("a\0b", "NUL"),
    ]:
        for read in (read_capture, load_capture):
            with pytest.raises(CaptureError, match=match):
                read(path)


def test_values_that_can_not_be(tmp_path):
    rng = np.random.default_rng(4)
    path = tmp_path / "rows"
    pairs = integers(rng, 60, 5, 64)
    rows = [esp32_row(p, 1000 * n) for n, p in enumerate(pairs)]
    path.write_text("\n".join([rows[0].replace("-60,", "174,"), *rows[1:]]).replace("-95,", "-1000000000,"))
    capture = read_capture(path)
    assert np.isnan(capture.rssi.values).tolist() == [True, False, False, False, False]
    assert "noise" not in capture
    assert "rssi of 1 packets cannot be (the first is 174 dBm" in capture.attrs["warnings"]
    path.write_text("\n".join(esp32_row(pairs[0], 1000 * n) for n in range(5)))
    with pytest.warns(CaptureWarning, match="the same in all 5 packets, which no measurement is"):
        read_capture(path)
    path.write_text("\n".join(esp32_row(np.full(64, 3 + 3j), 1000 * n) for n in range(5)))
    with pytest.raises(CaptureError, match="the same number"):
        read_capture(path)


@pytest.mark.parametrize(
    "data",
    [
        intel_file(integers(np.random.default_rng(1), 120, 1, 30, 3, 1)),
        atheros_file(integers(np.random.default_rng(1), 120, 1, 56, 1, 1)),
        picoscenes_file(integers(np.random.default_rng(1), 120, 1, 30, 1, 1)),
    ],
)
def test_one_packet_is_a_capture(tmp_path, data):
    path = tmp_path / "capture"
    path.write_bytes(data)
    capture = read_capture(path, carrier=None if data[2] != 0xC1 else 5.2e9)
    assert capture.time.values.tolist() == [0.0]
