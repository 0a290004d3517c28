"""A scenario with fewer subcarriers and packets, whose spectra are those of the whole one.

A spectrum sees the window and the band. Between them the subcarriers need be no closer than the delays ask for, and the
packets no closer than the Doppler shifts ask for. Noise is averaged over both: with 1/M of the samples and M times the
SNR its share in every cell is the same, as long as noise times noise is weak beside paths times noise. So a tenth of
the time makes spectra of the same statistics, which is what a network that trains on a stream wants (docs/datasets.md,
"Thinned"; `tests/dataset/test_thinned.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from scipy.constants import speed_of_light

from isacsim.checks import check_number
from isacsim.errors import InputError
from isacsim.scenario.model import Scenario
from isacsim.scenario.numbers import Choice, Normal, Uniform, support
from isacsim.simulation.realisation import realise
from isacsim.spectrum.grid import WindowResolution

__all__ = ["FASTEST", "SPAN_M", "thinned"]

SPAN_M = 59.0
"""Path lengths that the subcarriers still tell apart, m: spacing c over this at most."""
FASTEST = 3.2
"""Least velocity for which packets are kept, m/s: lag products of such paths hold twice the Doppler shift."""
# Captures that say how fast a scenario's paths are, times in each, and room for faster ones.
_DRAWS, _TIMES, _ROOM = 8, 128, 1.05
# Fewer subcarriers than these draw no window over the band.
_SUBCARRIERS = 16
_PACKETS = 128


def thinned(scenario: Scenario, *, fastest: float | None = None) -> tuple[Scenario, float]:
    """Thin a scenario's subcarriers and packets.

    Parameters
    ----------
    scenario : Scenario
        Any; one with a list of subcarrier indices keeps its subcarriers.
    fastest : float, optional
        Velocity of paths, m/s, up to twice which no Doppler shift is ambiguous. Default: `FASTEST`, or more where 8
        captures of the scenario have faster paths: vehicles and limbs keep the packets that they need.

    Returns
    -------
    scenario : Scenario
        Of the same name, with the SNR raised to match.
    gain_db : float
        By how much it was raised, dB.

    Raises
    ------
    InputError
        If the SNR is drawn from a distribution that has no shifted form, or ``fastest`` is not above 0.
    """
    radio = scenario.radio
    if fastest is None:
        fastest = max(FASTEST, 0.5 * _ROOM * _speed(scenario))
    rate = 4 * check_number("fastest", fastest, above=0, unit="m/s") * radio.carrier_hz / speed_of_light
    packets = _divisor(
        radio.packets,
        math.floor(radio.packet_rate_hz / rate),
        radio.packets // _PACKETS,
        fits=lambda by: _axes_fit(scenario, by) and _losses_fit(scenario, by),
    )
    subcarriers = 1
    if isinstance(radio.subcarriers, int):
        spacing = radio.subcarrier_spacing_hz or radio.bandwidth_hz / radio.subcarriers
        most = math.floor(speed_of_light / SPAN_M / spacing)
        subcarriers = _divisor(radio.subcarriers, most, radio.subcarriers // _SUBCARRIERS)
    if packets * subcarriers == 1:
        return scenario, 0.0
    gain_db = 10 * math.log10(packets * subcarriers)
    changes: dict[str, Any] = {
        "packets": radio.packets // packets,
        "packet_rate_hz": radio.packet_rate_hz / packets,
    }
    if subcarriers > 1:
        assert isinstance(radio.subcarriers, int)
        changes["subcarriers"] = radio.subcarriers // subcarriers
        if radio.subcarrier_spacing_hz is not None:
            changes["subcarrier_spacing_hz"] = radio.subcarrier_spacing_hz * subcarriers
    impairments: dict[str, Any] = {}
    given = scenario.impairments
    if given.quantisation is not None:
        # Rounding is averaged like noise: half a bit for each doubling.
        more = gain_db / 20 / math.log10(2)
        bits = _changed(scenario, "impairments.quantisation.bits", lambda bits: min(16, round(bits + more)))
        impairments["quantisation"] = {"bits": bits}
    if given.loss is not None:
        # Gaps of the same length in time.
        bursts = _changed(
            scenario, "impairments.loss.mean_burst_packets", lambda burst: max(1.0, burst / packets)
        )
        impairments["loss"] = {"mean_burst_packets": bursts}
    changed = scenario.with_(
        snr_db=_changed(scenario, "snr_db", lambda snr_db: snr_db + gain_db),
        radio=changes,
        **({"impairments": impairments} if impairments else {}),
    )
    return changed, gain_db


def _divisor(n: int, *most: int, fits: Callable[[int], bool] = lambda by: True) -> int:
    """Largest divisor of n that is at most each of some numbers, and fits; 1 if there is none."""
    return max(d for d in range(1, max(1, min(most)) + 1) if n % d == 0 and (d == 1 or fits(d)))


def _speed(scenario: Scenario) -> float:
    """Largest |velocity| of a path in the middle half of a few captures, movers, limbs and bounces too, m/s.

    Spectra weigh the ends little.
    """
    time = scenario.radio.time_s
    time = time[:: max(1, time.size // _TIMES)]
    fastest = 0.0
    for index in range(_DRAWS):
        lengths = realise(scenario, seed=0, index=index).path_lengths(time)
        if lengths.size:
            speeds = np.abs(np.diff(lengths, axis=-1) / np.diff(time))
            quarter = speeds.shape[-1] // 4
            fastest = max(fastest, float(speeds[:, :, quarter:-quarter].max()))
    return fastest


def _axes_fit(scenario: Scenario, by: int) -> bool:
    """Say whether so many times fewer packets still hold the spectrum's axes without ambiguity."""
    radio, spectrum = scenario.radio, scenario.spectrum
    highest = float(radio.frequency_hz.max())
    grid = WindowResolution(radio.packets // by, by / radio.packet_rate_hz, highest, spectrum.lag_ratio)
    return grid.reach(spectrum.acceleration_max_m_s2, spectrum.jerk_max_m_s3) <= grid.limit


def _losses_fit(scenario: Scenario, by: int) -> bool:
    """Say whether bursts so many times shorter can still lose the share of packets that is lost."""
    loss = scenario.impairments.loss
    if loss is None:
        return True
    burst = max(1.0, support(loss.mean_burst_packets)[0] / by)
    return support(loss.fraction)[1] <= burst / (1 + burst)


def _changed(scenario: Scenario, field: str, change: Callable[[float], float]) -> Any:
    """Change a number of the scenario, or each value that it may be drawn as; ``change`` is a shift, or monotone.

    A Gaussian is shifted whole; it has no other changed form.
    """
    drawn = reduce(getattr, field.split("."), scenario)
    match drawn:
        case float() | int() as value:
            return change(value)
        case Uniform(uniform=(low, high)):
            return {"uniform": [change(low), change(high)]}
        case Choice(choice=values):
            return {"choice": [change(value) for value in values]}
        case Normal(normal=(mean, std)) if field == "snr_db":
            return {"normal": [change(mean), std]}
    raise InputError(
        f"scenario {scenario.name}: {field} of this kind cannot be thinned; give a number, uniform or choice."
    )
