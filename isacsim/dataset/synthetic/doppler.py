"""The Doppler spectrograms of a sample, beside its acceleration-jerk spectra: ``spectrum: {also: [doppler]}``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.constants import speed_of_light

from isacsim.dataset.synthetic.sample import Conditioned, SampleWindow
from isacsim.scenario.model import Scenario
from isacsim.schema import DATASET, DOPPLER, attributes, described
from isacsim.simulation.realisation import Realisation
from isacsim.spectrum.cells import BandCells
from isacsim.spectrum.doppler import DopplerPlan

__all__ = ["SampleDoppler", "doppler_values"]

F32 = NDArray[np.float32]


def _planned(scenario: Scenario, time: NDArray[np.float64]) -> DopplerPlan:
    radio = scenario.radio
    interval = float(time[-1] - time[0]) / (time.size - 1)
    how = scenario.spectrum.doppler(radio.packets / radio.packet_rate_hz)
    return DopplerPlan.of(time.size, interval, float(np.mean(radio.frequency_hz)), **how)


def doppler_values(scenario: Scenario) -> int:
    """Values of one spectrogram of a scenario's samples."""
    plan = _planned(scenario, scenario.radio.time_s)
    return plan.doppler.size * plan.time.size


class SampleDoppler:
    """Settings that the spectrograms of a scenario's samples share.

    Parameters
    ----------
    scenario : Scenario
        With ``doppler`` in ``spectrum.also``.
    window : SampleWindow
        Of the same scenario.
    """

    def __init__(self, scenario: Scenario, window: SampleWindow) -> None:
        self.window = window
        self.settings = window.settings
        self.scenario = scenario
        self.carrier = float(window.frequency.mean())
        self.plan = _planned(scenario, window.time)
        self.resolved = self.settings.combine == "resolved"
        self.band = BandCells(
            window.frequency,
            self.settings.antennas or (1, 1),
            self.settings.delay_window if self.resolved else None,
            -1,
            follow=False,
        )

    def images(
        self, drawn: Realisation, noisy: Conditioned, noiseless: NDArray[np.complex64]
    ) -> dict[str, F32]:
        """Spectrograms (image, doppler, time) of one capture: noisy, noiseless, clean.

        Parameters
        ----------
        drawn : Realisation
            What the capture was made of.
        noisy : Conditioned
            What was received.
        noiseless : numpy.ndarray, complex64, shape (stream, subcarrier, packet)
            The same without noise and impairments, conditioned likewise, on the nominal packets.
        """
        received = (
            self.plan if np.array_equal(noisy.time, self.window.time) else _planned(self.scenario, noisy.time)
        )
        made = self._of(received, noisy.csi)
        if received is not self.plan:
            made = self._at_nominal_times(made, noisy.time[0] + received.time)
        return {
            "noisy": made,
            "noiseless": self._of(self.plan, noiseless),
            "clean": self._clean(drawn, noisy),
        }

    def _of(self, plan: DopplerPlan, csi: NDArray[np.complex64]) -> F32:
        remove = self.settings.remove_static
        if not self.resolved:
            return plan.mean_power(csi, -1, remove_static=remove)
        pairs = csi.reshape(-1, self.window.pairs, *csi.shape[1:])
        return np.stack([plan.of_cells(self.band, one, remove_static=remove, equalise=0.0) for one in pairs])

    def _at_nominal_times(self, made: F32, time: NDArray[np.float64]) -> F32:
        """Columns where the nominal packets have theirs: the first or last packets were lost."""
        wanted = self.window.time[0] + self.plan.time
        at = np.interp(wanted, time, np.arange(time.size))
        before = np.minimum(at.astype(np.intp), max(0, time.size - 2))
        after = np.minimum(before + 1, time.size - 1)
        share = (at - before).astype(np.float32)
        return np.asarray(made[..., before] * (1 - share) + made[..., after] * share, np.float32)

    def _clean(self, drawn: Realisation, noisy: Conditioned) -> F32:
        """Power of each target's paths alone, added."""
        kept = self.window.images(noisy.receivers)
        receivers, targets = drawn.receivers_of(kept), np.flatnonzero(drawn.target >= 0)
        time = self.window.time
        length = drawn.path_lengths(time)[receivers] if self.resolved else drawn.stream_lengths(time, kept)
        factor = np.sqrt(np.mean(np.abs(self.window.reference_factor(drawn, noisy.reference)) ** 2))
        amplitude = drawn.received_amplitude[receivers][:, targets] * factor
        turns = length[:, targets] * (self.carrier / speed_of_light)
        paths = amplitude[..., np.newaxis] * np.exp(-2j * np.pi * (turns - np.round(turns)))
        if self.settings.remove_static:
            paths -= paths.mean(axis=-1, keepdims=True)
        return np.asarray(self.plan.power(paths.astype(np.complex64)).sum(axis=1), np.float32)

    def coords(self) -> dict[str, Any]:
        """Axes of the spectrograms."""
        values = {
            "doppler": self.plan.doppler,
            "path_velocity": self.plan.path_velocity,
            "time": self.window.time[0] + self.plan.time,
        }
        return {name: described(DOPPLER, name, axis) for name, axis in values.items()}

    def attrs(self, kind: str) -> dict[str, Any]:
        """Attributes of one kind of them."""
        return attributes(
            DATASET[f"doppler_{kind}"],
            carrier=self.carrier,
            window_packets=self.plan.length,
            hop_packets=self.plan.hop,
            combine="resolved" if self.resolved else "noncoherent",
        )
