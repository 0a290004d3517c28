"""Damaged files: what is whole is kept, what is lost is named, and no file ends the process."""

from __future__ import annotations

import json
import random
import re
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest

from isacsim.capture import FORMATS, CaptureWarning, read_capture
from isacsim.capture.formats.guard import parse_guarded
from isacsim.capture.netcdf import load_capture, save_capture
from isacsim.errors import CaptureError
from tests.capture.capture_files import (
    real_capture,
    synthetic_files,
)

FILES = synthetic_files()
CARRIER = dict.fromkeys(FILES) | {"intel5300": 5.2e9}


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
    ("name", "n"),
    [(name, {"intel5300": 10, "atheros": 10, "picoscenes": 10}.get(name, 150)) for name in FORMATS],
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
