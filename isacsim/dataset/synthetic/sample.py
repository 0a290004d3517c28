"""One capture to its three spectra: noisy, noiseless, clean (method.md section 3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim.channel.paths import uniform_spacing
from isacsim.conditioning.conditioning import condition, reference_factor
from isacsim.csi import CsiArray
from isacsim.errors import InputError
from isacsim.scenario.model import Scenario
from isacsim.schema import DATASET, STREAM, attributes
from isacsim.simulation.realisation import Realisation
from isacsim.simulation.reception import Received
from isacsim.simulation.truth import realisation_of
from isacsim.spectrum.aj import labelled
from isacsim.spectrum.lag_product import unit_exponent
from isacsim.spectrum.plan import LagProducts, SpectrumPlan
from isacsim.spectrum.resolved import CellProducts, rows_of_self_terms
from isacsim.spectrum.self_terms import self_products
from isacsim.spectrum.settings import SpectrumSettings

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Conditioned", "SampleWindow", "sample_spectra", "spectrum_settings"]


def spectrum_settings(scenario: Scenario) -> dict[str, Any]:
    """Arguments of :func:`isacsim.aj_spectrum` that a scenario asks for."""
    arrays = {"antennas": scenario.radio.antennas} if scenario.spectrum.combine == "resolved" else {}
    return scenario.spectrum.settings | arrays


@dataclass(frozen=True, eq=False)
class Conditioned:
    """A simulated capture's CSI, ready for spectra."""

    csi: NDArray[np.complex64]
    """(receiver, subcarrier, packet), uniform in time; surveillance receivers, of arrays each pair of elements."""
    time: NDArray[np.float64]
    receivers: list[int]
    """Indices of these among the radio's streams."""
    reference: int
    """Stream that the signal went through, -1 for none."""
    done: str

    @classmethod
    def of(cls, scenario: Scenario, capture: xr.Dataset) -> Conditioned:
        """Condition a capture as the scenario says."""
        radio = scenario.radio
        roles = [r.role for r in radio.receivers]
        broken = bool(capture.attrs["shared_phase_error"])
        paired = "reference" in roles or (len(roles) > 1 and broken and not radio.has_arrays)
        how: Any = scenario.spectrum.reference if paired else "auto"
        turned = "chain_turned" in capture and bool(capture["chain_turned"].values.any())
        if radio.has_arrays and not paired and (broken or turned):
            how = "array"
        csi = condition(capture, reference=how).transpose("receiver", "subcarrier", "packet")
        names = [str(n) for n in capture.coords["receiver"].values]
        return cls(
            np.ascontiguousarray(csi.values),
            csi.coords["time"].values,
            [names.index(str(n)) for n in csi.coords["receiver"].values],
            int(csi.attrs["reference"]),
            str(csi.attrs["conditioning"]),
        )

    @classmethod
    def of_received(cls, received: Received) -> Conditioned:
        """The same of a capture that no one wants to see; shorter where there is nothing to do."""
        radio = received.realisation.scenario.radio
        if received.plain and "reference" not in {r.role for r in radio.receivers} and received.nominal:
            return cls(received.csi, received.time, list(range(len(received.csi))), -1, "none")
        return cls.of(received.realisation.scenario, received.bare_capture())


class SampleWindow:
    """Settings that the samples of a scenario share, and the window of the packets that the radio means to send."""

    def __init__(self, scenario: Scenario) -> None:
        self.settings = SpectrumSettings(**spectrum_settings(scenario))
        self.pairs = 1 if self.settings.antennas is None else math.prod(self.settings.antennas)
        self.frequency = scenario.radio.frequency_hz
        self.time = scenario.radio.time_s
        self.spacing = uniform_spacing(self.frequency)
        self.window = self._window(self.time)

    def _window(self, time: NDArray[np.float64]) -> SpectrumPlan:
        nothing = np.empty((0, self.frequency.size, time.size), np.complex64)
        return SpectrumPlan.of(CsiArray(nothing, time, self.frequency, -1, (), {}), self.settings)

    def images(self, streams: list[int]) -> list[int]:
        """Streams that stand for the images that are made of some: each, or the first of each array."""
        if len(streams) % self.pairs:
            raise InputError(
                f"combine='resolved' takes all {self.pairs} pairs of elements of each receiver, but conditioning left "
                f"{len(streams)} streams; leave spectrum.reference out."
            )
        return streams[:: self.pairs]

    def _by_image(self, csi: NDArray[np.complex64]) -> NDArray[np.complex64]:
        return csi.reshape(-1, self.pairs, *csi.shape[1:])

    def rows(
        self,
        drawn: Realisation,
        noisy: Conditioned,
        undamaged: NDArray[np.complex64] | None,
        kinds: Sequence[str] = ("noisy", "noiseless", "clean"),
    ) -> dict[str, LagProducts | CellProducts]:
        """Lag products of the spectra of a simulated capture, by kind, a row for each surveillance receiver.

        Parameters
        ----------
        drawn : Realisation
            What the capture was made of.
        noisy : Conditioned
            What was received.
        undamaged : numpy.ndarray, complex64, shape (receiver, subcarrier, packet)
            All receivers' paths and static part without noise and impairments on the nominal packets; for "noiseless".
        kinds : sequence of str
            Which.
        """
        made: dict[str, LagProducts | CellProducts] = {}
        if "noisy" in kinds:
            window = self.window if np.array_equal(noisy.time, self.time) else self._window(noisy.time)
            made["noisy"] = window.rows(self._by_image(noisy.csi))
        if "noiseless" in kinds:
            assert undamaged is not None
            made["noiseless"] = self.window.rows(self._by_image(self.noiseless(drawn, noisy, undamaged)))
        if "clean" in kinds:
            made["clean"] = self._clean(drawn, self.images(noisy.receivers), noisy.reference)
        return made

    def noiseless(
        self, drawn: Realisation, noisy: Conditioned, undamaged: NDArray[np.complex64]
    ) -> NDArray[np.complex64]:
        """Undamaged CSI of the streams kept, through the reference that the noisy one went through; see `rows`."""
        clean = undamaged
        if len(noisy.receivers) < len(undamaged):
            clean = undamaged[noisy.receivers]
        if noisy.reference >= 0:
            factor = reference_factor(undamaged[noisy.reference], ratio=_ratio(drawn))
            clean = np.asarray(clean * factor, np.complex64)
        return clean

    def reference_factor(self, drawn: Realisation, reference: int) -> NDArray[np.complex64]:
        """Factor by which conditioning with a reference multiplies a single path: (subcarrier, 1)."""
        if reference < 0:
            return np.ones((self.frequency.size, 1), np.complex64)
        static = drawn.static[reference][:, np.newaxis].astype(np.complex64)
        return reference_factor(static, ratio=_ratio(drawn))

    def _clean(self, drawn: Realisation, kept: list[int], reference: int) -> LagProducts | CellProducts:
        """Self-terms of the target paths, each received as the conditioned signal was."""
        factor = self.reference_factor(drawn, reference)
        if self.settings.combine == "resolved":
            return self._clean_resolved(drawn, drawn.receivers_of(kept), factor)
        if self.settings.combine != "coherent" or self.spacing is None:
            paths = drawn.each_path(self.time)[kept] * factor
            if drawn.n_targets == 0:
                # A silent path stands for none: its spectrum is zero.
                paths = np.zeros((len(kept), 1, *paths.shape[2:]), np.complex64)
            return self.window.self_terms(np.ascontiguousarray(paths, np.complex64))
        grid = self.window.grid
        targets = np.flatnonzero(drawn.target >= 0)
        length = drawn.stream_lengths(self.time, kept)[:, targets]
        amplitude = drawn.received_amplitude[drawn.receivers_of(kept)][:, targets]
        weight = np.abs(factor[:, 0].astype(np.complex128)) ** 2
        exponent = unit_exponent(amplitude.max(axis=1, initial=0.0) * np.sqrt(weight.max()))
        products = np.zeros((len(kept), 1, max(1, targets.size), grid.length), np.complex64)
        for i in range(len(kept)):
            products[i, 0, : targets.size] = self_products(
                length[i],
                amplitude[i] * np.exp2(-exponent[i]),
                self.frequency,
                2 * grid.lag,
                spacing=self.spacing,
                weight=weight,
                remove_static=self.settings.remove_static,
                phase_sign=self.window.phase_sign,
            )
        return LagProducts(self.window, (products,), exponent)

    def _clean_resolved(
        self, drawn: Realisation, receivers: list[int], factor: NDArray[np.complex64]
    ) -> CellProducts:
        """Self-terms about the arrays' centres, each path in a cell of its own and at its band's frequency alone."""
        targets = np.flatnonzero(drawn.target >= 0)
        length = drawn.path_lengths(self.time)[receivers][:, targets]
        amplitude = drawn.received_amplitude[receivers][:, targets] * np.sqrt(np.mean(np.abs(factor) ** 2))
        exponent = unit_exponent(amplitude.max(axis=1, initial=0.0))
        amplitude = amplitude * np.exp2(-exponent)[:, np.newaxis]

        def of_band(frequency: float, receiver: int) -> NDArray[np.complex64]:
            return self_products(
                length[receiver],
                amplitude[receiver],
                np.array([frequency]),
                2 * self.window.grid.lag,
                spacing=0.0,
                weight=np.ones(1),
                remove_static=self.settings.remove_static,
                phase_sign=self.window.phase_sign,
            )

        return rows_of_self_terms(self.window, of_band, amplitude, exponent)


def _ratio(drawn: Realisation) -> bool:
    return drawn.scenario.spectrum.reference == "ratio"


def sample_spectra(capture: xr.Dataset) -> xr.Dataset:
    """Noisy, noiseless and clean spectrum of one simulated capture.

    Parameters
    ----------
    capture : xarray.Dataset
        From :func:`isacsim.simulate`.

    Returns
    -------
    xarray.Dataset
        float32, dims (receiver, [delay,] acceleration, jerk), over the surveillance receivers. ``aj_noisy`` is from
        the CSI as received, conditioned. ``aj_noiseless`` is from the same paths (movers too) and static part without
        noise and impairments on the nominal packets. ``aj_clean`` is from the targets' self-terms alone. Each path is
        taken as the receiver would get it (times the conjugate static part of the reference, or over it) after static
        removal. Zeros where there is no target.

    Raises
    ------
    InputError
        If the capture was not simulated.
    """
    import xarray as xr

    drawn = realisation_of(capture)
    noisy = Conditioned.of(drawn.scenario, capture)
    window = SampleWindow(drawn.scenario)
    nominal = np.array_equal(capture["time"].values, window.time)
    undamaged = capture["csi_noiseless"].values if nominal else drawn.noiseless_csi(window.time)
    rows = window.rows(drawn, noisy, undamaged)
    images = window.images(noisy.receivers)
    coords = {n: capture.coords[n].isel(receiver=images) for n in STREAM}
    if window.pairs > 1:
        coords["receiver"] = coords["receiver"].copy(data=drawn.names_of(images))
    made = {}
    for kind in ("noisy", "noiseless", "clean"):
        one = labelled(rows[kind], {"receiver": len(images)}, coords)
        made[f"aj_{kind}"] = one.assign_attrs(attributes(DATASET[f"aj_{kind}"]))
    return xr.Dataset(made, attrs={"conditioning": noisy.done})
