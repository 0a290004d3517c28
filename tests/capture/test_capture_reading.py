"""Arguments, files that are none, the clock, and the promise that no file ends the process."""

from __future__ import annotations

import json
import os
import random
import re
import struct
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from isacsim.capture import FORMATS, CaptureWarning, read_capture
from isacsim.capture.clock import longest_session, strictly_increasing, unwrap
from isacsim.capture.formats.guard import parse_guarded
from isacsim.capture.formats.wifi import channel_frequency, occupied
from isacsim.capture.netcdf import load_capture, save_capture
from isacsim.errors import CaptureError, InputError
from tests.capture.capture_files import (
    atheros_file,
    esp32_row,
    integers,
    intel_file,
    picoscenes_file,
    real_capture,
    synthetic_files,
)

FILES = synthetic_files()
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
        ({"carrier": 5745}, "carrier=5745 is no radio frequency in Hz"),
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


@pytest.mark.parametrize("name", FILES)
def test_truncated_file_keeps_what_is_whole_and_names_the_place(tmp_path, name):
    path = tmp_path / "cut.bin"
    path.write_bytes(FILES[name][:-9])
    with pytest.raises(CaptureError, match=r"cut\.bin: found .* (at byte|in row) \d+, expected"):
        read_capture(path, carrier=CARRIER[name], strict=True)
    with pytest.warns(CaptureWarning, match="dropped 1 records"):
        capture = read_capture(path, carrier=CARRIER[name])
    assert capture.sizes["packet"] == 7
    assert re.search(r"dropped 1 \w+ (at byte|in row) \d+: found", capture.attrs["warnings"])
    (lost,) = json.loads(capture.attrs["dropped"])
    assert (lost["count"], len(lost["places"]), capture.attrs["n_dropped"]) == (1, 1, 1)


@pytest.mark.parametrize("name", FILES)
def test_losses_survive_netcdf(tmp_path, name):
    path = tmp_path / "cut.bin"
    path.write_bytes(FILES[name][:-9])
    with pytest.warns(CaptureWarning):
        capture = read_capture(path, carrier=CARRIER[name])
    save_capture(capture, tmp_path / "saved.nc")
    saved = load_capture(tmp_path / "saved.nc")
    assert saved.attrs == capture.attrs
    assert set(saved.data_vars) == set(capture.data_vars)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["garbage in front", "garbage within", "first byte"])
def test_damage_costs_what_it_hits(tmp_path, name, damage):
    data = FILES[name]
    garbage = random.Random(3).randbytes(200).replace(b"[", b"x")
    at = data.find(b"\n", len(data) // 2) + 1 if name == "esp32" else len(data) // 2
    damaged = {
        "garbage in front": garbage + data if name != "nexmon" else data[:24] + garbage + data[24:],
        "garbage within": data[:at] + garbage + b"\n" + data[at:],
        "first byte": bytes([data[0] ^ 4]) + data[1:],
    }[damage]
    path = tmp_path / "damaged.bin"
    path.write_bytes(damaged)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CaptureWarning)
        capture = read_capture(path, carrier=CARRIER[name])
    assert capture.sizes["packet"] >= 7
    assert capture.attrs["warnings"] or name == "esp32"


class TestClock:
    path = Path("capture")

    def test_repeats_and_one_wrong_time_cost_only_themselves(self):
        ticks, warnings = np.array([0, 1, 2, 2, 3, 90, 4, 5, *range(6, 30)]), []
        kept = strictly_increasing(ticks, self.path, warnings)
        np.testing.assert_array_equal(ticks[kept], np.arange(30))
        assert kept.tolist()[2] == 3
        assert warnings == [
            "dropped 1 packets that repeat another packet's timestamp",
            "dropped 1 packets whose timestamps go back",
        ]

    def test_sessions_are_not_spliced(self):
        notes = []
        longest, sessions = longest_session(np.r_[1000:1050, 20:2000], 1e-6, notes)
        assert (longest.first, longest.stop, len(sessions)) == (50, 2030, 2)
        assert "set anew at packet 50: kept the longest of 2 sessions" in notes[0]

    def test_a_leap_of_years_is_a_new_session(self):
        longest, _ = longest_session(np.r_[0:60, 10**16], 1e-6, [])
        assert (longest.first, longest.stop) == (0, 60)

    def test_single_wrong_times_make_no_session(self):
        ticks = np.arange(50)
        ticks[[0, 10, 49]] = [2000, 3000, 3]
        longest, _ = longest_session(ticks, 1e-6, [])
        assert (longest.first, longest.stop) == (0, 50)
        assert strictly_increasing(ticks, self.path, []).tolist() == [
            k for k in range(49) if k not in (0, 10)
        ]

    @pytest.mark.parametrize("ticks", [np.zeros(20), np.full(20, 4), np.repeat([1, 2], 10)])
    def test_a_clock_that_stands_still_asks_for_the_rate(self, ticks):
        with pytest.raises(CaptureError, match=r"clock stands still .* pass packet_rate= in packets/s"):
            strictly_increasing(ticks.astype(np.int64), self.path, [])

    def test_a_wrong_time_is_no_wrap(self):
        ticks = np.arange(0, 50_000, 1000)
        ticks[20] = 4_200_000_000
        unwrapped, wraps = unwrap(ticks, 2**32)
        assert wraps == 0
        np.testing.assert_array_equal(np.delete(unwrapped, 20), np.delete(ticks, 20))

    def test_sign_extended(self):
        ticks = np.arange(2**31 - 3000, 2**31 + 3000, 1000).astype(np.uint32).view(np.int32).astype(np.int64)
        unwrapped, _ = unwrap(ticks, None)
        np.testing.assert_array_equal(unwrapped, 1000 * np.arange(6))

    def test_wraps(self):
        ticks, wraps = unwrap(np.array([250, 255, 4, 200, 10], dtype=np.int64), 256)
        assert ticks.tolist() == [0, 5, 10, 206, 272]
        assert wraps == 2

    def test_64_bit_clock(self):
        ticks, wraps = unwrap(np.array([2**64 - 2, 2**64 - 1, 1], dtype=np.uint64), None)
        assert (ticks.tolist(), wraps) == ([0, 1, 3], 1)


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


class TestGuard:
    def test_crash_of_csiread_is_an_error(self):
        # What the framing check keeps from csiread: its record buffer has 1024 bytes, this record 65535.
        records = struct.pack(">HB", 0xFFFF, 0xBB) + b"\xff" * 70000
        with pytest.raises(CaptureError, match="csiread crashed"):
            parse_guarded("intel5300", records, Path("capture"), count=1)

    def test_exception_in_csiread_is_an_error(self):
        with pytest.raises(CaptureError, match=r"capture: csiread failed on this file, .*tones"):
            parse_guarded("atheros", b"", Path("capture"), count=1, tones=57, endian="little")


def _mutants(name: str, data: bytes, n: int) -> list[bytes]:
    """Deterministic damage: cuts, flips anywhere and near the front, garbage, wrong lengths, parts moved."""
    rng = random.Random(f"{name} {len(data)}")
    mutants = [data[: rng.randrange(1, len(data))] for _ in range(n)]
    for limit in [len(data)] * (n // 3) + [120] * n:
        damaged = bytearray(data)
        for _ in range(rng.choice([1, 1, 4])):
            damaged[rng.randrange(min(limit, len(data)))] = rng.randrange(256)
        mutants.append(bytes(damaged))
    for _ in range(n):  # two bytes that look like a length, at the front of a record or anywhere
        damaged = bytearray(data)
        where = rng.choice([0, 2, 4, 8, 24, 32, rng.randrange(len(data) - 4)])
        damaged[where : where + 2] = rng.choice([b"\0\0", b"\xff\xff", b"\0\1", b"\1\0", rng.randbytes(2)])
        mutants.append(bytes(damaged))
    mutants += [data[:k] + rng.randbytes(300) for k in (0, 3, 8, 11, 24, 40)]
    cut = rng.randrange(1, len(data) - 1)
    mutants += [data[cut:] + data[:cut], data[:cut] + data[cut + 1 :], data[:cut] + b"\0" + data[cut:]]
    return mutants


# csiread's formats cost a child process for each mutant that gets through the framing check.
@pytest.mark.parametrize(
    ("name", "n"), [("nexmon", 150), ("esp32", 150), ("intel5300", 10), ("atheros", 10), ("picoscenes", 10)]
)
def test_damaged_files_are_read_or_refused(tmp_path, name, n):
    path = tmp_path / "damaged"
    refused: list[str] = []
    for mutant in _mutants(name, FILES[name], n):
        path.write_bytes(mutant)
        for format_ in ("auto", name):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", CaptureWarning)
                    capture = read_capture(path, format=format_, carrier=CARRIER[name])
            except CaptureError as error:
                refused.append(str(error))
            else:
                assert (np.diff(capture.time) > 0).all()
                break
    assert refused
    assert all(str(path) in message and "\n" not in message for message in refused)


def test_a_file_of_another_format_is_refused(tmp_path):
    path = tmp_path / "capture"
    for name, data in FILES.items():
        path.write_bytes(data)
        for other in set(FORMATS) - {name}:
            with pytest.raises(CaptureError):
                read_capture(path, format=other, carrier=5.2e9)


def test_a_real_file_in_pieces_keeps_its_whole_records(tmp_path):
    data = real_capture("atheros_big_endian.dat").read_bytes()
    path = tmp_path / "piece"
    whole = read_capture(real_capture("atheros_big_endian.dat")).csi.values
    for start in (1, 2, 695, 1000):
        path.write_bytes(data[start : start + 20_000])
        with pytest.warns(CaptureWarning, match="dropped"):
            capture = read_capture(path)
        first = int(np.flatnonzero((whole == capture.csi.values[:, :, :1]).all(axis=(0, 1)))[0])
        np.testing.assert_array_equal(capture.csi, whole[:, :, first : first + capture.sizes["packet"]])


@pytest.mark.parametrize("name", ["intel5300", "esp32"])
def test_packet_rate_stands_in_for_a_clock(tmp_path, name):
    path = tmp_path / "still"
    rng = np.random.default_rng(3)
    if name == "intel5300":
        path.write_bytes(intel_file(integers(rng, 120, 8, 30, 3, 1), step=0))
    else:
        row = "\n".join(esp32_row(p, 77) for p in integers(rng, 60, 8, 64))
        path.write_text(row)
    with pytest.raises(CaptureError, match="packet_rate="):
        read_capture(path, carrier=CARRIER[name])
    capture = read_capture(path, carrier=CARRIER[name], packet_rate=200)
    np.testing.assert_allclose(capture.time, np.arange(8) / 200)
    assert "as if no packet were lost" in capture.attrs["warnings"]
    with pytest.raises(InputError, match="packet_rate"):
        read_capture(path, packet_rate=0)


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
    assert "rssi of 1 packets can't be (the first is 174 dBm" in capture.attrs["warnings"]
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
