"""What a user may choose of a file, as argument and option: chip, antennas, transmitter. Encodings, 12-bit numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from isacsim.capture import read_capture
from isacsim.cli import app
from isacsim.dataset.real.samples import capture_dataset
from isacsim.errors import CaptureError
from tests.capture.capture_files import esp32_file, esp32_row, integers, intel_file, nexmon_file

OTHER = "02:00:00:00:00:02"


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def test_chip_says_what_a_header_does_not(tmp_path: Path) -> None:
    path = tmp_path / "capture.pcap"
    csi = integers(rng(), 255, 4, 1, 64)
    path.write_bytes(nexmon_file(csi, chip=0xDEAD, chanspec=0x1006))
    with pytest.raises(
        CaptureError, match=r"found chip 0xdead at byte 24, expected .*, or chip= that says which"
    ):
        read_capture(path)
    capture = read_capture(path, chip="43455c0")
    np.testing.assert_array_equal(capture.csi, csi.transpose(1, 2, 0))
    shown = CliRunner().invoke(app, ["capture", str(path), "--chip", "43455c0"])
    assert shown.exit_code == 0, shown.output
    refused = CliRunner().invoke(app, ["capture", str(path)])
    assert refused.exit_code == 2 and "or --chip that says which it is" in " ".join(refused.stderr.split())


def test_antennas_choose_receivers(tmp_path: Path) -> None:
    path = tmp_path / "capture.dat"
    csi = integers(rng(), 120, 40, 30, 3, 1)
    path.write_bytes(intel_file(csi))
    capture = read_capture(path, carrier=5.2e9, antennas=[0, 2])
    assert capture.rx_element.values.tolist() == [0, 2]
    whole = read_capture(path, carrier=5.2e9)
    np.testing.assert_array_equal(capture.csi, whole.csi.values[[0, 2]])
    arguments = ["capture", str(path), "--carrier", "5.2e9", "--antennas"]
    shown = CliRunner().invoke(app, [*arguments, "0,2"])
    assert shown.exit_code == 0, shown.output
    assert "rx2" in shown.output and "rx1" not in shown.output
    refused = CliRunner().invoke(app, [*arguments, "7"])
    assert refused.exit_code == 2 and "7" in refused.stderr


def test_transmitter_chooses_whose_packets(tmp_path: Path) -> None:
    path = tmp_path / "capture.csv"
    pairs = integers(rng(), 60, 80, 64)
    rows = [
        esp32_row(p, 10_000 * n, mac=OTHER if n % 2 else "02:00:00:00:00:01") for n, p in enumerate(pairs)
    ]
    path.write_text("\n".join(rows[:-1]))
    assert read_capture(path).sizes["packet"] == 40
    assert read_capture(path, transmitter=OTHER).sizes["packet"] == 39
    shown = CliRunner().invoke(app, ["capture", str(path), "--transmitter", OTHER])
    assert shown.exit_code == 0, shown.output
    assert "39" in shown.output
    refused = CliRunner().invoke(app, ["capture", str(path), "--transmitter", "02:00:00:00:00:09"])
    assert refused.exit_code == 2 and OTHER in refused.stderr


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_reads_as_utf_8(tmp_path: Path, encoding: str) -> None:
    """As PowerShell's > writes it: a byte-order mark, and CRLF."""
    text = esp32_file(integers(rng(), 60, 5, 64)).decode()
    (tmp_path / "plain.csv").write_text(text)
    mark = "\ufeff" if encoding != "utf-16" else ""
    (tmp_path / "wide.csv").write_bytes((mark + text.replace("\n", "\r\n")).encode(encoding))
    plain, wide = (read_capture(tmp_path / name) for name in ("plain.csv", "wide.csv"))
    np.testing.assert_array_equal(wide.csi, plain.csi)
    np.testing.assert_array_equal(wide.time, plain.time)


def test_numbers_of_twelve_bits(tmp_path: Path) -> None:
    """L-LTF of the C5 and C61: two bytes a number, the lower first, for every other subcarrier."""
    path = tmp_path / "capture.csv"
    numbers = rng().integers(-900, 900, (6, 52))
    bytes_ = np.stack([((numbers & 0xFF) ^ 0x80) - 0x80, numbers >> 8], axis=-1).reshape(6, -1)
    header = (
        "type,id,mac,rssi,rate,noise_floor,fft_gain,agc_gain,channel,local_timestamp,sig_len,rx_state,len,"
    )
    rows = []
    for n, values in enumerate(bytes_.tolist()):
        listed = ",".join(map(str, [*values, 0, 0]))
        rows.append(
            f'CSI_DATA,{n},1a:00:00:00:00:00,-40,11,-95,20,30,36,{10_000 * n},60,0,106,0,"[{listed}]"'
        )
    path.write_text("\n".join([header + "first_word,data", *rows]))
    capture = read_capture(path, chip="ESP32-C5")
    assert capture.subcarrier_index.values.tolist() == [*range(-26, 0, 2), *range(2, 27, 2)]
    pairs = numbers.reshape(6, 26, 2)
    np.testing.assert_array_equal(capture.csi.values[0].T, pairs[..., 1] + 1j * pairs[..., 0])


def test_a_batch_goes_on_past_a_bad_file(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.dat", tmp_path / "bad.dat"
    good.write_bytes(intel_file(integers(rng(), 120, 1100, 30, 2, 1)))
    bad.write_bytes(b"nothing that is a capture" * 10)
    with pytest.raises(CaptureError, match=r"bad\.dat"):
        capture_dataset([good, bad], carrier=5.32e9)
    made = capture_dataset([good, bad], carrier=5.32e9, skip_bad=True)
    assert set(made.source.values.tolist()) == {"good.dat"}
    ((file, why),) = json.loads(made.attrs["skipped"]).items()
    assert file.endswith("bad.dat") and "no known capture format" in why
    out = tmp_path / "real.zarr"
    arguments = ["import", str(good), str(bad), "--carrier", "5.32e9", "-o", str(out)]
    assert CliRunner().invoke(app, arguments).exit_code == 2
    shown = CliRunner().invoke(app, [*arguments, "--skip-bad"])
    assert shown.exit_code == 0, shown.output
    assert "skipped" in shown.stderr and "bad.dat" in shown.stderr
