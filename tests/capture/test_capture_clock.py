"""The clock of a capture: standing still, wrapped, set anew, single wrong times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isacsim.capture import read_capture
from isacsim.capture.clock import longest_session, strictly_increasing, unwrap
from isacsim.errors import CaptureError, InputError
from tests.capture.capture_files import (
    esp32_row,
    integers,
    intel_file,
)


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
        read_capture(path, carrier=5.2e9 if name == "intel5300" else None)
    capture = read_capture(path, carrier=5.2e9 if name == "intel5300" else None, packet_rate=200)
    np.testing.assert_allclose(capture.time, np.arange(8) / 200)
    assert "as if no packet were lost" in capture.attrs["warnings"]
    with pytest.raises(InputError, match="packet_rate"):
        read_capture(path, packet_rate=0)
