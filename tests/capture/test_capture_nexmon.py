"""Nexmon's CSI, number by number, against hand-made files; and against csiread on real ones."""

from __future__ import annotations

import csiread
import numpy as np
import pytest

from isacsim.capture import CaptureWarning, read_capture
from isacsim.errors import CaptureError
from tests.capture.capture_files import (
    integers,
    nexmon_file,
    nexmon_packet,
    nexmon_words,
    pcap_header,
    real_capture,
)


class TestNexmon:
    def test_csi(self, rng, write):
        csi = integers(rng, 1000, 5, 2, 64)
        capture = read_capture(write(nexmon_file(csi, chanspec=0x1006)))
        np.testing.assert_array_equal(capture.csi, csi.transpose(1, 2, 0))
        assert capture.attrs["chip"] == "43455c0"
        assert capture.attrs["carrier"] == 2437e6
        assert capture.rx_element.values.tolist() == [0, 1]
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
        assert capture.rx_element.values.tolist() == [0, 2]
        assert capture.tx_element.values.tolist() == [1, 1]
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
        assert "frames of several kinds (3 QoS data, 1 beacon, 1 0x1c)" in capture.attrs["warnings"]
        # Firmware that says no RSSI says no kind either.
        older = read_capture(write(nexmon_file(integers(rng, 1000, 2, 1, 64), chanspec=0x1006)))
        assert "frame_control" not in older

    def test_beacons_of_a_real_capture_come_at_their_interval(self):
        path = real_capture("nexmon_43455c0_80mhz_walk.pcap")
        capture = read_capture(path, frame_kind="beacons")
        assert "kept the 29 packets of frame_kind beacon of 343" in capture.attrs["warnings"]
        # They fill 20 MHz of the 80; the block acks, which most frames are, fill all.
        assert "-122 to -70" in capture.attrs["warnings"]
        assert (read_capture(path).frame_control == 0x94).all()
        times = capture.time.values
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
        assert capture.rx_element.values.tolist() == [0, 1, 3]
        assert "skipped 1 packets that are not" in capture.attrs["warnings"]
        assert "which 5 of 6 packets hold" in capture.attrs["warnings"]
        assert "36:62:79:74:65:73 (1)" in capture.attrs["warnings"]

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
        assert capture.rx_element.values.tolist() == [0, 2]

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
        csi = np.fft.fftshift(reference.csi, axes=1)
        # Those that fill all of the band: the beacons' upper blocks are noise.
        filled = np.median(np.abs(csi[:, 192:]), axis=1) > 0.15 * np.median(np.abs(csi[:, :64]), axis=1)
        np.testing.assert_array_equal(read_capture(path).csi[0].T, csi[filled])

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
