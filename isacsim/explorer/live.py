"""Pictures of a scenario while its controls move: each stage is made anew only where its input changed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from isacsim.conditioning.conditioning import condition
from isacsim.conditioning.pairs import array_of, pairs_together, receiver_of
from isacsim.estimation.estimate import estimate_paths
from isacsim.estimation.peaks import find_peaks
from isacsim.explorer.arrays import array, numbers
from isacsim.explorer.controls import Controls, explored
from isacsim.scenario.model import Scenario
from isacsim.simulation.capture import simulate
from isacsim.simulation.truth import truth_at
from isacsim.spectrum.aj import aj_spectrum
from isacsim.spectrum.doppler import doppler_spectrogram
from isacsim.spectrum.grid import WindowResolution
from isacsim.spectrum.render import render_spectrum

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["LiveModel", "doppler_settings", "fastest_of", "reference_of", "spectrum_settings"]

_QUANTITIES = ("path_length", "velocity", "acceleration", "jerk", "amplitude")
# A column of the spectrogram holds at least so many packets; it shows all speeds up to so many times the fastest.
_FEWEST_PACKETS, _HEADROOM = 16, 1.3


class LiveModel:
    """Makes pictures, one at a time; keeps the last result of each stage.

    Attributes
    ----------
    made : collections.Counter
        How often each stage was made.
    stage : str
        The one that is being made; empty when none is.
    """

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()
        self.stage = ""
        self._kept: dict[str, tuple[Any, Any]] = {}

    def picture(self, base: Scenario, controls: Controls, *, clean: bool = False) -> dict[str, Any]:
        """Acceleration-jerk spectrum and Doppler spectrogram of what the controls say.

        Parameters
        ----------
        base : Scenario
            What the controls change.
        controls : Controls
            Their values.
        clean : bool
            Show the self-terms of the true paths in place of what was received.

        Returns
        -------
        dict
            As JSON has it: ``spectrum``, ``doppler``, ``truth``, ``peaks``, ``note``, the stages ``made`` for it and
            the ``seconds`` that they took.

        Raises
        ------
        InputError
            If the scenario cannot be simulated or has no spectrum.
        pydantic_core.ValidationError
            If the scenario cannot be so.
        """
        before, start = self.made.copy(), time.perf_counter()
        try:
            scenario, capture, key = self._captured(base, controls)
            csi = self._keep("conditioning", key, lambda: _conditioned(scenario, capture))
            key = (*key, scenario.spectrum.model_dump_json())
            spectrum = self._keep("spectrum", key, lambda: _spectrum(scenario, csi))
            truth = self._keep("truth", key, lambda: truth_at(capture, _name(csi), 0.0))
            assert truth is not None  # the capture was simulated
            doppler = self._keep("spectrogram", key, lambda: _doppler(scenario, csi, truth))
            # What it marks is always found in what was received.
            peaks = self._keep("peaks", key, lambda: find_peaks(spectrum))
            shown = spectrum
            if clean:
                shown = self._keep("self-terms", key, lambda: render_spectrum(truth, spectrum))
            note = _note(scenario, csi, spectrum)
        finally:
            self.stage = ""
        return {
            "spectrum": {
                "values": array(shown.values),
                "acceleration": numbers(shown.coords["acceleration"].values),
                "jerk": numbers(shown.coords["jerk"].values),
            },
            "doppler": {
                "values": array(doppler.values),
                "velocity": numbers(doppler.coords["path_velocity"].values),
                "frequency": numbers(doppler.coords["doppler"].values),
                "time": numbers(doppler.coords["time"].values),
            },
            "truth": _listed(truth),
            "peaks": [{"acceleration": one.acceleration, "jerk": one.jerk} for one in peaks],
            "note": note,
            "made": sorted(name for name in self.made if self.made[name] > before[name]),
            "seconds": time.perf_counter() - start,
        }

    def estimate(self, base: Scenario, controls: Controls) -> dict[str, Any]:
        """Paths that :func:`isacsim.estimate_paths` finds in what was received; all antenna pairs of a place together.

        Returns
        -------
        dict
            ``paths``: path length, velocity, acceleration, jerk and amplitude of each, None where it cannot tell;
            ``seconds`` that it took.
        """
        start = time.perf_counter()
        try:
            scenario, capture, key = self._captured(base, controls)
            paths = self._keep("estimates", key, lambda: _estimated(scenario, capture))
        finally:
            self.stage = ""
        return {"paths": _listed(paths), "seconds": time.perf_counter() - start}

    def capture(self, base: Scenario, controls: Controls) -> xr.Dataset:
        """Capture that the pictures are of."""
        try:
            return self._captured(base, controls)[1]
        finally:
            self.stage = ""

    def _captured(self, base: Scenario, controls: Controls) -> tuple[Scenario, xr.Dataset, tuple[Any, ...]]:
        scenario = explored(base, controls)[0]
        # Neither spectrum nor data set decide what is received.
        key = (scenario.model_dump_json(exclude={"spectrum", "dataset", "name", "description"}),)
        return scenario, self._keep("simulation", key, lambda: simulate(scenario)), key

    def _keep(self, stage: str, key: Any, make: Callable[[], Any]) -> Any:
        kept = self._kept.get(stage)
        if kept is not None and kept[0] == key:
            return kept[1]
        self.stage = stage
        value = make()
        self.made[stage] += 1
        self._kept[stage] = key, value
        return value


def reference_of(scenario: Scenario) -> Any:
    """Choose how :func:`isacsim.conditioning.conditioning.condition` removes the common phase of its captures."""
    has_reference = any(receiver.role == "reference" for receiver in scenario.radio.receivers)
    return scenario.spectrum.reference if has_reference else "auto"


def spectrum_settings(scenario: Scenario) -> dict[str, Any]:
    """Arguments of :func:`isacsim.aj_spectrum` that a scenario asks for, without its axes and what is default."""
    given = scenario.spectrum.settings
    usual = {"lag_ratio": 0.089, "lags": "positive", "min_lag": 0.12, "combine": "coherent"}
    left = {n: v for n, v in given.items() if n not in ("acceleration", "jerk") and usual.get(n, ...) != v}
    return left | ({"antennas": scenario.radio.antennas} if scenario.spectrum.combine == "resolved" else {})


def doppler_settings(scenario: Scenario, fastest: float) -> dict[str, Any]:
    """Arguments of :func:`isacsim.doppler_spectrogram` that show speeds up to ``fastest`` in m/s."""
    radio = scenario.radio
    duration, interval = radio.packets / radio.packet_rate_hz, 1 / radio.packet_rate_hz
    asked = scenario.spectrum.doppler(duration)
    window = min(max(asked["window_s"], _FEWEST_PACKETS * interval), duration / 2)
    speed = max(asked["max_speed"], float(np.ceil(_HEADROOM * fastest)))
    out: dict[str, Any] = {"window_s": window, "max_speed": speed}
    if scenario.spectrum.combine == "resolved":
        out |= {"combine": "resolved", "antennas": radio.antennas}
    return out


def fastest_of(truth: xr.Dataset, duration: float) -> float:
    """Highest speed in m/s of paths within a window, along their cubics."""
    t = np.linspace(-duration / 2, duration / 2, 33)[:, np.newaxis]
    speed = np.abs(
        truth["velocity"].values + t * truth["acceleration"].values + t**2 / 2 * truth["jerk"].values
    )
    return float(speed.max(initial=0.0))


def _conditioned(scenario: Scenario, capture: xr.Dataset) -> xr.DataArray:
    return condition(capture, reference=reference_of(scenario))


def _name(csi: xr.DataArray) -> str:
    return str(csi.coords["receiver"].values[0])


def _shown(scenario: Scenario, csi: xr.DataArray) -> xr.DataArray:
    """The streams that the picture is of: all pairs of the first array, or the first of them."""
    return (array_of if scenario.spectrum.combine == "resolved" else receiver_of)(csi, 0)


def _spectrum(scenario: Scenario, csi: xr.DataArray) -> xr.DataArray:
    axes = {name: scenario.spectrum.settings[name] for name in ("acceleration", "jerk")}
    made = aj_spectrum(_shown(scenario, csi), **axes, **spectrum_settings(scenario))
    return made.mean("delay", keep_attrs=True) if "delay" in made.dims else made


def _doppler(scenario: Scenario, csi: xr.DataArray, truth: xr.Dataset) -> xr.DataArray:
    fastest = fastest_of(truth, scenario.radio.packets / scenario.radio.packet_rate_hz)
    return doppler_spectrogram(_shown(scenario, csi), **doppler_settings(scenario, fastest))


def _estimated(scenario: Scenario, capture: xr.Dataset) -> xr.Dataset:
    csi = condition(capture, reference=reference_of(scenario), uniform=False)
    return estimate_paths(pairs_together(csi, 0))


def _listed(paths: xr.Dataset) -> list[dict[str, float | None]]:
    values = {name: paths[name].values.tolist() for name in _QUANTITIES if name in paths}
    return [
        {name: v[n] if np.isfinite(v[n]) else None for name, v in values.items()}
        for n in range(paths.sizes["path"])
    ]


def _note(scenario: Scenario, csi: xr.DataArray, spectrum: xr.DataArray) -> str:
    attrs = spectrum.attrs
    share = float(attrs["lag_packets"]) / int(attrs["packets"])
    grid = WindowResolution(
        int(attrs["packets"]), float(attrs["packet_interval"]), float(attrs["carrier"]), share
    )
    cell = grid.resolution(float(attrs["min_lag"]))
    radio = scenario.radio
    streams = _shown(scenario, csi)
    count = streams.sizes.get("receiver", 1)
    parts = [
        f"{radio.packets} packets at {radio.packet_rate_hz:g}/s ({radio.packets / radio.packet_rate_hz:.3g} s), "
        f"{radio.n_subcarriers} subcarriers",
        f"{count} of {len(radio.streams)} antenna pairs",
        f"lag {attrs['lag_packets']} packets",
        f"resolution cell {cell[0]:.2g} m/s² by {cell[1]:.2g} m/s³",
        f"conditioning: {csi.attrs['conditioning']}",
    ]
    if scenario.spectrum.combine == "delay":
        parts.append("mean over delay bins")
    return "; ".join(parts) + "."
