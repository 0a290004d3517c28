"""Jumps of antennas by half and quarter-turns."""

from __future__ import annotations

import numpy as np
import xarray as xr

from isacsim.conditioning import choice
from isacsim.conditioning.choice import capture_coherence
from isacsim.conditioning.conditioning import condition
from isacsim.conditioning.jumps import jump_turns, undo_jumps


def _packets(rng: np.random.Generator, *, own: bool = False) -> np.ndarray:
    static = rng.standard_normal((3, 8, 1, 2)) @ [1, 1j]
    noise = 0.05 * rng.standard_normal((3, 8, 200, 2)) @ [1, 1j]
    phase = np.exp(2j * np.pi * rng.random((3 if own else 1, 1, 200)))
    return ((static + noise) * phase).astype(np.complex64)


def test_quarter_turns_of_an_antenna_are_undone() -> None:
    rng = np.random.default_rng(0)
    csi = _packets(rng)
    quarters = rng.integers(0, 4, (3, 1, 200)) * np.array([0, 1, 1])[:, None, None]
    turned = (csi * np.exp(0.5j * np.pi * quarters)).astype(np.complex64)
    fixed, count = undo_jumps(turned)
    # One constant quarter-turn an antenna cannot be known.
    left = fixed / csi
    np.testing.assert_allclose(left, np.repeat(left[..., :1], 200, axis=2), atol=1e-4)
    assert count > 200


def test_what_does_not_jump_stays() -> None:
    rng = np.random.default_rng(1)
    for csi in (_packets(rng), _packets(rng, own=True)):
        fixed, count = undo_jumps(csi)
        assert count == 0
        np.testing.assert_array_equal(fixed, csi)


def test_condition_undoes_jumps_and_says_how_many() -> None:
    rng = np.random.default_rng(2)
    csi = _packets(rng)[:2]
    quarters = rng.integers(0, 4, 200) * np.array([[0], [1]])[:, None]
    coords = {
        "time": ("packet", np.arange(200) / 1000),
        "frequency": ("subcarrier", 5e9 + 312.5e3 * np.arange(8)),
        "role": ("receiver", ["surveillance", "reference"]),
    }
    dims = ("receiver", "subcarrier", "packet")
    whole, turned = (
        condition(xr.Dataset({"csi": (dims, values)}, coords=coords))
        for values in (csi, (csi * np.exp(0.5j * np.pi * quarters)).astype(np.complex64))
    )
    ratio = turned.values / whole.values
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[..., :1], ratio.shape), atol=1e-4)
    assert "jumps" not in whole.attrs["conditioning"]
    count = 200 - int(np.bincount(quarters[1].ravel()).max())
    assert "jumps of an antenna's phase by half or quarter-turns undone" in turned.attrs["conditioning"]
    assert turned.attrs["conditioning"].split("; ")[1].split()[0] == str(count)


def test_motion_before_a_weak_static_part_is_no_jump() -> None:
    # The difference of two antennas walks to the next quarter and back, little by little: no step is a quarter-turn.
    rng = np.random.default_rng(3)
    csi = _packets(rng)[:2]
    along = np.linspace(0, 1, 200)
    turn = 0.5 * np.pi * (1 / (1 + np.exp(-(along - 0.3) * 80)) - 1 / (1 + np.exp(-(along - 0.7) * 80)))
    csi[1] *= np.exp(1j * turn).astype(np.complex64)
    fixed, count = undo_jumps(csi)
    assert count == 0
    np.testing.assert_array_equal(fixed, csi)


def test_blocks_give_the_same_as_all_packets_at_once(monkeypatch) -> None:
    rng = np.random.default_rng(3)
    csi = _packets(rng)
    csi[2] += 0.3 * (rng.standard_normal(csi[2].shape) + 1j * rng.standard_normal(csi[2].shape))
    quarters = rng.integers(0, 4, (3, 1, 200)) * np.array([0, 1, 0])[:, None, None]
    turned = (csi * np.exp(0.5j * np.pi * quarters)).astype(np.complex64)
    parts = np.split(turned, [7, 90], axis=-1)
    turns = jump_turns(lambda: parts)
    np.testing.assert_array_equal(turns, jump_turns(lambda: [turned]))
    assert (turns != 0).sum() == undo_jumps(turned)[1] > 100
    gain = rng.integers(-3, 4, 200)
    capture = xr.Dataset(
        {
            "csi": (("receiver", "subcarrier", "packet"), turned * 10 ** (gain / 20).astype(np.float32)),
            "agc_gain_db": ("packet", gain),
            "rssi": ("packet", rng.integers(-60, -50, 200)),
        }
    )
    for how in ("agc", "rssi", "none"):
        whole = capture_coherence(capture, gain=how)
        with monkeypatch.context() as smaller:
            smaller.setattr(choice, "_MOST_VALUES", 24 * 13)
            by_blocks = capture_coherence(capture, gain=how)
        np.testing.assert_allclose(by_blocks.matrix, whole.matrix, rtol=1e-5)
        np.testing.assert_allclose(by_blocks.unrest, whole.unrest, rtol=1e-4)
        assert by_blocks.pair == whole.pair == (1, 0)


def test_a_single_antenna_has_no_jumps() -> None:
    csi = _packets(np.random.default_rng(4))[:1]
    fixed, count = undo_jumps(csi)
    assert count == 0
    np.testing.assert_array_equal(fixed, csi)
