"""The rotation of wide frames' tones: turned back where the channel shows it, left where it cannot be told."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from isacsim.capture.tones import undo_rotation

pytestmark = pytest.mark.numerical

_OF = {40e6: (58, 0, 1j), 80e6: (122, -64, -1)}


def channel(bandwidth: float, seed: int, *, rotated: bool, spread_ns: float = 30.0) -> xr.Dataset:
    """Three antennas, a random phase a packet, a start of the FFT that is 200 ns early."""
    edge, border, factor = _OF[bandwidth]
    rng = np.random.default_rng(seed)
    k = np.arange(-edge, edge + 1)
    delay = rng.exponential(spread_ns * 1e-9, (3, 8))
    gain = (rng.normal(size=(3, 8)) + 1j * rng.normal(size=(3, 8))) * np.exp(-delay / (2e-9 * spread_ns))
    turns = 312.5e3 * k * (delay[..., np.newaxis] + 200e-9)
    h = np.einsum("rl,rlk->rk", gain, np.exp(-2j * np.pi * turns))
    h = h * np.where(rotated & (k >= border), factor, 1)
    csi = h[..., np.newaxis] * np.exp(2j * np.pi * rng.random(40))
    csi += 0.05 * (rng.normal(size=csi.shape) + 1j * rng.normal(size=csi.shape))
    return xr.Dataset(
        {"csi": (("receiver", "subcarrier", "packet"), csi.astype(np.complex64))},
        {"subcarrier_index": ("subcarrier", k), "valid": ("subcarrier", np.abs(k) > 1)},
        {"bandwidth": bandwidth, "warnings": "before"},
    )


@pytest.mark.parametrize("bandwidth", _OF)
def test_it_is_turned_back_and_said(bandwidth: float) -> None:
    done = [undo_rotation(channel(bandwidth, seed, rotated=True)) for seed in range(20)]
    told = ["tone_rotation" in one.attrs for one in done]
    assert sum(told) >= 16
    one = next(i for i, said in enumerate(told) if said)
    expected = channel(bandwidth, one, rotated=False).csi.values
    turn = (done[one].csi.values * expected.conj()).sum(axis=-1)
    # Noise alone differs: it was turned too.
    assert turn.real.sum() > 0.99 * np.abs(turn).sum()
    assert done[one].attrs["warnings"].startswith("before\ntone rotation undone")


@pytest.mark.parametrize("bandwidth", _OF)
@pytest.mark.parametrize("spread_ns", [30.0, 100.0])
def test_what_is_not_rotated_is_left(bandwidth: float, spread_ns: float) -> None:
    wrong = 0
    for seed in range(40):
        capture = channel(bandwidth, seed, rotated=False, spread_ns=spread_ns)
        wrong += undo_rotation(capture) is not capture
    assert wrong <= 2


def test_other_widths_are_left() -> None:
    capture = channel(80e6, 0, rotated=True).assign_attrs(bandwidth=20e6)
    assert undo_rotation(capture) is capture


def test_dead_borders_tell_nothing() -> None:
    capture = channel(80e6, 0, rotated=True)
    index = capture.subcarrier_index.values
    capture["valid"] = ("subcarrier", np.abs(index + 64) > 80)
    assert undo_rotation(capture) is capture
