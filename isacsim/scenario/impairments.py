"""The section of a scenario that says what the hardware does to the channel.

Oscillator, clock and gain are a device's, all chains of which share them; each further device draws its own.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from isacsim.scenario.limits import Rate, between
from isacsim.scenario.numbers import Bounds, DecibelNumber, Number, WholeNumber, support
from isacsim.scenario.section import Section, refuse

__all__ = ["AGC", "CFO", "SFO", "STO", "Chains", "Impairments", "Jitter", "Loss", "Quantisation"]


class CFO(Section):
    """Carrier frequency offset and oscillator phase noise, shared by all receive channels."""

    offset_hz: Annotated[Number, between(-1e8, 1e8, "Hz")]
    """Residual carrier frequency offset, Hz; drawn once a capture."""
    phase_noise_rad_per_sqrt_s: Rate = 0.0
    """Standard deviation of the random-walk phase after one second, rad/√s."""


class SFO(Section):
    """Sampling frequency offset: a delay that drifts over the window, by whole samples put right packet by packet."""

    ppm: Annotated[Number, between(-1000, 1000, "ppm")]
    """Offset, parts per million."""


class STO(Section):
    """Symbol timing offset: a delay common to all receive channels."""

    offset_ns: Annotated[Number, between(-1e6, 1e6, "ns")]
    """Mean delay, ns; drawn once a capture."""
    jitter_ns: Annotated[Number, Bounds(ge=0), Bounds(le=1e6, unit="ns", practical=True)] = 0.0
    """Standard deviation of the delay from packet to packet, ns."""


class AGC(Section):
    """Automatic gain control that steps at random moments."""

    step_db: Annotated[DecibelNumber, Bounds(ge=0)]
    """Size of one gain step, dB; its sign is random."""
    rate_hz: Rate
    """Mean number of steps per second."""


class Jitter(Section):
    """Packets that leave late or early."""

    std_us: Annotated[Number, Bounds(ge=0), Bounds(le=1e6, unit="µs", practical=True)]
    """Standard deviation of a packet's time, µs; none comes more than 0.45 intervals early or late."""


class Loss(Section):
    """Packets that never arrive, in bursts."""

    fraction: Annotated[Number, Bounds(ge=0, lt=1)]
    """Expected share of packets lost."""
    mean_burst_packets: Annotated[Number, Bounds(ge=1), Bounds(le=1e6, practical=True)] = 1.0
    """Mean length of a burst of losses, packets."""

    @model_validator(mode="after")
    def _reachable(self) -> Loss:
        # Between two bursts at least one packet arrives.
        most, burst = support(self.fraction)[1], support(self.mean_burst_packets)[0]
        if most > burst / (1 + burst):
            raise refuse(
                f"fraction reaches {most:g}, but bursts of {burst:g} packets with a received packet between "
                f"them lose {burst / (1 + burst):.3g} at most; lower it or lengthen mean_burst_packets",
                "fraction",
            )
        return self


class Quantisation(Section):
    """Rounding of real and imaginary part to integers, as Wi-Fi chips report CSI."""

    bits: Annotated[WholeNumber, Bounds(ge=2, le=16)]
    """Bits of each of real and imaginary part, sign included."""
    headroom_db: Annotated[DecibelNumber, Bounds(ge=0)] = 3.0
    """Room between the largest real or imaginary part and full scale, dB."""


class Chains(Section):
    """Differences between the chains of a device: constant within a capture, unknown to the receiver."""

    phase: Literal["random", "calibrated"] = "random"
    """random: each receive and each transmit chain turns by an angle of its own. calibrated: none does."""
    gain_std_db: Annotated[Number, Bounds(ge=0), Bounds(le=60, unit="dB", practical=True)] = 0.0
    """Standard deviation of each chain's gain, dB."""
    delay_std_ns: Annotated[Number, Bounds(ge=0), Bounds(le=1e6, unit="ns", practical=True)] = 0.0
    """Standard deviation of each chain's delay, ns."""
    pi_jumps: Annotated[Number, Bounds(ge=0, le=0.5)] = 0.0
    """Share of the packets in which a receive chain is turned by π, as in an Intel 5300."""


class Impairments(Section):
    """Impairments of the hardware on the channel; null: none."""

    noise: Annotated[bool, Field(strict=True)] = True
    """Thermal noise at the scenario's snr_db."""
    cfo: CFO | None = None
    """Carrier frequency offset."""
    sfo: SFO | None = None
    """Sampling frequency offset."""
    sto: STO | None = None
    """Symbol timing offset."""
    agc: AGC | None = None
    """Automatic gain control."""
    jitter: Jitter | None = None
    """Packet-time jitter."""
    loss: Loss | None = None
    """Packet loss."""
    quantisation: Quantisation | None = None
    """Rounding to integers."""
    chains: Chains | None = None
    """Phases, gains and delays of single chains."""
