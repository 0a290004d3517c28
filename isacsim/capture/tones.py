"""The phase rotation of wide frames' tones out of a capture.

A 40 MHz frame has its upper half multiplied by j, and an 80 MHz frame its three upper 20 MHz blocks by -1 (IEEE Std
802.11-2016, 19.3.9.11.4 and 21.3.7.5). This keeps peaks of power low. Some chips leave the rotation in their CSI, and
no file says so. It shows as a phase step that no channel has: by that angle, from one tone to the next, at that border
alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["border_turns", "undo_rotation"]


class _Rotation(NamedTuple):
    border: int
    """First subcarrier index of those that are turned."""
    angle: float
    """rad."""
    others: tuple[int, ...]
    """Further indices, at which no frame turns: a channel too uneven to tell turns there too."""
    near: float
    """rad within which turns must agree; less where fewer borders tell."""
    words: str


_ROTATIONS = {
    40e6: _Rotation(0, np.pi / 2, (-40, -20, 20, 40), 0.4, "upper half by +90 degrees"),
    80e6: _Rotation(-64, np.pi, (-96, 0, 32, 64, 96), 0.6, "three upper 20 MHz blocks by -1"),
}
# Tones on either side of a border whose phase is continued across it.
_TONES = 12


def undo_rotation(capture: xr.Dataset) -> xr.Dataset:
    """Turn rotated tones back, if all receivers show the rotation; a line of ``warnings`` says so.

    Parameters
    ----------
    capture : xarray.Dataset
        As :func:`isacsim.read_capture` gives it: 40 or 80 MHz, else it is returned as it is.
    """
    rotation = _ROTATIONS.get(float(capture.attrs.get("bandwidth", 0)))
    if rotation is None or "subcarrier_index" not in capture.coords:
        return capture
    turns = border_turns(capture, (rotation.border, *rotation.others))
    if turns is None:
        return capture
    off = np.abs(np.angle(np.exp(1j * (np.abs(turns[:, 0]) - rotation.angle))))
    # All receivers turn at the border, the median one nowhere else.
    if (
        off.max() > 1.5 * rotation.near
        or np.median(off) > rotation.near
        or (np.median(np.abs(turns[:, 1:]), axis=0) > rotation.near).any()
    ):
        return capture
    sign = 1.0 if np.median(turns[:, 0]) >= 0 else -1.0
    upper = capture.coords["subcarrier_index"].values >= rotation.border
    back = np.where(upper, np.exp(-1j * sign * rotation.angle), 1).astype(np.complex64)
    csi = capture["csi"]
    shape = [-1 if dim == "subcarrier" else 1 for dim in csi.dims]
    out = capture.assign(csi=csi.copy(data=csi.values * back.reshape(shape)))
    line = f"tone rotation undone: frames of this width are sent with their {rotation.words}"
    before = str(capture.attrs.get("warnings", ""))
    return out.assign_attrs(warnings=f"{before}\n{line}".strip(), tone_rotation=rotation.words)


def border_turns(capture: xr.Dataset, borders: tuple[int, ...]) -> NDArray[np.float64] | None:
    """Phase by which the channel jumps at each border; None where it cannot be told.

    Parameters
    ----------
    capture : xarray.Dataset
        With csi, and ``subcarrier_index`` and perhaps ``valid`` over subcarriers.
    borders : tuple of int
        Subcarrier indices, each the first of its upper side.

    Returns
    -------
    numpy.ndarray, float64, shape (receiver, border)
        rad, from -π to π: the phase above, less what the tones below continue to.
    """
    csi = capture["csi"].transpose("receiver", "subcarrier", "packet").values
    index = capture.coords["subcarrier_index"].values
    valid = capture.coords["valid"].values if "valid" in capture.coords else np.ones(index.size, bool)
    out = np.empty((len(csi), len(borders)))
    for b, border in enumerate(borders):
        below = np.flatnonzero(valid & (index < border))[-_TONES:]
        above = np.flatnonzero(valid & (index >= border))[:_TONES]
        if min(below.size, above.size) < _TONES // 2:
            return None
        for r, channel in enumerate(csi):
            out[r, b] = _turn(channel, index, below, above)
    return out


def _turn(channel: NDArray[np.complex64], index: NDArray[np.int64], below: NDArray, above: NDArray) -> float:
    """Jump of one receiver's phase; the packets' own phases cancel in products of neighbouring tones."""
    both = np.concatenate([below, above])
    step = np.diff(index[both])
    product = (channel[both[1:]] * channel[both[:-1]].conj()).sum(axis=-1)
    inner = np.ones(step.size, bool)
    inner[below.size - 1] = False
    # Slope from neighbours on either side, next to next.
    near = inner & (step == 1)
    if not near.any():
        near = inner
    slope = np.angle(product[near].sum()) / float(np.median(step[near]))
    straight = channel[both] * np.exp(-1j * slope * (index[both] - index[both[0]]))[:, np.newaxis]
    left, right = straight[: below.size], straight[below.size :]
    # What is left of the slope within each side, continued to the border by its middle tones' mean.
    cross = (right[: _TONES // 3].sum(axis=0) * left[-(_TONES // 3) :].sum(axis=0).conj()).sum()
    return float(np.angle(cross))
