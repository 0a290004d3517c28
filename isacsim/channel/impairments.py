"""Impairments of the hardware: each with its own switch, its own stream, and a record.

The order is that of a receiver. Packet times come first (jitter, loss). Then follow the common phase (CFO, phase
noise) and timing (SFO, STO) that all receive channels share, then each channel's thermal noise. The shared AGC gain
and each channel's quantisation are last. method.md section 1. A further device draws an oscillator, a clock and a
gain of its own; each chain's constant phase, gain and delay comes before the noise, but for the receiving one's gain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.constants import speed_of_light

from isacsim.channel.noise import with_noise
from isacsim.channel.paths import simulate_path_lengths
from isacsim.csi import LONGEST_GAP
from isacsim.errors import InputError
from isacsim.scenario.impairments import Impairments
from isacsim.scenario.model import Scenario
from isacsim.scenario.numbers import plain
from isacsim.streams import Stream, stream

__all__ = [
    "ChainErrors",
    "Impairment",
    "apply",
    "clock_drift",
    "draw_chains",
    "draw_impairments",
    "packet_times",
    "quantise",
]

Real = NDArray[np.float64]

# A packet may come at most this share of its interval early or late, so that the order never changes.
_MOST_JITTER = 0.45
# Packets that interpolation takes, and tries before losses count as too heavy.
_FEWEST, _MOST_TRIES = 6, 1000


@dataclass(frozen=True)
class Impairment:
    """One device's drawn impairments in one capture; arrays are over the received packets."""

    snr_db: float
    """SNR of a unit path; infinite without noise."""
    noise: bool
    cfo_hz: float
    sfo_ppm: float
    common_phase: Real
    """rad"""
    timing_offset: Real
    """s; later arrival is positive"""
    gain_db: Real
    """dB"""
    bits: int
    """Bits of each of real and imaginary part; 0: not rounded."""
    headroom_db: float
    """dB"""

    @property
    def shared(self) -> bool:
        """True if there is a phase or timing error that another receive channel could remove."""
        return bool(self.common_phase.any() or self.timing_offset.any())


@dataclass(frozen=True, eq=False)
class ChainErrors:
    """Differences between the streams of one capture, each the sum of a receive and a transmit chain's."""

    phase: Real
    """rad; shape (stream,)"""
    tx_gain_db: Real
    """dB; shape (stream,)"""
    rx_gain_db: Real
    """dB; shape (stream,)"""
    delay: Real
    """s; shape (stream,)"""
    turned: NDArray[np.bool_]
    """True where the receive chain is turned by π; shape (stream, packet)"""

    @property
    def gain_db(self) -> Real:
        """dB; shape (stream,)."""
        return self.tx_gain_db + self.rx_gain_db


def packet_times(scenario: Scenario, seed: int, index: int) -> Real:
    """Times in s of the packets that arrive, about the window's centre; of a scenario that was drawn.

    The first and the last packet are always received and on time, so that the window and its centre stay put. Losses
    that leave a gap over which CSI cannot be interpolated, or fewer packets than that takes, are drawn anew from
    the same stream.

    Raises
    ------
    InputError
        If none of 1000 draws of the losses can be used.
    """
    radio, impairments = scenario.radio, scenario.impairments
    time = radio.time_s.copy()
    if impairments.jitter is not None:
        rng = stream(seed, index, Stream.JITTER, 1)
        std = plain(impairments.jitter.std_us) * 1e-6
        most = _MOST_JITTER / radio.packet_rate_hz
        time[1:-1] += np.clip(std * rng.standard_normal(time.size - 2), -most, most)
    if impairments.loss is not None:
        rng = stream(seed, index, Stream.LOSS, 1)
        fraction = plain(impairments.loss.fraction)
        burst = plain(impairments.loss.mean_burst_packets)
        # In packets, jitter aside: it changes no draw of the losses, and lengthens no gap by a whole packet.
        longest = LONGEST_GAP * (time.size - 1) - 1
        for _ in range(_MOST_TRIES):
            lost = _bursts(time.size, fraction, burst, rng)
            lost[[0, -1]] = False
            kept = np.flatnonzero(~lost)
            if kept.size >= _FEWEST and np.diff(kept).max() <= longest:
                return time[kept]
        raise InputError(
            f"scenario {scenario.name}: impairments.loss with fraction {fraction:g} and mean_burst_packets {burst:g} "
            f"left a gap of over {LONGEST_GAP:.0%} of the window, or under {_FEWEST} packets, in each of {_MOST_TRIES} "
            "draws; lower them, or make the window longer."
        )
    return time


def _bursts(n: int, fraction: float, mean_burst: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Lost packets of the two-state Markov channel (Gilbert 1960) with a given share and mean burst length."""
    leave = 1 / mean_burst
    enter = fraction * leave / (1 - fraction)
    u = rng.random(n)
    lost = np.zeros(n, bool)
    lost[0] = u[0] < fraction
    for i in range(1, n):
        lost[i] = u[i] >= leave if lost[i - 1] else u[i] < enter
    return lost


def clock_drift(ppm: float, time: Real, bandwidth_hz: float) -> Real:
    """Delay in s that a sampling clock ``ppm`` off leaves at packet times (packet,) in s.

    Each packet is synchronised anew to whole samples, so what is left of the drift is a saw-tooth of one sample.
    """
    drift, sample = ppm * 1e-6 * (time - time[0]), 1 / bandwidth_hz
    return np.asarray(drift - sample * np.rint(drift / sample))


def draw_impairments(
    scenario: Scenario,
    time: Real,
    seed: int,
    index: int,
    *,
    device: int = 0,
    sections: Impairments | None = None,
) -> Impairment:
    """Make one capture's impairments at the received packets' times (packet,) in s, of a scenario that was drawn.

    A further ``device`` has ``sections`` of its own.
    """
    sections = scenario.impairments if sections is None else sections
    # What happens has the streams' part 1.
    part = (1,) if device == 0 else (1, device)
    snr_db = plain(scenario.snr_db) if sections.noise else np.inf
    phase, timing, gain = np.zeros_like(time), np.zeros_like(time), np.zeros_like(time)
    cfo_hz = sfo_ppm = 0.0
    if sections.cfo is not None:
        rng = stream(seed, index, Stream.CFO, *part)
        cfo_hz = plain(sections.cfo.offset_hz)
        walk = plain(sections.cfo.phase_noise_rad_per_sqrt_s)
        steps = rng.standard_normal(time.size) * np.sqrt(np.diff(time, prepend=time[0]))
        phase += 2 * np.pi * cfo_hz * time + walk * np.cumsum(steps) + rng.uniform(-np.pi, np.pi)
    if sections.sfo is not None:
        sfo_ppm = plain(sections.sfo.ppm)
        timing += clock_drift(sfo_ppm, time, scenario.radio.bandwidth_hz)
    if sections.sto is not None:
        rng = stream(seed, index, Stream.STO, *part)
        offset, jitter = plain(sections.sto.offset_ns), plain(sections.sto.jitter_ns)
        timing += (offset + jitter * rng.standard_normal(time.size)) * 1e-9
    if sections.agc is not None:
        rng = stream(seed, index, Stream.AGC, *part)
        step, rate = plain(sections.agc.step_db), plain(sections.agc.rate_hz)
        moments = rng.uniform(time[0], time[-1], rng.poisson(rate * (time[-1] - time[0])))
        signs = rng.choice([-step, step], moments.size)
        gain += (np.asarray(time)[:, np.newaxis] >= moments) @ signs if moments.size else 0.0
    bits, headroom = 0, 0.0
    if sections.quantisation is not None:
        bits, headroom = int(plain(sections.quantisation.bits)), plain(sections.quantisation.headroom_db)
    return Impairment(snr_db, sections.noise, cfo_hz, sfo_ppm, phase, timing, gain, bits, headroom)


def draw_chains(scenario: Scenario, packets: int, seed: int, index: int) -> ChainErrors | None:
    """Make the errors of one capture's chains, of a scenario that was drawn; None where it has none."""
    section, radio = scenario.impairments.chains, scenario.radio
    if section is None:
        return None
    streams = radio.streams
    gain_std, delay_std = plain(section.gain_std_db), plain(section.delay_std_ns) * 1e-9
    # A receiver's elements one after the other; the transmitter's last.
    chains = sorted({(one.receiver, one.element) for one in streams})
    n_tx = len(radio.transmitter_elements_m)

    def of(part: int, n: int) -> tuple[Real, Real, Real]:
        rng = stream(seed, index, Stream.ARRAYS, part)
        drawn = rng.uniform(-np.pi, np.pi, n), rng.standard_normal(n), rng.standard_normal(n)
        return drawn[0] * (section.phase == "random"), drawn[1] * gain_std, drawn[2] * delay_std

    received, sent = of(2, len(chains)), of(3, n_tx)
    share = plain(section.pi_jumps)
    turned = stream(seed, index, Stream.ARRAYS, 4).random((len(chains), packets)) < share
    rx = [chains.index((one.receiver, one.element)) for one in streams]
    tx = [one.tx_element for one in streams]
    return ChainErrors(
        received[0][rx] + sent[0][tx],
        sent[1][tx],
        received[1][rx],
        received[2][rx] + sent[2][tx],
        turned[rx],
    )


def apply(
    clean: NDArray[np.complex64],
    scenario: Scenario,
    drawn: Impairment,
    seed: int,
    index: int,
    *,
    further: Sequence[Impairment] = (),
    chains: ChainErrors | None = None,
) -> NDArray[np.complex64]:
    """Turn clean CSI into what the receiver reports.

    Parameters
    ----------
    clean : numpy.ndarray, complex64, shape (stream, subcarrier, packet)
        Paths and static part.
    scenario : Scenario
        For the radio and the quantisation.
    drawn : Impairment
        From :func:`draw_impairments`.
    seed, index : int
        For the noise streams, one a stream of the capture.
    further : sequence of Impairment
        Of the devices after the first.
    chains : ChainErrors, optional
        Of single chains.

    Returns
    -------
    numpy.ndarray, complex64, shape (stream, subcarrier, packet)
    """
    devices, csi = (drawn, *further), clean
    of_stream = np.array([one.device for one in scenario.radio.streams][: len(clean)])
    if any(one.shared for one in devices):
        csi = np.empty_like(clean)
        factors = [_common_factor(scenario, one) for one in devices]
        for channel, quiet, number in zip(csi, clean, of_stream, strict=True):
            np.multiply(quiet, factors[number], out=channel)
    if chains is not None:
        csi = clean.copy() if csi is clean else csi
        for channel, factor, turned in zip(csi, _chain_factors(scenario, chains), chains.turned, strict=True):
            channel *= factor[:, np.newaxis]
            channel *= np.where(turned, np.float32(-1), np.float32(1))
    if drawn.noise:
        rngs = [stream(seed, index, Stream.NOISE, number) for number in range(len(csi))]
        csi = with_noise(csi, 10 ** (-drawn.snr_db / 10), rngs)
    elif csi is clean:
        csi = clean.copy()
    if chains is not None and chains.rx_gain_db.any():
        csi *= (10 ** (chains.rx_gain_db / 20)).astype(np.float32)[:, np.newaxis, np.newaxis]
    for channel, number in zip(csi, of_stream, strict=True):
        if devices[number].gain_db.any():
            channel *= (10 ** (devices[number].gain_db / 20)).astype(np.float32)
    if scenario.impairments.quantisation is not None:
        for channel in csi:
            quantise(channel, drawn.bits, drawn.headroom_db)
    return csi


def _common_factor(scenario: Scenario, drawn: Impairment) -> NDArray[np.complex64]:
    """exp(jψ(t) - j2π(f_k - f_c) τ(t)), shape (subcarrier, packet): a path of length cτ without its carrier phase."""
    length = drawn.timing_offset * speed_of_light
    factor = simulate_path_lengths(length, scenario.radio.frequency_hz, amplitude=[1.0], phase=[0.0])
    turn = drawn.common_phase + 2 * np.pi * scenario.radio.carrier_hz * drawn.timing_offset
    return np.asarray(factor * np.exp(1j * turn).astype(np.complex64))


def _chain_factors(scenario: Scenario, chains: ChainErrors) -> NDArray[np.complex64]:
    """Phase, delay and transmit gain of the chains, (stream, subcarrier); the receive gain follows the noise."""
    offset = scenario.radio.frequency_hz - scenario.radio.carrier_hz
    turn = chains.phase[:, np.newaxis] - 2 * np.pi * chains.delay[:, np.newaxis] * offset
    return np.asarray(10 ** (chains.tx_gain_db[:, np.newaxis] / 20) * np.exp(1j * turn), np.complex64)


def quantise(channel: NDArray[np.complex64], bits: int, headroom_db: float) -> None:
    """Round real and imaginary part in place to ``bits`` bits; full scale lies ``headroom_db`` above the largest."""
    parts = channel.view(np.float32)
    largest = float(np.abs(parts).max())
    if largest > 0:
        step = np.float32(largest * 10 ** (headroom_db / 20) / (2 ** (bits - 1) - 1))
        np.rint(parts / step, out=parts)
        parts *= step
