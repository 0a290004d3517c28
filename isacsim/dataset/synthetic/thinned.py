"""A scenario with fewer subcarriers and packets, whose spectra are those of the whole one.

A spectrum sees the window and the band. Between them the subcarriers need be no closer than the delays ask for, and the
packets no closer than the Doppler shifts ask for. Noise is averaged over both: with 1/M of the samples and M times the
SNR its share in every cell is the same. So a tenth of the time makes spectra of the same statistics, which is what a
network that trains on a stream wants (docs/datasets.md, "Thinned"; `tests/dataset/test_thinned.py`).
"""

from __future__ import annotations

import math
from typing import Any

from scipy.constants import speed_of_light

from isacsim.errors import InputError
from isacsim.scenario.model import Scenario
from isacsim.scenario.numbers import Choice, Normal, Uniform

__all__ = ["FASTEST", "SPAN_M", "thinned"]

SPAN_M = 59.0
"""Path lengths that the subcarriers still tell apart, m: spacing c over this at most."""
FASTEST = 3.2
"""Velocity of the paths that the packets still tell apart, m/s: lag products hold twice the Doppler shift."""
# Fewer subcarriers than these draw no window over the band.
_SUBCARRIERS = 16
_PACKETS = 128


def thinned(scenario: Scenario, *, fastest: float = FASTEST) -> tuple[Scenario, float]:
    """Thin a scenario's subcarriers and packets.

    Parameters
    ----------
    scenario : Scenario
        Any; one with a list of subcarrier indices keeps its subcarriers.
    fastest : float
        Largest velocity of a path, m/s.

    Returns
    -------
    scenario : Scenario
        Of the same name, with the SNR raised to match.
    gain_db : float
        By how much it was raised, dB.

    Raises
    ------
    InputError
        If the SNR is drawn from a distribution that has no shifted form.
    """
    radio = scenario.radio
    rate = 4 * fastest * radio.carrier_hz / speed_of_light
    packets = _divisor(radio.packets, math.floor(radio.packet_rate_hz / rate), radio.packets // _PACKETS)
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
        bits = given.quantisation.bits
        if isinstance(bits, int):
            impairments["quantisation"] = {"bits": min(16, round(bits + gain_db / 20 / math.log10(2)))}
    if given.loss is not None and isinstance(given.loss.mean_burst_packets, float | int):
        # Gaps of the same length in time.
        impairments["loss"] = {"mean_burst_packets": max(1.0, given.loss.mean_burst_packets / packets)}
    changed = scenario.with_(
        snr_db=_raised(scenario, gain_db),
        radio=changes,
        **({"impairments": impairments} if impairments else {}),
    )
    return changed, gain_db


def _divisor(n: int, *most: int) -> int:
    """Largest divisor of n that is at most each of some numbers; 1 if there is none."""
    return max(d for d in range(1, max(1, min(most)) + 1) if n % d == 0)


def _raised(scenario: Scenario, by: float) -> Any:
    """The scenario's SNR, so many dB higher."""
    match scenario.snr_db:
        case float() | int() as value:
            return value + by
        case Uniform(uniform=(low, high)):
            return {"uniform": [low + by, high + by]}
        case Normal(normal=(mean, std)):
            return {"normal": [mean + by, std]}
        case Choice(choice=values):
            return {"choice": [value + by for value in values]}
    raise InputError(
        f"scenario {scenario.name}: snr_db of this kind can't be thinned; give a number or uniform."
    )
