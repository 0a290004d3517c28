"""Each format's CSI but Nexmon's, number by number, against hand-made files; and against csiread on real ones."""

from __future__ import annotations

import re

import csiread
import numpy as np
import pytest

from isacsim.capture import CaptureWarning, read_capture
from isacsim.errors import CaptureError
from tests.capture.capture_files import (
    ESP32_HEADER,
    atheros_file,
    atheros_record,
    esp32_file,
    esp32_row,
    integers,
    intel_file,
    intel_record,
    picoscenes_file,
    picoscenes_frame,
    real_capture,
)


class TestIntel5300:
    @pytest.mark.parametrize(("n_rx", "n_tx"), [(3, 1), (3, 3)])
    def test_csi(self, rng, write, n_rx, n_tx):
        csi = integers(rng, 120, 5, 30, n_rx, n_tx)
        capture = read_capture(write(intel_file(csi)), carrier=5.32e9)
        np.testing.assert_array_equal(capture.csi, csi.reshape(5, 30, -1).transpose(2, 1, 0))
        np.testing.assert_allclose(np.diff(capture.time), 1e-3)
        np.testing.assert_array_equal(capture.agc, 35)
        np.testing.assert_allclose(capture.rssi, 10 * np.log10(1e4 + 1e3 + 1e2) - 44 - 35)

    def test_antennas_are_permuted_and_unused_ones_left_out(self, rng, write):
        csi = integers(rng, 120, 2, 30, 2, 1)
        data = b"".join(
            intel_record(c, 1000 * n, antenna_sel=0b0010) for n, c in enumerate(csi)
        )  # chains on C, A
        capture = read_capture(write(data), carrier=5.32e9)
        assert capture.rx_element.values.tolist() == [0, 2]
        np.testing.assert_array_equal(capture.csi, csi[:, :, ::-1, 0].transpose(2, 1, 0))

    def test_invalid_permutation_is_dropped(self, rng, write):
        csi = integers(rng, 120, 3, 30, 2, 1)
        selections = [0b0100, 0b0101, 0b0100]
        data = b"".join(intel_record(c, 1000 * n, antenna_sel=selections[n]) for n, c in enumerate(csi))
        with pytest.warns(CaptureWarning, match="dropped 1 records"):
            capture = read_capture(write(data), carrier=5.32e9)
        assert capture.sizes["packet"] == 2
        assert "invalid antenna permutation" in capture.attrs["warnings"]

    def test_40_mhz_is_seen(self, rng, write):
        data = intel_record(integers(rng, 120, 30, 3, 1), 0, rate=0x901)
        capture = read_capture(write(data), carrier=5.31e9)
        assert capture.attrs["bandwidth"] == 40e6
        assert capture.subcarrier_index.values[[0, -1]].tolist() == [-58, 58]
        with pytest.raises(CaptureError, match=r"bandwidth=2e\+07 contradicts the file"):
            read_capture(write(data), carrier=5.31e9, bandwidth=20e6)

    def test_clock_wraps(self, rng, write):
        data = intel_file(integers(rng, 120, 6, 30, 3, 1), start=2**32 - 2500)
        capture = read_capture(write(data), carrier=5.32e9)
        np.testing.assert_allclose(capture.time, 1e-3 * np.arange(6))
        assert "unwrapped" in capture.attrs["warnings"]

    def test_carrier_is_asked_for(self, rng, write):
        with pytest.raises(CaptureError, match=r"pass carrier= in Hz, e\.g\. carrier=5\.745e9"):
            read_capture(write(intel_file(integers(rng, 120, 2, 30, 3, 1))))

    def test_equals_csiread(self):
        path = real_capture("intel5300_walk_2x2.dat")
        reference = csiread.Intel(str(path), 3, 3, if_report=False)
        reference.read()
        capture = read_capture(path, carrier=5.745e9)
        for n in range(4):
            rx, tx = int(capture.rx_element[n]), int(capture.tx_element[n])
            np.testing.assert_array_equal(capture.csi[n].T, reference.csi[:, :, rx, tx])
        np.testing.assert_allclose(capture.rssi, reference.get_total_rss())


class TestAtheros:
    @pytest.mark.parametrize("order", "<>")
    @pytest.mark.parametrize("tones", [56, 114])
    def test_csi_in_either_byte_order(self, rng, write, order, tones):
        csi = integers(rng, 511, 4, tones, 3, 2)
        capture = read_capture(write(atheros_file(csi, order)))
        np.testing.assert_array_equal(capture.csi, csi.reshape(4, tones, 6).transpose(2, 1, 0))
        assert capture.attrs["carrier"] == 2437e6
        assert capture.attrs["bandwidth"] == (20e6 if tones == 56 else 40e6)
        np.testing.assert_allclose(np.diff(capture.time), 2e-3)

    def test_mixed_tones_keep_the_majority_and_empty_records_go(self, rng, write):
        narrow, wide = integers(rng, 511, 3, 56, 2, 1), integers(rng, 511, 114, 2, 1)
        data = (
            b"".join(atheros_record(c, 1000 * n, ">") for n, c in enumerate(narrow))
            + atheros_record(wide, 4000, ">")
            + atheros_record(None, 5000, ">", tones=114)
        )
        capture = read_capture(write(data))
        assert dict(capture.sizes) == {"receiver": 2, "subcarrier": 56, "packet": 3}
        assert "dropped 1 records without CSI" in capture.attrs["warnings"]
        assert "(114, 2437)" in capture.attrs["warnings"]

    def test_wrong_byte_order_inside(self, rng, write):
        csi = integers(rng, 511, 2, 56, 2, 1)
        both = write(atheros_file(csi, "<") + atheros_file(csi, ">"))
        with pytest.raises(CaptureError, match="at byte"):
            read_capture(both, strict=True)
        with pytest.warns(CaptureWarning, match="dropped 1 records"):
            capture = read_capture(both)
        np.testing.assert_array_equal(capture.csi, csi[..., 0].transpose(2, 1, 0))

    @pytest.mark.parametrize(
        ("name", "endian"), [("atheros_little_endian.dat", "little"), ("atheros_big_endian.dat", "big")]
    )
    def test_equals_csiread(self, name, endian):
        path = real_capture(name)
        reference = csiread.Atheros(str(path), 3, 3, if_report=False)
        reference.read(endian=endian)
        capture = read_capture(path)
        csi = reference.csi[reference.csi_len > 0]
        for n in range(capture.sizes["receiver"]):
            np.testing.assert_array_equal(
                capture.csi[n].T, csi[:, :, int(capture.rx_element[n]), int(capture.tx_element[n])]
            )


class TestPicoScenes:
    def test_intel(self, rng, write):
        csi = integers(rng, 120, 4, 30, 2, 1)
        capture = read_capture(write(picoscenes_file(csi)))
        np.testing.assert_array_equal(capture.csi, csi[..., 0].transpose(2, 1, 0))
        np.testing.assert_allclose(capture.time, 0.01 * np.arange(4))
        np.testing.assert_array_equal(capture.rssi, -55)
        np.testing.assert_array_equal(capture.noise, -95)

    def test_usrp_in_nanoseconds(self, rng, write):
        csi = integers(rng, 120, 4, 52, 1, 1)
        capture = read_capture(write(picoscenes_file(csi, device=0x1234)))
        np.testing.assert_array_equal(capture.csi[0], csi[..., 0, 0].T)
        np.testing.assert_allclose(capture.time, 0.01 * np.arange(4))
        assert "rssi" not in capture

    def test_nan(self, write):
        csi = np.full((4, 52, 1, 1), np.nan, np.complex64)
        with pytest.raises(CaptureError, match="NaN or infinity in the CSI of all 4 packets"):
            read_capture(write(picoscenes_file(csi, device=0x1234)))

    def test_antennas_in_common_stay(self, rng, write):
        csi = integers(rng, 120, 4, 30, 2, 1)
        data = picoscenes_file(csi) + picoscenes_frame(integers(rng, 120, 30, 3, 1), 10**7)
        capture = read_capture(write(data))
        assert dict(capture.sizes) == {"receiver": 2, "subcarrier": 30, "packet": 5}
        assert "kept (0, 0), (1, 0), which 5 of 5 packets hold" in capture.attrs["warnings"]
        np.testing.assert_array_equal(capture.csi[..., :4], csi[..., 0].transpose(2, 1, 0))

    def test_antenna_order_is_undone(self, rng, write):
        csi = integers(rng, 120, 2, 30, 3, 1)
        data = picoscenes_frame(csi[0], 0) + picoscenes_frame(csi[1], 10**4, antennas=0b000110)
        capture = read_capture(write(data))
        np.testing.assert_array_equal(capture.csi[..., 0].T, csi[0, ..., 0])
        np.testing.assert_array_equal(capture.csi[..., 1].T, csi[1, :, [2, 1, 0], 0].T)

    def test_unknown_device(self, rng, write):
        with pytest.raises(CaptureError, match=r"device 0x0404 at byte 0, expected one of 0x5300"):
            read_capture(write(picoscenes_file(integers(rng, 120, 1, 52, 1, 1), device=0x404)))

    def test_version_that_nobody_documents(self, rng, write):
        data = picoscenes_file(integers(rng, 120, 1, 30, 2, 1)).replace(b"RxSBasic\1", b"RxSBasic\7")
        with pytest.raises(CaptureError, match="RxSBasic version 7"):
            read_capture(write(data))

    @pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6])
    def test_versions_of_rxsbasic(self, rng, write, version):
        csi = integers(rng, 120, 30, 2, 1)
        data = picoscenes_frame(csi, 0, basic=version) + picoscenes_frame(csi, 10**4, basic=version)
        capture = read_capture(write(data))
        np.testing.assert_array_equal(capture.csi[..., 1].T, csi[..., 0])
        np.testing.assert_array_equal(capture.rssi, -55)
        np.testing.assert_array_equal(capture.noise, -95)
        np.testing.assert_allclose(capture.time, [0, 0.01])

    @pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6, 7])
    @pytest.mark.parametrize("device", [0x5300, 0x1234])
    def test_versions_of_csi(self, rng, write, version, device):
        csi = integers(rng, 120, 30 if device == 0x5300 else 52, 2, 2)
        capture = read_capture(write(picoscenes_frame(csi, 0, device, version=version)))
        pairs = list(zip(capture.rx_element.values, capture.tx_element.values, strict=True))
        for (rx, tx), stream in zip(pairs, capture.csi.values, strict=True):
            np.testing.assert_array_equal(stream[:, 0], csi[:, rx, tx])
        assert len(pairs) == 4

    def test_ax210_leaves_its_pilots_out(self, rng, write):
        csi = integers(rng, 120, 242, 2, 1)
        capture = read_capture(write(picoscenes_frame(csi, 0, 0x2100, version=4, packet_format=2, mhz=80)))
        np.testing.assert_array_equal(capture.csi[..., 0].T, csi[..., 0])
        index = capture.subcarrier_index.values
        assert index[[0, -1]].tolist() == [-122, 122]
        pilots = [-103, -75, -39, -11, 11, 39, 75, 103]
        assert index[~capture.valid.values].tolist() == pilots
        assert capture.attrs["chip"] == "Intel AX210"

    def test_ax210_of_160_mhz_is_refused_by_name(self, rng, write):
        frame = picoscenes_frame(
            integers(rng, 120, 1992, 2, 1), 0, 0x2100, version=4, packet_format=3, mhz=160
        )
        with pytest.raises(
            CaptureError, match=r"found Intel AX210 CSI of 160 MHz.*, expected one of 20, 40, 80 MHz"
        ):
            read_capture(write(frame))


class TestESP32:
    @pytest.mark.parametrize("header", [True, False])
    def test_csi_with_and_without_header(self, rng, write, header):
        pairs = integers(rng, 60, 5, 64)
        capture = read_capture(write(esp32_file(pairs, header=header)))
        np.testing.assert_array_equal(capture.csi[0].T, np.fft.fftshift(pairs, axes=1))
        assert capture.attrs["carrier"] == 2437e6
        np.testing.assert_array_equal(capture.rssi, -60)
        valid = capture.subcarrier_index.values[capture.valid.values]
        np.testing.assert_array_equal(valid, np.r_[-26:0, 2:27])  # 0 and 1: the invalid first word

    def test_secondary_channel_changes_the_order(self, rng, write):
        pairs = integers(rng, 60, 3, 64)
        rows = "\n".join(esp32_row(p, 1000 * n, secondary=1) for n, p in enumerate(pairs))
        capture = read_capture(write(rows.encode()))
        np.testing.assert_array_equal(capture.csi[0].T, pairs)
        np.testing.assert_array_equal(capture.subcarrier_index, np.arange(-32, 32))

    @pytest.mark.parametrize(("secondary", "carrier"), [(1, 2447e6), (2, 2427e6)])
    def test_40_mhz_training_field(self, rng, write, secondary, carrier):
        pairs = integers(rng, 60, 3, 192)
        rows = "\n".join(esp32_row(p, 1000 * n, secondary=secondary, wide=1) for n, p in enumerate(pairs))
        capture = read_capture(write(rows.encode()))
        np.testing.assert_array_equal(capture.csi[0].T, np.fft.fftshift(pairs[:, 64:], axes=1))
        assert capture.attrs["carrier"] == carrier
        assert capture.attrs["bandwidth"] == 40e6

    def test_other_transmitters_and_log_lines_go(self, rng, write):
        pairs = integers(rng, 60, 3, 64)
        rows = [esp32_row(p, 1000 * n) for n, p in enumerate(pairs)]
        rows += [esp32_row(pairs[0], 9000, mac="00:00:00:00:00:01"), "I (123) wifi: connected"]
        capture = read_capture(write("\n".join(rows).encode()))
        assert capture.sizes["packet"] == 3
        assert "00:00:00:00:00:01" in capture.attrs["warnings"]
        assert "skipped 1 lines" in capture.attrs["warnings"]

    def test_quoted_lists_of_esp_csi(self, rng, write):
        pairs = integers(rng, 60, 2, 64)
        rows = [esp32_row(p, 1000 * n).replace(" ]", "]") for n, p in enumerate(pairs)]
        rows = [row[: row.index("[")] + '"' + row[row.index("[") :].replace(" ", ",") + '"' for row in rows]
        capture = read_capture(write("\n".join([ESP32_HEADER, *rows]).encode()))
        np.testing.assert_array_equal(capture.csi[0].T, np.fft.fftshift(pairs, axes=1))

    def test_clock_wraps(self, rng, write):
        data = esp32_file(integers(rng, 60, 4, 64), start=2**32 - 15_000)
        np.testing.assert_allclose(read_capture(write(data)).time, 0.01 * np.arange(4))

    @pytest.mark.parametrize(
        ("edit", "match", "left"),
        [
            (lambda text: text[:-30], r"in row 4: found a CSI list that ends in .*, expected integers in \[ \]", 2),
            (lambda text: text.replace("-60,11", "x,11", 1), "in row 2: found rssi = 'x', expected an integer", 2),
            (lambda text: text.replace("AP,", "", 1), "in row 2: found 24 columns before the list, expected 25", 2),
            (lambda text: text.replace(",128,", ",384,", 1).replace("[", "[1 2 ", 1), "found 130 CSI values", 2),
            (lambda text: text.replace("-60,", "-60," * 50_000, 1), "columns before the list", 2),
            (lambda text: text.replace("[", "[" + "1 " * 200_000, 1), "CSI values", 2),
            (lambda text: re.sub(r"\[-?\d+", "[300", text, count=1), "CSI value 300", 2),
        ],
    )  # fmt: skip
    def test_malformed_rows_cost_themselves(self, rng, write, edit, match, left):
        pairs = integers(rng, 60, 3, 64)
        path = write(edit(esp32_file(pairs).decode()).encode())
        with pytest.raises(CaptureError, match="in row"):
            read_capture(path, strict=True)
        with pytest.warns(CaptureWarning, match="dropped 1 records"):
            capture = read_capture(path)
        assert re.search(match, capture.attrs["warnings"])
        assert capture.sizes["packet"] == left

    def test_a_header_without_a_needed_column(self, rng, write):
        text = esp32_file(integers(rng, 60, 3, 64)).decode().replace("local_timestamp,", "clock,", 1)
        with pytest.raises(CaptureError, match="header without local_timestamp in row 1"):
            read_capture(write(text.encode()))


@pytest.mark.parametrize(
    "name",
    [
        "intel5300_1khz_3x1.dat",
        "intel5300_walk_2x2.dat",
        "nexmon_43455c0_80mhz_walk.pcap",
        "nexmon_4366c0_80mhz.pcap",
        "nexmon_4366c0_20mhz_3core.pcap",
    ],
)
def test_phase_falls_with_frequency(name):
    """The early FFT window delays all paths: a rising phase would mean a wrong order or phase sign."""
    capture = read_capture(real_capture(name), carrier=5.745e9 if name.startswith("intel") else None)
    used = capture.csi.values[:, capture.valid.values]
    step = np.diff(capture.subcarrier_index.values[capture.valid.values])
    product = (used[:, 1:] * used[:, :-1].conj())[:, step == np.median(step)].sum(axis=1)
    slope = np.angle(product) / np.median(step)
    assert (np.median(slope, axis=1) < -0.1).all()
