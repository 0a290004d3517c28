"""Removal of what all packets share: phase, timing and gain by the packet, then the static channel.

A packet's phase, its slope over frequency and its gain are errors that the antennas of one oscillator share. They are
found by projecting the packet on the static channel M, all antennas and subcarriers at once. What is left after
division by that projection is orthogonal to M. A phase error and a gain error move a packet along M, a timing error
along (f - f̄) M. So the moving part is kept only across both. To first order no mirror image at the negative speed is
then left. Alignment of the phase alone leaves one (about half of a path's amplitude on one antenna).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Groups", "Moving", "StaticChannel", "coherent_groups"]

Complex = NDArray[np.complex64]
Groups = tuple[tuple[int, ...], ...]

# Receivers whose phase difference keeps less than this share of its length have oscillators of their own.
_COHERENT = 0.5
# A packet of which the static channel is less than this share of the power is no measurement of this channel.
_LEAST_SHARE = 0.1
_ROUNDS = 4
_TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, eq=False)
class Moving:
    """Moving part of some packets, in units of the static channel's power."""

    values: Complex
    """Packets without errors and static part; shape (packet, channel)."""
    whole: NDArray[np.float32]
    """Magnitude with the static part, gain taken out; shape (packet, channel)."""
    usable: NDArray[np.bool_]
    """Packets that are measurements of this channel; shape (packet,)."""


def coherent_groups(csi: Complex) -> Groups:
    """Sort receivers into groups that share their phase errors.

    Parameters
    ----------
    csi : numpy.ndarray, complex64, shape (receiver, subcarrier, packet)
        Some tenths of a second are enough.
    """
    left = list(range(csi.shape[0]))
    groups = []
    while left:
        first = csi[left[0]]
        # As isacsim.conditioning.reference.phase_coherence, of one receiver with those that are left.
        cross = np.abs((csi[left] * first.conj()).sum(axis=-1))
        size = (np.abs(csi[left]) * np.abs(first)).sum(axis=-1)
        alike = np.median(cross / np.maximum(size, _TINY), axis=-1) > _COHERENT
        alike[0] = True
        groups.append(tuple(r for r, same in zip(left, alike, strict=True) if same))
        left = [r for r, same in zip(left, alike, strict=True) if not same]
    return tuple(groups)


class StaticChannel:
    """Mean channel of packets whose errors are taken out against it.

    Parameters
    ----------
    frequency : numpy.ndarray, shape (subcarrier,)
        Hz.
    groups : tuple of tuples of int
        From `coherent_groups`: receivers whose errors are the same. Each group is aligned by itself.
    aligned : bool
        Whether packets have errors to take out. Without, only the mean is subtracted.
    """

    def __init__(self, frequency: NDArray[np.float64], groups: Groups, *, aligned: bool) -> None:
        self.aligned = aligned
        self.groups = groups
        self._offset = (frequency - frequency.mean()) / max(float(np.ptp(frequency)), 1.0)
        steps = np.diff(self._offset)
        self._spacing = float(np.median(steps)) if steps.size else 0.0
        # Grouped subcarriers have a few odd steps, which would need another slope.
        self._even = np.abs(steps - self._spacing) < 0.25 * abs(self._spacing)
        self._mean: NDArray[np.complex128] | None = None
        self._weight = np.zeros(len(groups))

    @property
    def mean(self) -> NDArray[np.complex128]:
        """The channel; shape (receiver, subcarrier)."""
        assert self._mean is not None
        return self._mean

    def fit(self, csi: Complex) -> None:
        """Take the mean channel of these packets, found anew until it stands.

        Parameters
        ----------
        csi : numpy.ndarray, complex64, shape (receiver, subcarrier, packet)
        """
        # The packet of median power is the first guess.
        power = (np.abs(csi) ** 2).sum(axis=(0, 1))
        middle = int(np.argsort(power, kind="stable")[power.size // 2])
        self._mean = csi[..., middle].astype(np.complex128)
        for _ in range(_ROUNDS if self.aligned else 1):
            self._mean, self._weight = self._mean_of(csi, self._mean)

    def follow(self, csi: Complex, most: float) -> None:
        """Let further packets take part in the mean.

        Parameters
        ----------
        csi : numpy.ndarray, complex64, shape (receiver, subcarrier, packet)
        most : float
            Packets that the mean goes back, when more have come.
        """
        assert self._mean is not None
        mean, weight = self._mean_of(csi, self._mean)
        self._weight = np.minimum(self._weight + weight, most)
        for g, rows in enumerate(self.groups):
            if weight[g]:
                at = list(rows)
                self._mean[at] += (mean[at] - self._mean[at]) * min(weight[g] / self._weight[g], 1.0)

    def _mean_of(
        self, csi: Complex, against: NDArray[np.complex128]
    ) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
        """Mean channel of packets aligned to another one, and of how many packets it is in each group."""
        made, weight = against.copy(), np.zeros(len(self.groups))
        for g, rows in enumerate(self.groups):
            at = list(rows)
            if not self.aligned:
                made[at], weight[g] = csi[at].mean(axis=-1, dtype=np.complex128), csi.shape[-1]
                continue
            turned, gain, usable = self._undo(csi[at], against[at])
            if usable.any():
                # The mean in the sense of least squares: strong packets know the channel better.
                strength = float((np.abs(gain[usable]) ** 2).sum(dtype=np.float64))
                made[at] = (turned[..., usable] * gain[usable].conj()).sum(
                    axis=-1, dtype=np.complex128
                ) / strength
                weight[g] = usable.sum()
        return made, weight

    def moving(self, csi: Complex) -> Moving:
        """Take errors and static part out of packets.

        Parameters
        ----------
        csi : numpy.ndarray, complex64, shape (receiver, subcarrier, packet)
        """
        assert self._mean is not None
        n = csi.shape[-1]
        values = np.empty((n, csi.shape[0], csi.shape[1]), np.complex64)
        whole = np.empty(values.shape, np.float32)
        usable = np.ones(n, bool)
        for rows in self.groups:
            at = list(rows)
            mean = self._mean[at]
            if not self.aligned:
                left, size = csi[at] - mean.astype(np.complex64)[..., np.newaxis], np.abs(csi[at])
            else:
                turned, gain, good = self._undo(csi[at], mean)
                usable &= good
                # Of all groups together the static channel has power 1.
                scale = float(np.sqrt(len(self.groups) * max(float((np.abs(mean) ** 2).sum()), _TINY)))
                turned = (turned / np.where(good, gain, 1) / scale).astype(np.complex64)
                size = np.abs(turned)
                left = self._across(turned - (mean / scale).astype(np.complex64)[..., np.newaxis], mean)
            values[:, at] = left.transpose(2, 0, 1)
            whole[:, at] = size.transpose(2, 0, 1)
        values[~usable] = 0
        return Moving(values.reshape(n, -1), whole.reshape(n, -1), usable)

    def _undo(
        self, part: Complex, mean: NDArray[np.complex128]
    ) -> tuple[Complex, NDArray[np.complex64], NDArray[np.bool_]]:
        """Packets without slope over frequency, the factor of each, and which are measurements."""
        against = mean.conj().astype(np.complex64)[..., np.newaxis]
        if self._even.any():
            z = (part * against).sum(axis=0)
            slope = np.angle((z[1:] * z[:-1].conj())[self._even].sum(axis=0)) / self._spacing
            part = part * np.exp(-1j * self._offset[:, np.newaxis] * slope).astype(np.complex64)
        size = max(float((np.abs(mean) ** 2).sum()), _TINY)
        gain = (part * against).sum(axis=(0, 1)) / np.float32(size)
        power = (np.abs(part) ** 2).sum(axis=(0, 1))
        return part, gain, np.abs(gain) ** 2 * size > _LEAST_SHARE * np.maximum(power, _TINY)

    def _across(self, left: Complex, mean: NDArray[np.complex128]) -> Complex:
        """Take out what a timing error could have made: the component along (f - f̄) M."""
        weight = (np.abs(mean) ** 2).sum(axis=0)
        middle = float((weight * self._offset).sum() / max(float(weight.sum()), _TINY))
        along = ((self._offset - middle) * mean).astype(np.complex64)
        size = float((np.abs(along) ** 2).sum())
        if size <= 0:
            return left
        share = np.tensordot(along.conj(), left, 2) / np.float32(size)
        return np.asarray(left - along[..., np.newaxis] * share)
