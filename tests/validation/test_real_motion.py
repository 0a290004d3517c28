"""Motion or none, on made-up files of the public sets' layouts."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from isacsim.validation.points import compute_points
from isacsim.validation.real_motion import best_threshold, left_out, run
from isacsim.validation.still_sets import labelled, sources

from isacsim.errors import InputError

RATE, SECONDS = 100, 12


def values(rng: np.random.Generator, *, moving: bool, indices: np.ndarray) -> np.ndarray:
    """CSI (packet, subcarrier) of 60 magnitude, whole numbers: a room, somebody in it or not."""
    time = np.arange(RATE * SECONDS)[:, np.newaxis] / RATE
    room = 40 * np.exp(-2j * np.pi * indices * 312.5e3 * 60e-9) + 20 * np.exp(
        -2j * np.pi * indices * 312.5e3 * 200e-9
    )
    csi = room + 0.7 * rng.standard_normal((time.size, indices.size, 2)) @ [1, 1j]
    if moving:
        length = 8 + rng.uniform(0.5, 1.5) * time
        csi = csi + 8 * np.exp(-2j * np.pi * (2.437e9 + indices * 312.5e3) * length / 299792458)
    return np.round(csi * np.exp(2j * np.pi * rng.random((time.size, 1))))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(3)
    for chip in ("c3", "c6"):
        upwards = chip == "c6"
        index = np.arange(-32, 32) if upwards else np.fft.fftfreq(64, 1 / 64).astype(int)
        for label in ("baseline", "movement"):
            csi = values(rng, moving=label == "movement", indices=index)
            csi[:, (np.abs(index) > 28) | (index == 0)] = 0
            pairs = np.stack([csi.imag, csi.real], axis=-1).reshape(len(csi), -1).astype(np.int8)
            at = tmp_path / label
            at.mkdir(exist_ok=True)
            np.savez(at / f"{label}_{chip}_64sc_1.npz", csi_data=pairs, duration_ms=1000.0 * SECONDS)
    return tmp_path


def test_espectre_subcarriers_go_by_frequency_in_either_order(folder: Path) -> None:
    for source in sources(folder):
        for piece in labelled(source):
            spacing = np.diff(piece.capture["frequency"].values)
            assert piece.capture.sizes["subcarrier"] == 56
            # The step over the subcarrier at 0 is twice as wide.
            assert sorted(set(spacing.round())) == [312500, 625000]
            csi = piece.capture["csi"].values[0]
            phase = np.unwrap(np.angle((csi[1:] * csi[:-1].conj()).mean(axis=-1)))
            assert np.ptp(phase) < 2


def test_amplitudes_of_sessions_are_read_by_their_header(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for session in ("part_1_data", "room2_part_1_data"):
        (tmp_path / session).mkdir()
        for label in (0, 2):
            rows = ["session_id,host_unix_us,timestamp_us,label,settling,num_subcarriers,"
                    + ",".join(f"amp_{n}" for n in range(128))]  # fmt: skip
            for n in range(60):
                amplitude = ",".join(str(v) for v in rng.integers(30, 50, 128))
                rows.append(
                    f"{session},0,{n * 100_000 + 20_000_000 * (n >= 50)},{label},{int(n < 5)},128,{amplitude}"
                )
            (tmp_path / session / f"label_{label}.csv").write_text("\n".join(rows))
    found = sources(tmp_path)
    assert [s.group for s in found] == ["part_1", "room2_part_1"]
    (still,), (moving,) = (
        [p.spans[0] for p in labelled(s._replace(files=(f,)))] for s in found[:1] for f in s.files
    )
    # Rows while the room empties are left out, and the second after the break is too short.
    assert still == (0.0, pytest.approx(4.4), False)
    assert moving[2]


def test_a_group_is_judged_by_a_threshold_that_it_had_no_part_in() -> None:
    values = np.array([1.0, 2, 3, 4, 1, 2, 3, 4, 11, 12, 13, 14])
    moving = np.tile([False, False, True, True], 3)
    group = np.repeat(["a", "b", "c"], 4)
    assert best_threshold(values[:8], moving[:8]) == 2.5
    assert left_out(values, moving, group).tolist() == [True] * 8 + [False, False, True, True]


def test_the_study_tells_motion_from_none(folder: Path, tmp_path: Path) -> None:
    compute = partial(compute_points, finished_file=tmp_path / "p.jsonl", jobs=1, progress=None)
    table = run(quick=False, seed=0, compute=compute, data=folder)
    (row,) = table["rows"]
    assert row["groups"] == 2
    assert row["windows"] == {"still": 12, "in_motion": 12}
    assert row["index"]["accuracy"] == 1.0
    assert row["untaught"]["in_motion"] == 1.0
    assert row["untaught"]["still"] >= 0.9


def test_a_folder_without_sets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of the sets har, espectre, ialr, wivelo"):
        sources(tmp_path)
