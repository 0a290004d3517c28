"""WiVelo's truth, on a made-up walk of its layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from isacsim.validation.wivelo import Walk, near_turn, path_speed, walks

from isacsim.errors import InputError


def test_walks_are_found_by_name(tmp_path: Path) -> None:
    for name in ("1-1-2-3-r1.dat", "1-1-2-3-r2.dat", "1-1-2-4-r1.dat", "12-1-2-3-r1.dat", "12-1-2-3-r2.dat"):
        (tmp_path / name).touch()
    found = walks(tmp_path, (1, 8))
    assert [(w.user, w.track, w.instance) for w in found] == [(1, 2, 3)]
    with pytest.raises(InputError, match="no walks of users 8"):
        walks(tmp_path, (8,))


@pytest.mark.parametrize("instance", [1, 2])
def test_the_path_s_speed_is_that_of_its_length(instance: int) -> None:
    walk = Walk(1, 1, instance, (Path("a"), Path("b")))
    begin, end, time = 1.0, 4.0, np.array([0.5, 2.5, 4.5])
    speed = path_speed(walk, 1, time, begin, end)
    assert np.isnan(speed[[0, 2]]).all()
    # Half of the way, at (1.8, 2.7), along y at 1 m/s, backwards where the instance is even.
    expected = 2.7 / np.hypot(1.8, 2.7) + 2.7 / np.hypot(4.2, 2.7)
    assert speed[1] == pytest.approx(expected if instance == 1 else -expected, abs=1e-3)


def test_turns_are_where_the_track_turns() -> None:
    walk = Walk(1, 3, 1, (Path("a"), Path("b")))
    # 1.8 m, then 3 m.
    near = near_turn(walk, np.array([1.0, 1.8, 3.0]), 0.0, 4.8)
    assert near.tolist() == [False, True, False]
