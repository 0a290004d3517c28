"""CSI windows with labels: in the encoder's form, and as the features that are usual without a network."""

from __future__ import annotations

import itertools
from typing import NamedTuple, Self

import numpy as np
import scipy.signal
import scipy.stats
from numpy.typing import ArrayLike, NDArray
from scipy.constants import speed_of_light

from dira.data.windows import Windows, joined, reduced

__all__ = ["BASELINES", "Labelled", "amplitude_statistics", "doppler_features", "power_statistics"]

F64 = NDArray[np.float64]

BASELINES = ("power", "amplitude", "doppler")
"""Sets of features: of the received power alone (RSSI), of amplitudes, of Doppler spectra."""
# Edges of the bands of a power's course, Hz; short times of the Doppler spectra, s; their bins, m/s of path length.
_RATES = (0.3, 0.8, 2.0, 5.0, 12.0)
_SHORT = 0.25
_SPEEDS = np.geomspace(0.15, 6.0, 13)


class Labelled(NamedTuple):
    """Windows with labels."""

    windows: Windows
    features: dict[str, F64]
    """(window, feature) for each of `BASELINES`."""
    labels: NDArray[np.int64]
    """Class of each window."""
    groups: NDArray[np.str_]
    """Person, session or room of each window: splits keep a group together."""

    @classmethod
    def together(cls, parts: list[Labelled]) -> Self:
        """Put several behind one another."""
        return cls(
            joined([part.windows for part in parts]),
            {name: np.concatenate([part.features[name] for part in parts]) for name in BASELINES},
            np.concatenate([part.labels for part in parts]),
            np.concatenate([part.groups for part in parts]),
        )

    @classmethod
    def of(
        cls,
        raw: ArrayLike,
        raw_time: ArrayLike,
        conditioned: ArrayLike,
        time: ArrayLike,
        frequency: ArrayLike,
        label: int,
        group: str,
        windows: Windows | None = None,
    ) -> Self:
        """Take one window.

        Parameters
        ----------
        raw : array_like, complex, shape (pair, subcarrier, packet)
            CSI as received, gain steps included.
        raw_time : array_like, shape (packet,)
            s.
        conditioned : array_like, complex, shape (pair, subcarrier, packet)
            CSI after conditioning, uniform in time.
        time : array_like, shape (packet,)
            Its times, s.
        frequency : array_like, shape (subcarrier,)
            Hz.
        label : int
            Its class.
        group : str
            Its person, session or room.
        windows : Windows, optional
            The window in the encoder's form, where its packets stay at their own times; default: of ``conditioned``.
        """
        features = {
            "power": power_statistics(raw, raw_time),
            "amplitude": amplitude_statistics(conditioned, time),
            "doppler": doppler_features(conditioned, time, frequency),
        }
        return cls(
            reduced(conditioned, time, frequency) if windows is None else windows,
            {name: values[np.newaxis] for name, values in features.items()},
            np.array([label], np.int64),
            np.array([group]),
        )

    def rows(self, which: NDArray[np.integer]) -> Labelled:
        """Take some windows, by their numbers."""
        return Labelled(
            Windows(*(part[which] for part in self.windows)),
            {name: values[which] for name, values in self.features.items()},
            self.labels[which],
            self.groups[which],
        )


def power_statistics(csi: ArrayLike, time: ArrayLike) -> F64:
    """Statistics of the received power over time, in dB: what RSSI alone says.

    Parameters
    ----------
    csi : array_like, complex, shape (pair, subcarrier, packet)
        As received.
    time : array_like, shape (packet,)
        s.
    """
    power = (np.abs(np.asarray(csi)) ** 2).mean(axis=(0, 1), dtype=np.float64)
    return _course(10 * np.log10(np.maximum(power, 1e-300)), np.asarray(time, np.float64))


def amplitude_statistics(csi: ArrayLike, time: ArrayLike) -> F64:
    """Statistics of amplitudes over time, each over its mean: their means and spreads over pairs and subcarriers.

    Parameters
    ----------
    csi : array_like, complex, shape (pair, subcarrier, packet)
        Conditioned.
    time : array_like, shape (packet,)
        s.
    """
    size = np.abs(np.asarray(csi))
    size = size.reshape(-1, size.shape[-1])
    size = size[:: max(1, len(size) // 24)]
    mean = size.mean(axis=1, keepdims=True)
    every = np.array([_course(one, np.asarray(time, np.float64)) for one in size / np.maximum(mean, 1e-300)])
    return np.concatenate([every.mean(axis=0), every.std(axis=0)])


def _course(values: F64, time: F64) -> F64:
    """Statistics of a course over time: spread, extremes, shape, steps, and power by rate of change."""
    centred = values - values.mean()
    spread = max(float(centred.std()), 1e-12)
    rate = (time.size - 1) / (time[-1] - time[0])
    frequency, density = scipy.signal.welch(centred, rate, nperseg=min(time.size, 1024))
    bands = [density[frequency < _RATES[0]].sum()]
    bands += [
        density[(frequency >= low) & (frequency < high)].sum()
        for low, high in zip(_RATES, (*_RATES[1:], np.inf), strict=True)
    ]
    quantiles = np.quantile(centred, (0.05, 0.25, 0.75, 0.95)) / spread
    return np.array(
        [
            np.log(spread),
            float((centred**3).mean()) / spread**3,
            float((centred**4).mean()) / spread**4,
            *quantiles,
            np.log(max(float(np.abs(np.diff(values)).mean()), 1e-12)),
            *np.log(np.maximum(bands, 1e-12)),
        ]
    )


def doppler_features(csi: ArrayLike, time: ArrayLike, frequency: ArrayLike) -> F64:
    """Describe a Doppler spectrogram: power by speed and sign, and how speed and power change over time.

    Parameters
    ----------
    csi : array_like, complex, shape (pair, subcarrier, packet)
        Conditioned, uniform in time, static part included.
    time : array_like, shape (packet,)
        s.
    frequency : array_like, shape (subcarrier,)
        Hz.
    """
    values, t = np.asarray(csi), np.asarray(time, np.float64)
    moving = values - values.mean(axis=-1, keepdims=True)
    moving = moving[:, :: max(1, moving.shape[1] // 8)]
    rate = (t.size - 1) / (t[-1] - t[0])
    length = min(t.size, max(16, round(_SHORT * rate)))
    shift, _, short = scipy.signal.stft(
        moving, rate, nperseg=length, return_onesided=False, boundary=None, padded=False
    )
    power = (np.abs(short) ** 2).mean(axis=(0, 1))  # (shift, time)
    speed = shift * speed_of_light / float(np.asarray(frequency, np.float64).mean())
    sizes = np.abs(speed)
    bins = []
    for sign in (-1, 1):
        for low, high in itertools.pairwise(_SPEEDS):
            of_bin = (np.sign(speed) == sign) & (sizes >= low) & (sizes < high)
            bins.append(power[of_bin].sum(axis=0) if of_bin.any() else np.zeros(power.shape[1]))
    slow = power[sizes < _SPEEDS[0]].sum(axis=0)
    table = np.array([slow, *bins])
    total = max(float(table.sum()), 1e-300)
    share = np.log(table.mean(axis=1) / total * table.shape[1] + 1e-4)
    at = np.sort(table.sum(axis=0))
    centre = (sizes[:, np.newaxis] * power).sum(axis=0) / np.maximum(power.sum(axis=0), 1e-300)
    level = 10 * np.log10(total / max(float((np.abs(values) ** 2).mean()), 1e-300))
    return np.concatenate(
        [
            share,
            np.quantile(centre, (0, 0.25, 0.5, 0.75, 1)),
            [
                centre.std(),
                np.log(at[-1] / max(at[0], 1e-300)),
                np.log(at[-1] / max(at.mean(), 1e-300)),
                level,
            ],
        ]
    )
