"""Each format's CSI, number by number, against hand-made files; and against csiread on real ones."""

from __future__ import annotations

import csiread
import numpy as np
import pytest
from capture_files import (
    ESP32_HEADER,
    atheros_file,
    atheros_record,
    esp32_file,
    esp32_row,
    integers,
    intel_file,
    intel_record,
    nexmon_file,
    nexmon_packet,
    nexmon_words,
    pcap_header,
    picoscenes_file,
    picoscenes_frame,
    real_capture,
)

from isacsim.capture import CaptureWarning, read_capture
from isacsim.errors import CaptureError


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def write(tmp_path):
    def _write(data):
        path = tmp_path / "capture"
        path.write_bytes(data)
        return path

    return _write


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
        assert capture.rx.values.tolist() == [0, 2]
        np.testing.assert_array_equal(capture.csi, csi[:, :, ::-1, 0].transpose(2, 1, 0))

    def test_invalid_permutation_is_dropped(self, rng, write):
        csi = integers(rng, 120, 3, 30, 2, 1)
        selections = [0b0100, 0b0101, 0b0100]
        data = b"".join(intel_record(c, 1000 * n, antenna_sel=selections[n]) for n, c in enumerate(csi))
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
            rx, tx = int(capture.rx[n]), int(capture.tx[n])
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
        assert "(114, 2, 1, 2437)" in capture.attrs["warnings"]

    def test_wrong_byte_order_inside(self, rng, write):
        csi = integers(rng, 511, 2, 56, 2, 1)
        with pytest.raises(CaptureError, match="at byte"):
            read_capture(write(atheros_file(csi, "<") + atheros_file(csi, ">")))

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
            np.testing.assert_array_equal(capture.csi[n].T, csi[:, :, int(capture.rx[n]), int(capture.tx[n])])


class TestNexmon:
    def test_csi(self, rng, write):
        csi = integers(rng, 1000, 5, 2, 64)
        capture = read_capture(write(nexmon_file(csi, chanspec=0x1006)))
        np.testing.assert_array_equal(capture.csi, csi.transpose(1, 2, 0))
        assert capture.attrs["chip"] == "43455c0"
        assert capture.attrs["carrier"] == 2437e6
        assert capture.rx.values.tolist() == [0, 1]
        np.testing.assert_allclose(capture.time, 0.01 * np.arange(5))
        assert "rssi" not in capture

    @pytest.mark.parametrize(
        ("chip", "floating", "shift", "limit"), [(0x03, (9, 5), 0, 255), (0x6A, (12, 6), 8, 2047)]
    )
    def test_floating_point_chips(self, rng, write, chip, floating, shift, limit):
        csi = integers(rng, limit, 3, 2, 128)
        data = pcap_header() + b"".join(
            nexmon_packet(
                nexmon_words(c, floating, exponent=-3),
                10_000 * n + 10 * core,
                chip=chip,
                chanspec=0xD826,
                sequence=n,
                core_stream=(2 * core | 1 << 3) << shift,
            )
            for n, frame in enumerate(csi)
            for core, c in enumerate(frame)
        )
        capture = read_capture(write(data))
        np.testing.assert_array_equal(capture.csi, csi.transpose(1, 2, 0) / 8)
        assert capture.rx.values.tolist() == [0, 2]
        assert capture.tx.values.tolist() == [1, 1]
        assert capture.attrs["carrier"] == 5190e6
        assert capture.attrs["bandwidth"] == 40e6

    @pytest.mark.parametrize(
        ("magic", "order", "per_second"),
        [
            (b"\xa1\xb2\xc3\xd4", ">", 10**6),
            (b"\x4d\x3c\xb2\xa1", "<", 10**9),
            (b"\xa1\xb2\x3c\x4d", ">", 10**9),
        ],
    )
    def test_pcap_variants(self, rng, write, magic, order, per_second):
        words = [nexmon_words(c, None) for c in integers(rng, 1000, 3, 64)]
        data = pcap_header(magic, order) + b"".join(
            nexmon_packet(w, 5 * per_second + n * per_second // 100, order=order, per_second=per_second,
                          chanspec=0x1006, sequence=n)
            for n, w in enumerate(words)
        )  # fmt: skip
        np.testing.assert_allclose(read_capture(write(data)).time, 0.01 * np.arange(3))

    def test_frames_without_a_sequence_number_stay_apart(self, rng, write):
        # Block acknowledgements carry none: all come with 0.
        csi = integers(rng, 1000, 4, 64)
        data = pcap_header() + b"".join(
            nexmon_packet(nexmon_words(c, None), 5_000 * n, chanspec=0x1006, sequence=0, status=b"\xc9\x94")
            for n, c in enumerate(csi)
        )
        capture = read_capture(write(data))
        assert capture.sizes["packet"] == 4
        np.testing.assert_array_equal(capture.rssi, -55)
        np.testing.assert_array_equal(capture.frame_control, 0x94)
        assert capture.attrs["warnings"] == ""

    def test_kinds_of_frames_are_told_apart_where_the_firmware_says_them(self, rng, write):
        kinds = [0x88, 0x88, 0x80, 0x88, 0x1C]
        data = pcap_header() + b"".join(
            nexmon_packet(
                nexmon_words(integers(rng, 1000, 64), None),
                5_000 * n,
                chanspec=0x1006,
                sequence=16 * n,
                status=bytes([0xC9, kind]),
            )
            for n, kind in enumerate(kinds)
        )
        capture = read_capture(write(data))
        np.testing.assert_array_equal(capture.frame_control, kinds)
        assert "frames of several kinds (3 QoS data, 1 beacons, 1 0x1c)" in capture.attrs["warnings"]
        # Firmware that says no RSSI says no kind either.
        older = read_capture(write(nexmon_file(integers(rng, 1000, 2, 1, 64), chanspec=0x1006)))
        assert "frame_control" not in older

    def test_beacons_of_a_real_capture_come_at_their_interval(self):
        capture = read_capture(real_capture("nexmon_43455c0_80mhz_walk.pcap"))
        assert "311 block acks, 29 beacons, 3 data" in capture.attrs["warnings"]
        times = capture.time.values[capture.frame_control.values == 0x80]
        assert np.median(np.diff(times)) == pytest.approx(0.1024, abs=1e-4)

    def test_incomplete_frames_and_strangers_go(self, rng, write):
        def packet(n, core, **other):
            words = nexmon_words(integers(rng, 1000, 64), None)
            return nexmon_packet(
                words, 10_000 * n + core, chanspec=0x1006, sequence=n, core_stream=core, **other
            )

        complete = b"".join(packet(n, core) for n in range(5) for core in (0, 1, 3))
        arp = b"\0" * 8 + b"\x3c\0\0\0\x3c\0\0\0" + bytes(60)
        data = pcap_header() + arp + complete + packet(5, 0) + packet(7, 0, source=b"6bytes")
        capture = read_capture(write(data))
        assert capture.sizes["packet"] == 5
        assert capture.rx.values.tolist() == [0, 1, 3]
        assert "skipped 1 packets that aren't" in capture.attrs["warnings"]
        assert "dropped 1 frames" in capture.attrs["warnings"]
        assert "dropped 1 with" in capture.attrs["warnings"]

    def test_replicated_streams(self, rng, write):
        csi = np.repeat(integers(rng, 1000, 5, 1, 64), 3, axis=1)
        csi[:, 2] *= 2
        with pytest.warns(CaptureWarning, match="replicated"):
            capture = read_capture(write(nexmon_file(csi, chanspec=0x1006)))
        assert capture.sizes["receiver"] == 1
        assert "replicated" in capture.attrs["warnings"]

    def test_dead_stream(self, rng, write):
        csi = integers(rng, 1000, 5, 3, 64)
        csi[:, 1] = 0
        with pytest.warns(CaptureWarning, match=r"stream \(rx 1, tx 0\): zero"):
            capture = read_capture(write(nexmon_file(csi, chanspec=0x1006)))
        assert capture.rx.values.tolist() == [0, 2]

    def test_dead_packet(self, rng, write):
        csi = integers(rng, 1000, 5, 2, 64)
        csi[2] = 0
        capture = read_capture(write(nexmon_file(csi, chanspec=0x1006)))
        np.testing.assert_array_equal(capture.csi, csi[[0, 1, 3, 4]].transpose(1, 2, 0))
        assert "dropped 1 packets with zero" in capture.attrs["warnings"]

    def test_20_mhz_frames_in_80_mhz_leave_most_invalid(self, rng, write):
        csi = integers(rng, 4, 9, 1, 256)
        lowest = np.abs(np.arange(256) - 32) <= 26
        csi[:, :, lowest] = integers(rng, 1000, 9, 1, 53)
        csi[:, :, [0, 128, 129]] = 30_000
        capture = read_capture(write(nexmon_file(csi)))
        index = capture.subcarrier_index.values[capture.valid.values]
        np.testing.assert_array_equal(index, np.r_[-122:-96, -95:-69])
        assert "-122 to -70" in capture.attrs["warnings"]

    @pytest.mark.parametrize(
        ("change", "match"),
        [
            ({"chip": 0x77}, r"chip 0x77 at byte 24, expected one of 0x01 \(4339\)"),
            ({"chanspec": 0x1006}, "chanspec 0x1006 with 1024 bytes"),
            ({"chanspec": 0xE001}, "chanspec 0xe001"),
        ],
    )
    def test_unknown_chip_and_wrong_bandwidth(self, rng, write, change, match):
        with pytest.raises(CaptureError, match=match):
            read_capture(write(nexmon_file(integers(rng, 1000, 2, 1, 256), **change)))

    def test_pcapng_says_what_to_do(self, write):
        with pytest.raises(CaptureError, match="editcap"):
            read_capture(write(b"\x0a\x0d\x0d\x0a" + bytes(40)))

    def test_all_zero(self, write):
        with pytest.raises(CaptureError, match="zero"):
            read_capture(write(nexmon_file(np.zeros((3, 1, 64), np.complex64), chanspec=0x1006)))

    def test_int16_equals_csiread(self):
        path = real_capture("nexmon_43455c0_80mhz_walk.pcap")
        reference = csiread.Nexmon(str(path), "43455c0", 80, if_report=False)
        reference.read()
        np.testing.assert_array_equal(read_capture(path).csi[0].T, np.fft.fftshift(reference.csi, axes=1))

    def test_floating_point_equals_csiread_up_to_its_rounding(self):
        path = real_capture("nexmon_4366c0_20mhz_3core.pcap")
        reference = csiread.Nexmon(str(path), "4366c0", 20, if_report=False)
        reference.read()
        expected = np.fft.fftshift(reference.csi, axes=1).reshape(-1, 3, 64).transpose(1, 2, 0) / 2**9
        # csiread rounds towards zero in units of 2^-9.
        assert np.abs(read_capture(path).csi.values - expected).max() < np.sqrt(2) * 2**-9

    def test_legacy_duplicate_frames_leave_their_gaps_invalid(self):
        capture = read_capture(real_capture("nexmon_43455c0_80mhz_walk.pcap"))
        index = capture.subcarrier_index.values[capture.valid.values]
        expected = [k for c in (-96, -32, 32, 96) for k in range(c - 26, c + 27) if k != c]
        np.testing.assert_array_equal(index, expected)

    def test_replicated_real_capture(self):
        with pytest.warns(CaptureWarning, match="replicated"):
            capture = read_capture(real_capture("nexmon_4339_80mhz_replicated.pcap"))
        assert capture.sizes["receiver"] == 1


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

    def test_most_common_layout_stays(self, rng, write):
        data = picoscenes_file(integers(rng, 120, 4, 30, 2, 1))
        data += picoscenes_frame(integers(rng, 120, 30, 3, 1), 10**7)
        capture = read_capture(write(data))
        assert dict(capture.sizes) == {"receiver": 2, "subcarrier": 30, "packet": 4}
        assert "dropped 1 with (30, 3, 1, 20 MHz" in capture.attrs["warnings"]

    def test_unknown_device(self, rng, write):
        with pytest.raises(CaptureError, match=r"device 0x2000 at byte 0, expected one of 0x5300"):
            read_capture(write(picoscenes_file(integers(rng, 120, 1, 52, 1, 1), device=0x2000)))

    def test_version_after_csiread(self, rng, write):
        data = picoscenes_file(integers(rng, 120, 1, 30, 2, 1)).replace(b"RxSBasic\1", b"RxSBasic\5")
        with pytest.raises(CaptureError, match="RxSBasic version 5"):
            read_capture(write(data))


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
        ("edit", "match"),
        [
            (lambda text: text[:-30], r"in row 4, expected integers in \[ \]"),
            (lambda text: text.replace("-60,11", "x,11", 1), "rssi = 'x' in row 2, expected an integer"),
            (lambda text: text.replace("AP,", "", 1), "25 columns in row 2, expected 26"),
            (
                lambda text: text.replace("local_timestamp,", "clock,", 1),
                "header without local_timestamp in row 1",
            ),
            (lambda text: text.replace(",128,", ",384,").replace("[", "[1 2 ", 1), "130 CSI values in row 2"),
        ],
    )
    def test_malformed_rows(self, rng, write, edit, match):
        text = esp32_file(integers(rng, 60, 3, 64)).decode()
        with pytest.raises(CaptureError, match=match):
            read_capture(write(edit(text).encode()))


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
