"""The sections of a scenario: radio, environment, targets and their motions, impairments, spectrum, dataset.

Each is a frozen pydantic model that refuses unknown fields; every field has its unit in its name. What
concerns several sections at once is checked by `isacsim.scenario.Scenario`. A further kind of environment,
motion or body is one more model in the union (`Environment`, `MotionConfig`, `Body`), told apart by its
``kind``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError
from scipy.constants import speed_of_light

from isacsim.distribution import Bounds, Float, Int, LogNormal, Number

__all__ = [
    "AGC",
    "CFO",
    "SFO",
    "STO",
    "Count",
    "Dataset",
    "Environment",
    "Floor",
    "Impairments",
    "Jitter",
    "Kinematics",
    "Loss",
    "MotionConfig",
    "Mover",
    "NoEnvironment",
    "Oscillation",
    "PointBody",
    "Quantisation",
    "Radio",
    "Rayleigh",
    "Receiver",
    "Section",
    "Spectrum",
    "Target",
    "Targets",
    "Trajectory",
    "TwoRay",
    "Wall",
    "Waypoints",
    "refuse",
]

Vector = tuple[Float, Float, Float]
NumberVector = tuple[Number, Number, Number]
Positive = Annotated[Float, Field(gt=0)]
NonNegativeNumber = Annotated[Number, Bounds(ge=0)]


class Section(BaseModel):
    """Base of every model here: frozen, no unknown fields, docstrings under fields become descriptions."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def refuse(message: str, *field: str | int) -> PydanticCustomError:
    """Make the error of a check that spans fields.

    Parameters
    ----------
    message : str
        One sentence: what is wrong, and what is allowed.
    *field : str or int
        The field to point at, relative to the model that raises.
    """
    return PydanticCustomError("scenario", "{message}", {"message": message, "field": field})


class Receiver(Section):
    """One receive channel."""

    name: Annotated[str, Field(min_length=1)]
    """Name of the channel, unique in the scenario."""
    role: Literal["surveillance", "reference"] = "surveillance"
    """surveillance: analysed. reference: shares the oscillator and gain, and serves to remove them."""
    position_m: Vector
    """Position [x, y, z], metres."""
    dynamic_gain_db: Float = 0.0
    """Gain of the moving paths at this channel, dB (negative at a reference that looks away from them)."""
    static_gain_db: Float = 0.0
    """Gain of the static part at this channel, dB."""


class Radio(Section):
    """Carrier, subcarriers, packets, and where the antennas stand."""

    carrier_hz: Positive
    """Carrier frequency, Hz: the frequency of subcarrier index 0."""
    bandwidth_hz: Positive
    """Bandwidth, Hz."""
    subcarriers: Annotated[
        Annotated[Int, Field(ge=1, le=65536), Tag("count")]
        | Annotated[tuple[Int, ...], Field(min_length=1), Tag("indices")],
        Discriminator(lambda value: "indices" if isinstance(value, list | tuple) else "count"),
    ]
    """Number n of subcarriers (indices from -(n//2) on), or the list of indices that the receiver reports."""
    subcarrier_spacing_hz: Positive | None = None
    """Subcarrier spacing, Hz; default bandwidth_hz / subcarriers; required with a list of indices."""
    packet_rate_hz: Positive
    """Packets per second, Hz."""
    packets: Annotated[Int, Field(ge=32, le=1_000_000)]
    """Packets in one window."""
    transmitter_m: Vector
    """Position [x, y, z] of the transmitter, metres."""
    receivers: Annotated[tuple[Receiver, ...], Field(min_length=1)]
    """Receive channels: at least one surveillance, at most one reference."""

    @model_validator(mode="after")
    def _consistent(self) -> Radio:
        if isinstance(self.subcarriers, tuple):
            if self.subcarrier_spacing_hz is None:
                raise refuse(
                    "subcarrier_spacing_hz is missing; a list of subcarrier indices needs it",
                    "subcarrier_spacing_hz",
                )
            if any(b <= a for a, b in zip(self.subcarriers, self.subcarriers[1:], strict=False)):
                raise refuse("subcarriers must be strictly increasing indices", "subcarriers")
        frequency = self.frequency_hz
        occupied = float(frequency[-1] - frequency[0])
        if occupied > self.bandwidth_hz * (1 + 1e-9):
            raise refuse(
                f"the subcarriers span {occupied:g} Hz, but bandwidth_hz is {self.bandwidth_hz:g} Hz; lower "
                "subcarrier_spacing_hz or the number of subcarriers",
                "subcarrier_spacing_hz",
            )
        if frequency[0] <= 0:
            raise refuse(
                f"the lowest subcarrier lies at {frequency[0]:g} Hz; every one must be above 0 Hz",
                "carrier_hz",
            )
        self._check_receivers()
        return self

    def _check_receivers(self) -> None:
        roles = [receiver.role for receiver in self.receivers]
        if "surveillance" not in roles:
            raise refuse("receivers must hold at least one with role: surveillance", "receivers")
        if roles.count("reference") > 1:
            raise refuse(
                f"receivers holds {roles.count('reference')} with role: reference; at most one is allowed",
                "receivers",
            )
        names: set[str] = set()
        for i, receiver in enumerate(self.receivers):
            if receiver.name in names:
                raise refuse(
                    f"two receivers are named {receiver.name!r}; names must differ", "receivers", i, "name"
                )
            names.add(receiver.name)
            if receiver.position_m == self.transmitter_m:
                raise refuse(
                    f"receiver {receiver.name!r} stands at the transmitter, {list(self.transmitter_m)}; "
                    "its position must differ",
                    *("receivers", i, "position_m"),
                )

    @property
    def n_subcarriers(self) -> int:
        """Number of subcarriers."""
        return len(self.subcarriers) if isinstance(self.subcarriers, tuple) else self.subcarriers

    @property
    def frequency_hz(self) -> NDArray[np.float64]:
        """Frequencies (subcarrier,), Hz, ascending; index 0 is the carrier, a number n starts at -(n//2)."""
        if isinstance(self.subcarriers, tuple):
            index = np.array(self.subcarriers, dtype=np.float64)
        else:
            index = np.arange(self.subcarriers, dtype=np.float64) - self.subcarriers // 2
        spacing = self.subcarrier_spacing_hz or self.bandwidth_hz / self.n_subcarriers
        return np.asarray(self.carrier_hz + index * spacing, dtype=np.float64)

    @property
    def time_s(self) -> NDArray[np.float64]:
        """Packet times (packet,), s, about the window's centre: (i - (Q - 1)/2) / rate (METHOD section 1)."""
        centred = np.arange(self.packets, dtype=np.float64) - (self.packets - 1) / 2
        return np.asarray(centred / self.packet_rate_hz, dtype=np.float64)

    @property
    def wavelength_m(self) -> float:
        """Wavelength at the carrier, m."""
        return speed_of_light / self.carrier_hz


class NoEnvironment(Section):
    """No static part."""

    kind: Literal["none"]
    """none: only the moving paths."""


class Floor(Section):
    """A horizontal reflecting plane."""

    kind: Literal["floor"]
    """floor: the plane z = height_m."""
    height_m: Float = 0.0
    """Height z of the plane, metres."""


class Wall(Section):
    """Any reflecting plane."""

    kind: Literal["wall"]
    """wall: the plane through point_m, perpendicular to normal."""
    point_m: Vector
    """A point [x, y, z] of the plane, metres."""
    normal: Vector
    """Normal [x, y, z] of the plane; its length does not matter."""

    @model_validator(mode="after")
    def _not_zero(self) -> Wall:
        if not any(self.normal):
            raise refuse("normal is [0, 0, 0]; it must have a length", "normal")
        return self


class TwoRay(Section):
    """Line of sight and one specular reflection."""

    kind: Literal["two_ray"]
    """two_ray: line of sight and one reflection."""
    reflection_coefficient: Annotated[Number, Bounds(ge=-1, le=1)] = -0.7
    """Amplitude of the reflection relative to the same path unreflected; negative turns the phase."""
    surface: Annotated[Floor | Wall, Field(discriminator="kind")]
    """The plane that reflects."""
    power_db: Number = 20.0
    """Total static power per subcarrier (mean over subcarriers), dB relative to a path of unit amplitude."""


class Rayleigh(Section):
    """Random taps with an exponential power-delay profile, optionally with a line of sight (Rician)."""

    kind: Literal["rayleigh"]
    """rayleigh: complex Gaussian taps, drawn once a capture."""
    power_db: Number = 20.0
    """Expected static power per subcarrier, dB relative to a path of unit amplitude."""
    delay_spread_ns: Annotated[Number, Bounds(gt=0)] = 50.0
    """Root-mean-square delay spread of the profile, ns."""
    n_taps: Annotated[Int, Field(ge=1, le=1000)] = 12
    """Number of taps."""
    k_factor_db: Number | None = None
    """Power of the line of sight relative to all taps, dB; null: no line of sight."""


Environment = Annotated[NoEnvironment | TwoRay | Rayleigh, Field(discriminator="kind")]


class Kinematics(Section):
    """Path kinematics given directly: the same at every receiver."""

    kind: Literal["kinematics"]
    """kinematics: the bistatic path length is a cubic of time."""
    path_length_m: Annotated[Number, Bounds(gt=0)]
    """Bistatic path length (transmitter - target - receiver) at the window's centre, m."""
    velocity_m_s: Number = 0.0
    """Rate of change of the path length at the window's centre, m/s; positive: the path grows."""
    acceleration_m_s2: Number = 0.0
    """Second derivative of the path length at the window's centre, m/s²."""
    jerk_m_s3: Number = 0.0
    """Third derivative of the path length, m/s³."""


class Trajectory(Section):
    """A cubic of time in space, about the window's centre."""

    kind: Literal["trajectory"]
    """trajectory: position, velocity, acceleration and jerk in space at the window's centre."""
    position_m: NumberVector
    """Position [x, y, z], m."""
    velocity_m_s: NumberVector | None = None
    """Velocity [x, y, z], m/s; or give speed_m_s and heading_deg."""
    speed_m_s: Number | None = None
    """Horizontal speed, m/s; with heading_deg, instead of velocity_m_s."""
    heading_deg: Number | None = None
    """Direction of motion in the x-y plane, degrees anticlockwise from +x."""
    acceleration_m_s2: NumberVector = (0.0, 0.0, 0.0)
    """Acceleration [x, y, z], m/s²."""
    jerk_m_s3: NumberVector = (0.0, 0.0, 0.0)
    """Jerk [x, y, z], m/s³."""

    @model_validator(mode="after")
    def _one_velocity(self) -> Trajectory:
        polar = (self.speed_m_s is not None, self.heading_deg is not None)
        if any(polar) and self.velocity_m_s is not None:
            raise refuse("give either velocity_m_s, or speed_m_s and heading_deg, not both", "velocity_m_s")
        if any(polar) and not all(polar):
            there, missing = ("speed_m_s", "heading_deg") if polar[0] else ("heading_deg", "speed_m_s")
            raise refuse(f"{there} needs {missing} beside it", there)
        if self.velocity_m_s is None and not any(polar):
            raise refuse("velocity_m_s is missing (or give speed_m_s and heading_deg)", "velocity_m_s")
        return self


class Waypoints(Section):
    """A smooth curve through given positions: the minimum-jerk (natural quintic) spline."""

    kind: Literal["waypoints"]
    """waypoints: natural quintic spline (third and fourth derivative zero at the ends); of two, a line."""
    times_s: Annotated[tuple[Float, ...], Field(min_length=2)]
    """Strictly increasing times relative to the window's centre, s; they must enclose the window."""
    positions_m: Annotated[tuple[NumberVector, ...], Field(min_length=2)]
    """A position [x, y, z] for each time, m."""

    @model_validator(mode="after")
    def _matched(self) -> Waypoints:
        if len(self.times_s) != len(self.positions_m):
            raise refuse(
                f"times_s has {len(self.times_s)} entries and positions_m {len(self.positions_m)}; they must "
                "match",
                "positions_m",
            )
        if any(b <= a for a, b in zip(self.times_s, self.times_s[1:], strict=False)):
            raise refuse(f"times_s is {list(self.times_s)}; it must be strictly increasing", "times_s")
        return self


class Oscillation(Section):
    """A point that swings along a line: a fan, a curtain, a breathing chest."""

    kind: Literal["oscillation"]
    """oscillation: position + axis · amplitude · sin(2π · frequency · t + phase)."""
    position_m: NumberVector
    """Middle of the swing [x, y, z], m."""
    axis: Vector
    """Direction [x, y, z] of the swing; its length does not matter."""
    amplitude_m: NonNegativeNumber
    """Half of the swing, m."""
    frequency_hz: NonNegativeNumber
    """Swings per second, Hz."""
    phase_rad: Number = 0.0
    """Phase at the window's centre, rad."""

    @model_validator(mode="after")
    def _not_zero(self) -> Oscillation:
        if not any(self.axis):
            raise refuse("axis is [0, 0, 0]; it must have a length", "axis")
        return self


MotionConfig = Annotated[Kinematics | Trajectory | Waypoints | Oscillation, Field(discriminator="kind")]


class PointBody(Section):
    """One point scatterer."""

    kind: Literal["point"]
    """point: one path per receiver."""


Body = PointBody  # a union with `Field(discriminator="kind")` as soon as there are two


class Target(Section):
    """Something that moves and counts."""

    motion: MotionConfig
    """How it moves."""
    amplitude: NonNegativeNumber = LogNormal(lognormal=(0.0, 0.3))
    """Path amplitude relative to a unit path (METHOD section 1)."""
    body: Body = PointBody(kind="point")
    """What reflects."""
    label: str | None = None
    """A word for people; not used in the simulation."""


class Mover(Section):
    """Something that moves and doesn't count: a fan, a curtain."""

    name: Annotated[str, Field(min_length=1)]
    """Name, for people."""
    motion: MotionConfig
    """How it moves."""
    amplitude: NonNegativeNumber = LogNormal(lognormal=(0.0, 0.3))
    """Path amplitude relative to a unit path."""


class Count(Section):
    """How many targets a capture has."""

    min: Annotated[Int, Field(ge=0)]
    """Fewest targets."""
    max: Annotated[Int, Field(ge=0, le=100)]
    """Most targets."""
    weights: tuple[Annotated[Float, Field(ge=0)], ...] | None = None
    """Relative frequency of min, min + 1, ..., max; default: all alike."""

    @model_validator(mode="after")
    def _consistent(self) -> Count:
        if self.max < self.min:
            raise refuse(f"max is {self.max}, below min = {self.min}; it must be at least {self.min}", "max")
        n = self.max - self.min + 1
        if self.weights is not None and (len(self.weights) != n or sum(self.weights) <= 0):
            raise refuse(
                f"weights is {list(self.weights)}; it must have {n} entries, one for each count from "
                f"{self.min} to {self.max}, with a positive sum",
                "weights",
            )
        return self


class Targets(Section):
    """Either fixed targets, or a random number of draws from a template."""

    fixed: tuple[Target, ...] | None = None
    """The targets of every capture (their fields may still be distributions)."""
    count: Count | None = None
    """How many draws of the template."""
    template: Target | None = None
    """What each target is drawn from."""
    within_axes: bool = False
    """Redraw a target whose acceleration or jerk at a surveillance receiver lies outside the axes."""

    @model_validator(mode="after")
    def _one_way(self) -> Targets:
        drawn = (self.count is not None, self.template is not None)
        if self.fixed is not None and any(drawn):
            raise refuse("give either fixed, or count and template, not both", "fixed")
        if self.fixed is None and not all(drawn):
            raise refuse("targets needs either fixed (a list, may be empty), or count and template")
        return self

    @property
    def counts(self) -> tuple[int, ...]:
        """The numbers of targets that a capture may have, ascending."""
        if self.count is None:
            return (len(self.fixed or ()),)
        return tuple(range(self.count.min, self.count.max + 1))

    def draw_count(self, rng: np.random.Generator) -> int:
        """Draw the number of targets of one capture; fixed targets take nothing from the generator."""
        if self.count is None or len(self.counts) == 1:
            return self.counts[0]
        weights = self.count.weights or (1.0,) * len(self.counts)
        return int(rng.choice(self.counts, p=np.array(weights) / sum(weights)))

    def configs(self, n: int | None = None) -> tuple[Target, ...]:
        """Give the targets to realise: the fixed ones, or `n` times the template."""
        if self.template is None:
            return self.fixed or ()
        return (self.template,) * (self.counts[0] if n is None else n)


class CFO(Section):
    """Carrier frequency offset and oscillator phase noise, shared by all receive channels."""

    offset_hz: Number
    """Residual carrier frequency offset, Hz; drawn once a capture."""
    phase_noise_rad_per_sqrt_s: NonNegativeNumber = 0.0
    """Standard deviation of the random-walk phase after one second, rad/√s."""


class SFO(Section):
    """Sampling frequency offset: a delay that drifts over the window."""

    ppm: Number
    """Offset, parts per million."""


class STO(Section):
    """Symbol timing offset: a delay common to all receive channels."""

    offset_ns: Number
    """Mean delay, ns; drawn once a capture."""
    jitter_ns: NonNegativeNumber = 0.0
    """Standard deviation of the delay from packet to packet, ns."""


class AGC(Section):
    """Automatic gain control that steps at random moments."""

    step_db: NonNegativeNumber
    """Size of one gain step, dB; its sign is random."""
    rate_hz: NonNegativeNumber
    """Mean number of steps per second."""


class Jitter(Section):
    """Packets that leave late or early."""

    std_us: NonNegativeNumber
    """Standard deviation of a packet's time, µs."""


class Loss(Section):
    """Packets that never arrive, in bursts."""

    fraction: Annotated[Number, Bounds(ge=0, lt=1)]
    """Expected share of packets lost."""
    mean_burst_packets: Annotated[Number, Bounds(ge=1)] = 1.0
    """Mean length of a burst of losses, packets."""


class Quantisation(Section):
    """Rounding of real and imaginary part to integers, as Wi-Fi chips report CSI."""

    bits: Annotated[Int, Field(ge=2, le=16)]
    """Bits of each of real and imaginary part, sign included."""
    headroom_db: Annotated[Float, Field(ge=0)] = 3.0
    """Room between the largest magnitude and full scale, dB."""


class Impairments(Section):
    """What the hardware does to the channel; null: nothing."""

    noise: bool = True
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


class Spectrum(Section):
    """How the acceleration-jerk spectrum is made (METHOD section 2)."""

    acceleration_max_m_s2: Positive = 8.0
    """The acceleration axis runs from minus to plus this, m/s²."""
    jerk_max_m_s3: Positive = 40.0
    """The jerk axis runs from minus to plus this, m/s³."""
    bins_acceleration: Annotated[Int, Field(ge=2, le=4096)] = 64
    """Bins of the acceleration axis."""
    bins_jerk: Annotated[Int, Field(ge=2, le=4096)] = 64
    """Bins of the jerk axis."""
    lag_ratio: Annotated[Float, Field(gt=0, lt=0.5)] = 0.089
    """Lag of the lag product (eq. 12), as a share of the packets of a window."""
    min_lag: Annotated[Float, Field(ge=0, lt=1)] = 0.12
    """Smallest lag of the autocorrelation (eq. 4), as a share of the lag product's length."""
    lags: Literal["positive", "symmetric"] = "positive"
    """Lags of the autocorrelation that enter: positive (the paper's) or symmetric."""
    combine: Literal["single", "noncoherent", "coherent", "delay"] = "coherent"
    """How subcarriers are combined."""
    reference: Literal["product", "ratio"] = "product"
    """How a reference channel is used: conjugate product (the paper's) or ratio."""


class Dataset(Section):
    """How many samples, and of which classes."""

    per_class: dict[Int, Annotated[Int, Field(ge=0)]] | None = None
    """Samples for each number of targets; null: counts are drawn as targets.count says."""
    n_samples: Annotated[Int, Field(ge=1)] = 1000
    """Samples in all; with per_class its sum."""

    @model_validator(mode="before")
    @classmethod
    def _default_to_sum(cls, data: Any) -> Any:
        if isinstance(data, dict) and "n_samples" not in data and isinstance(data.get("per_class"), dict):
            values = list(data["per_class"].values())
            if values and all(type(value) is int for value in values):
                return {**data, "n_samples": sum(values)}
        return data

    @model_validator(mode="after")
    def _sum(self) -> Dataset:
        if self.per_class is not None and sum(self.per_class.values()) != self.n_samples:
            raise refuse(
                f"n_samples is {self.n_samples}, but per_class adds up to {sum(self.per_class.values())}; "
                "leave n_samples out or make them equal",
                "n_samples",
            )
        return self
