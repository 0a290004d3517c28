"""The static environments of a scenario: one model a kind, told apart by ``kind``; docs/environments.md shows each.

A further kind is one more model in the union `Environment` and one function in `isacsim.channel.static`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from isacsim.scenario.limits import DelaySpread, Metres, Place
from isacsim.scenario.numbers import Bounds, DecibelNumber, Float, Int, Number, WholeNumber
from isacsim.scenario.rooms import BoxRoom, Room
from isacsim.scenario.section import NumberVector, Section, Vector, refuse

__all__ = [
    "Antenna",
    "Cdl",
    "Environment",
    "Factory",
    "Floor",
    "IndoorOffice",
    "NoEnvironment",
    "RayTraced",
    "Rayleigh",
    "ReceiverAntenna",
    "StreetCanyon",
    "Tdl",
    "Tr38901",
    "TwoRay",
    "Wall",
    "WifiIndoor",
]


class NoEnvironment(Section):
    """No static part."""

    kind: Literal["none"]
    """none: only the moving paths."""


class Floor(Section):
    """A horizontal reflecting plane."""

    kind: Literal["floor"]
    """floor: the plane z = height_m."""
    height_m: Place = 0.0
    """Height z of the plane, metres."""


class Wall(Section):
    """Any reflecting plane."""

    kind: Literal["wall"]
    """wall: the plane through point_m, perpendicular to normal."""
    point_m: NumberVector
    """A point [x, y, z] of the plane, metres."""
    normal: Vector
    """Normal [x, y, z] of the plane; its length does not matter."""

    @model_validator(mode="after")
    def _not_zero(self) -> Wall:
        if max(map(abs, self.normal)) < 1e-6:
            raise refuse(f"normal is {list(self.normal)}; it must have a length", "normal")
        return self


class TwoRay(Section):
    """Line of sight and one specular reflection."""

    kind: Literal["two_ray"]
    """two_ray: line of sight and one reflection."""
    reflection_coefficient: Annotated[Number, Bounds(ge=-1, le=1)] = -0.7
    """Amplitude of the reflection relative to the same path unreflected; negative turns the phase."""
    surface: Annotated[Floor | Wall, Field(discriminator="kind")]
    """The plane that reflects."""
    power_db: DecibelNumber = 20.0
    """Total static power per subcarrier (mean over subcarriers), dB relative to a path of unit amplitude."""


class Rayleigh(Section):
    """Random taps with an exponential power-delay profile, optionally with a line of sight (Rician)."""

    kind: Literal["rayleigh"]
    """rayleigh: complex Gaussian taps, drawn once a capture."""
    power_db: DecibelNumber = 20.0
    """Expected static power per subcarrier, dB relative to a path of unit amplitude."""
    delay_spread_ns: DelaySpread = 50.0
    """Root-mean-square delay spread of the profile, ns."""
    n_taps: Annotated[WholeNumber, Bounds(ge=1, le=1000)] = 12
    """Number of taps."""
    k_factor_db: DecibelNumber | None = None
    """Power of the line of sight relative to all taps, dB; null: no line of sight."""
    angular_spread_deg: Annotated[Number, Bounds(gt=0, le=180)] | None = None
    """Over arrays: standard deviation of the directions of one tap's rays, degrees; null: 30."""


class Expected(Section):
    """Fields of every random environment."""

    power_db: DecibelNumber = 20.0
    """Expected static power per subcarrier, dB relative to a path of unit amplitude."""


class Tdl(Expected):
    """Tapped delay line of 3GPP TR 38.901 (section 7.7.2) or TS 38.101-4 (annex B.2.1), by Sionna."""

    kind: Literal["sionna_tdl"]
    """sionna_tdl: taps of a 3GPP profile, drawn once a capture, independent from receiver to receiver; within an array
    clusters of rays."""
    model: Literal["A", "B", "C", "D", "E", "A10", "A30", "B100", "C60", "C300", "D10", "D30"]
    """A to E: profiles scaled by delay_spread_ns (D and E with a line of sight). Others: fixed profiles."""
    delay_spread_ns: DelaySpread | None = None
    """Root-mean-square delay spread, ns: required with models A to E, not allowed with the fixed profiles."""
    angular_spread_deg: Annotated[Number, Bounds(gt=0, le=180)] | None = None
    """Over arrays: standard deviation of the directions of one tap's rays, degrees; null: 30."""

    @model_validator(mode="after")
    def _spread_where_it_scales(self) -> Tdl:
        scales = len(self.model) == 1
        if scales and self.delay_spread_ns is None:
            raise refuse(
                f"delay_spread_ns is missing; model {self.model} is scaled by it, for example 30",
                "delay_spread_ns",
            )
        if not scales and self.delay_spread_ns is not None:
            raise refuse(
                f"delay_spread_ns is given, but model {self.model} has fixed delays; leave it out, or take a model "
                "from A to E",
                "delay_spread_ns",
            )
        return self


class Cdl(Expected):
    """Clustered delay line of 3GPP TR 38.901 (section 7.7.1), by Sionna.

    All receivers' elements are one array, at their places in space, so that close ones fade alike; they and the
    transmitter's are isotropic. The model's x axis points from the transmitter to their middle.
    """

    kind: Literal["sionna_cdl"]
    """sionna_cdl: clusters of rays with 3GPP's powers, delays and angles, drawn once a capture."""
    model: Literal["A", "B", "C", "D", "E"]
    """Profile; D and E have a line of sight."""
    delay_spread_ns: DelaySpread
    """Root-mean-square delay spread, ns."""


class Tr38901(Expected):
    """Fields that the system-level models of 3GPP TR 38.901 (section 7.5), by Sionna, have in common.

    Large-scale parameters follow from the antennas' places; close receivers fade alike (section 7.6.3). The elements of
    arrays are isotropic.
    """

    line_of_sight: Literal["always", "never", "random"] = "random"
    """random: with 3GPP's probability at the antennas' distance, drawn a capture."""


class IndoorOffice(Tr38901):
    """Indoor hotspot (InH) office."""

    kind: Literal["sionna_inh"]
    """sionna_inh: 3GPP's indoor office."""
    office: Literal["open", "mixed"] = "mixed"
    """Open-plan or mixed office: decides the probability of a line of sight."""


class Factory(Tr38901):
    """Indoor factory (InF)."""

    kind: Literal["sionna_inf"]
    """sionna_inf: 3GPP's indoor factory."""
    factory: Literal["SL", "DL", "SH", "DH", "HH"] = "DL"
    """Sparse or dense clutter, low or high transmitter; HH: transmitter and receiver above the clutter."""
    hall_m: tuple[Metres, Metres, Metres] | None = None
    """Length, width, height of the hall, metres; null: 3GPP's for the kind of factory (table 7.8-7)."""
    clutter_density: Annotated[Float, Field(ge=0, lt=1)] | None = None
    """Share of the floor that clutter covers; null: 3GPP's."""


class StreetCanyon(Tr38901):
    """Urban microcell (UMi) street canyon, receivers outdoors."""

    kind: Literal["sionna_umi"]
    """sionna_umi: 3GPP's street canyon."""


class WifiIndoor(Expected):
    """IEEE 802.11 TGn indoor profile (IEEE 802.11-03/940r4, appendix C)."""

    kind: Literal["ieee80211"]
    """ieee80211: Rayleigh taps 10 ns or more apart, drawn once a capture, independent from receiver to receiver; within
    an array clusters of rays."""
    model: Literal["B", "C", "D"]
    """B: home, 15 ns of delay spread. C: small office, 30 ns. D: office, 50 ns."""
    angular_spread_deg: Annotated[Number, Bounds(gt=0, le=180)] | None = None
    """Over arrays: standard deviation of the directions of one tap's rays, degrees; null: 30."""


class Antenna(Section):
    """Pattern and direction of an antenna, vertically polarised."""

    pattern: Literal["iso", "dipole", "hw_dipole", "tr38901"] = "iso"
    """Isotropic, short or half-wave dipole (upright), or 3GPP's directional element (8 dBi, 65 degrees)."""
    looks_at_m: Vector | None = None
    """Point [x, y, z] that it looks at, metres; null: along x."""

    @model_validator(mode="after")
    def _direction(self) -> Antenna:
        if self.pattern == "tr38901" and self.looks_at_m is None:
            raise refuse("looks_at_m is missing; a directional antenna needs it", "looks_at_m")
        return self


class ReceiverAntenna(Antenna):
    """Antenna of one receiver."""

    name: str
    """Name of the receiver, as in radio.receivers."""


class RayTraced(Section):
    """Paths that Sionna's ray tracer finds between the antennas, in a room of ours or a scene of Sionna's.

    Traced once a scenario and kept on disk; every capture has the same paths.
    """

    kind: Literal["sionna_rt"]
    """sionna_rt: ray-traced."""
    room: Room | None = None
    """The room; or scene."""
    scene: (
        Literal[
            "box",
            "box_knife",
            "box_one_screen",
            "box_two_screens",
            "double_reflector",
            "etoile",
            "floor_wall",
            "florence",
            "munich",
            "san_francisco",
            "simple_reflector",
            "simple_street_canyon",
            "simple_street_canyon_with_cars",
            "simple_wedge",
            "triple_reflector",
        ]
        | None
    ) = None
    """A scene that comes with Sionna; or room."""
    transmitter: Antenna = Antenna()
    """The transmitter's antenna; not with radio.transmitter_array, whose elements have a pattern of their own."""
    receivers: tuple[ReceiverAntenna, ...] = ()
    """The receivers' antennas, but for arrays; one that is not named here is isotropic."""
    max_depth: Annotated[Int, Field(ge=0, le=20)] = 4
    """Most interactions (reflections, transmissions) on a path."""
    samples: Annotated[Int, Field(ge=1, le=100_000_000)] = 100_000
    """Rays shot to find paths; larger scenes need more."""
    diffraction: bool = False
    """True: paths bend around edges, once at most."""
    bounces: Annotated[Int, Field(ge=0, le=1)] = 0
    """1: targets also echo over a wall, the floor or the ceiling, before or after them: 12 more paths a target. Needs a
    room of kind box."""
    phases: Literal["traced", "random"] = "traced"
    """traced: every capture has one and the same channel. random: each path gets a phase of its own a capture."""
    power_db: DecibelNumber = 20.0
    """Static power per subcarrier of the first surveillance receiver, dB relative to a path of unit amplitude: mean
    over subcarriers, and with random phases expected. The other receivers keep their traced power relative to it."""

    @model_validator(mode="after")
    def _one_place(self) -> RayTraced:
        if (self.room is None) == (self.scene is None):
            raise refuse("give either room, described here, or scene, the name of one of Sionna's", "room")
        if self.bounces and not isinstance(self.room, BoxRoom):
            what = "a scene of Sionna's" if self.room is None else f"a room of kind {self.room.kind}"
            raise refuse(f"bounces is 1, which needs a room of kind box, not {what}", "bounces")
        names = [antenna.name for antenna in self.receivers]
        if len(set(names)) != len(names):
            raise refuse("receivers names one receiver twice", "receivers")
        return self


Environment = Annotated[
    NoEnvironment
    | TwoRay
    | Rayleigh
    | Tdl
    | Cdl
    | IndoorOffice
    | Factory
    | StreetCanyon
    | WifiIndoor
    | RayTraced,
    Field(discriminator="kind"),
]
