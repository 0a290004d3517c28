"""Ways to take a packet's phase out of one antenna's CSI, which knows no other channel than its own.

Each takes CSI (subcarrier, packet) in which every packet has a phase and a timing error of its own. It gives, without
them, what moves and the whole channel's rms. None knows the truth. A path a exp(-jψ(t)) on a static channel S leaves
its mirror image S²/|S|² a* exp(+jψ(t)) where the phase is taken from the channel itself.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isacsim.conditioning.reference import align_phase
from isacsim.conditioning.static_channel import StaticChannel

__all__ = ["METHODS", "Separated"]

Complex = NDArray[np.complexfloating]
Real = NDArray[np.float64]
Separated = tuple[Complex, float]
"""Moving part (subcarrier, packet), and the rms of the whole channel in its scale."""


def amplitude(csi: Complex, frequency: Real) -> Separated:
    """Amplitudes alone: path and image as strong as each other."""
    return np.abs(csi).astype(complex), _rms(csi)


def aligned(csi: Complex, frequency: Real) -> Separated:
    """``reference="self"``: phase and slope of each packet aligned to the mean channel (`align_phase`)."""
    made = _aligned(csi, frequency)
    return made, _rms(made)


def projection(csi: Complex, frequency: Real) -> Separated:
    """``reference="projection"`` and `isacsim.track`: a packet over its projection on the static channel."""
    static = StaticChannel(frequency, ((0,),), aligned=True)
    whole = csi[np.newaxis].astype(np.complex64)
    static.fit(whole)
    moving = static.moving(whole)
    return moving.values.T.astype(complex), float(np.sqrt((moving.whole**2).mean()))


def minimum_phase(csi: Complex, frequency: Real) -> Separated:
    """Phase from the amplitude by the Kramers-Kronig relation, as if the channel had minimum phase.

    The discrete Hilbert transform of log |H| by folding the cepstrum (Oppenheim and Schafer, Discrete-Time Signal
    Processing, section 12); the band is continued by its mirror image, so that it has no step. Right where
    one early path outweighs all others together (Mecozzi, Antonelli, Shtaif, Optica 3, 2016, of optical receivers).
    """
    log = np.log(np.maximum(np.abs(csi), 1e-6 * _rms(csi)))
    around = np.concatenate([log, log[::-1]], axis=0)
    n = around.shape[0]
    fold = np.zeros((n, 1))
    fold[0] = fold[n // 2] = 1
    # Positive delays turn the phase back over frequency.
    fold[1 : n // 2] = 2
    made = np.exp(np.fft.fft(fold * np.fft.ifft(around, axis=0), axis=0))[: log.shape[0]]
    return made, _rms(csi)


def strongest_delay(csi: Complex, frequency: Real) -> Separated:
    """Conjugate product with a copy filtered over delay: the phase of the strongest delay alone is the reference."""
    made = _aligned(csi, frequency)
    offset = frequency - frequency.mean()
    delay = np.linspace(-0.5, 0.5, 4 * offset.size) / float(np.median(np.diff(frequency)))
    mean = made.mean(axis=1)
    turn = np.exp(2j * np.pi * np.outer(delay, offset)) * np.hanning(offset.size + 2)[1:-1]
    best = turn[int(np.abs(turn @ mean).argmax())]
    return made * np.exp(-1j * np.angle(best @ made)), _rms(made)


def regularised(csi: Complex, frequency: Real) -> Separated:
    """Static part first: phase and slope from subcarriers weighed by |S|² over their unrest, not by |S|² alone."""
    made = _aligned(csi, frequency)
    offset = (frequency - frequency.mean())[:, np.newaxis]
    for _ in range(2):
        mean = made.mean(axis=1, keepdims=True)
        unrest = made.var(axis=1, keepdims=True)
        z = made * mean.conj() / np.maximum(unrest, 1e-3 * unrest.mean())
        # One step of least squares for the phase's slope over frequency.
        weight, turned = np.abs(z), z * np.exp(-1j * np.angle(z.sum(axis=0)))
        middle = (weight * offset).sum(axis=0) / weight.sum(axis=0)
        lever = offset - middle
        slope = (turned.imag * lever).sum(axis=0) / (weight * lever**2).sum(axis=0)
        made = made * np.exp(-1j * (np.angle(z.sum(axis=0)) + slope * lever))
    return made, _rms(made)


def _aligned(csi: Complex, frequency: Real) -> Complex:
    dims = ("receiver", "subcarrier", "packet")
    array = xr.DataArray(csi[np.newaxis], dims=dims, coords={"frequency": ("subcarrier", frequency)})
    return np.asarray(align_phase(array).values[0])


def _rms(values: Complex) -> float:
    return float(np.sqrt((np.abs(values) ** 2).mean()))


METHODS: dict[str, Callable[[Complex, Real], Separated]] = {
    "amplitude": amplitude,
    "self": aligned,
    "projection": projection,
    "minimum phase": minimum_phase,
    "strongest delay": strongest_delay,
    "regularised": regularised,
}
