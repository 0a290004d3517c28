"""The scenario: one YAML file that says what is simulated, validated field by field.

``load_scenario("default")`` gives a shipped one, ``load_scenario("mine.yaml")`` a file. A scenario is frozen;
it goes to canonical YAML and back without loss, and everything in it that decides a sample enters its
fingerprint.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from itertools import product
from math import dist
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from isacsim.errors import InputError
from isacsim.scenario import yaml_errors, yaml_file
from isacsim.scenario.bodies import WalkerBody
from isacsim.scenario.environments import Antenna, Environment, Floor, RayTraced, ReceiverAntenna, TwoRay
from isacsim.scenario.impairments import Impairments
from isacsim.scenario.motions import MotionConfig, Phases, Trajectory, Waypoints
from isacsim.scenario.numbers import (
    DecibelNumber,
    Distribution,
    Uniform,
    support,
)
from isacsim.scenario.outputs import Dataset, Spectrum
from isacsim.scenario.radio import Radio
from isacsim.scenario.section import Section, refuse, several
from isacsim.scenario.targets import Mover, Targets
from isacsim.spectrum.doppler import DopplerPlan
from isacsim.spectrum.grid import WindowResolution

__all__ = ["Scenario"]


class Scenario(Section):
    """Everything about a simulated capture except the random numbers."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    """Name: letters, digits, - _ and dots."""
    description: Annotated[str, Field(min_length=1, pattern=r"^[^\n\r]*$")]
    """One line that says what this is."""
    seed: Annotated[int, Field(strict=True, ge=0, le=2**63 - 1)] = 0
    """Seed used where none is given."""
    snr_db: DecibelNumber = Uniform(uniform=(5.0, 25.0))
    """Signal-to-noise ratio of a path of unit amplitude, per subcarrier, packet and receiver, dB."""
    motion_model: Literal["polynomial", "exact"] = "polynomial"
    """polynomial: path lengths are the cubic of the truth. exact: they follow the motion in space."""
    radio: Radio
    """Carrier, subcarriers, packets, antennas."""
    environment: Environment
    """The static part of the channel."""
    targets: Targets
    """What moves and counts."""
    movers: tuple[Mover, ...] = ()
    """What moves and doesn't count: unlabelled paths."""
    impairments: Impairments = Impairments()
    """What the hardware does to the channel."""
    spectrum: Spectrum = Spectrum()
    """How the acceleration-jerk spectrum is made."""
    dataset: Dataset = Dataset()
    """How many samples a dataset has."""

    @model_validator(mode="after")
    def _check_together(self) -> Scenario:
        """Check what concerns several sections, and tell all that is wrong at once."""
        found: list[PydanticCustomError] = []
        for check in (
            self._check_axes,
            self._check_doppler,
            self._check_reflector,
            self._check_room,
            self._check_patterns,
            self._check_cells,
            self._check_motions,
            self._check_sway,
            self._check_classes,
        ):
            try:
                check()
            except PydanticCustomError as error:
                found.append(error)
        if found:
            raise several(found)
        return self

    def _check_axes(self) -> None:
        radio, spectrum = self.radio, self.spectrum
        # The highest subcarrier folds first.
        highest = float(np.max(radio.frequency_hz))
        try:
            grid = WindowResolution(radio.packets, 1 / radio.packet_rate_hz, highest, spectrum.lag_ratio)
        except InputError as error:
            where = (
                ("spectrum", "lag_ratio")
                if "lag_ratio" in spectrum.model_fields_set
                else ("radio", "packets")
            )
            raise refuse(str(error), *where) from None
        try:
            grid.check(spectrum.acceleration_max_m_s2, spectrum.jerk_max_m_s3)
        except InputError as error:
            # The file's own axes are to blame, else the packet rate that doesn't do for the default ones.
            axes = ("acceleration_max_m_s2", "jerk_max_m_s3")
            named_axes = [("spectrum", name) for name in axes if name in spectrum.model_fields_set]
            raise refuse(str(error), *(named_axes or [("radio", "packet_rate_hz")])[0]) from None

    def _check_doppler(self) -> None:
        radio = self.radio
        if not self.spectrum.also:
            return
        carrier = float(np.mean(radio.frequency_hz))
        how = self.spectrum.doppler(radio.packets / radio.packet_rate_hz)
        try:
            DopplerPlan.of(radio.packets, 1 / radio.packet_rate_hz, carrier, **how)
        except InputError as error:
            argument = "max_speed" if "max_speed" in str(error) else "window_s"
            name = {"max_speed": "doppler_speed_max_m_s", "window_s": "doppler_window_s"}[argument]
            raise refuse(str(error).replace(argument, name).rstrip("."), "spectrum", name) from None

    def _check_reflector(self) -> None:
        if not isinstance(self.environment, TwoRay):
            return
        surface = self.environment.surface
        point: tuple[float | Distribution, ...]
        if isinstance(surface, Floor):
            point, normal = (0.0, 0.0, surface.height_m), np.array([0.0, 0.0, 1.0])
        else:
            point, normal = surface.point_m, np.array(surface.normal)
        # Sides are linear in the point: what holds at the ends of what may be drawn holds between them.
        ends = np.array(list(product(*map(support, point))))
        sent_from = self.radio.transmitter_elements_m
        for receiver, elements in zip(self.radio.receivers, self.radio.receiver_elements_m, strict=True):
            antennas = np.concatenate([sent_from, elements])
            with np.errstate(invalid="ignore"):  # a normal distribution reaches to infinity, on either side
                sides = (antennas[:, np.newaxis] - ends) @ normal
            if not ((sides > 0).all() or (sides < 0).all()):
                raise refuse(
                    f"the reflecting {surface.kind} separates (or touches) the transmitter and receiver "
                    f"{receiver.name!r}; both must stand on the same side of it",
                    *("environment", "surface"),
                )

    def _check_room(self) -> None:
        if not isinstance(self.environment, RayTraced):
            return
        names = [receiver.name for receiver in self.radio.receivers]
        for i, antenna in enumerate(self.environment.receivers):
            if antenna.name not in names:
                raise refuse(
                    f"there is no receiver {antenna.name!r}; radio.receivers has {', '.join(names)}",
                    *("environment", "receivers", i, "name"),
                )
        places = [("transmitter", self.radio.transmitter_m)]
        places += [(f"receiver {r.name!r}", r.position_m) for r in self.radio.receivers]
        elements = [self.radio.transmitter_elements_m, *self.radio.receiver_elements_m]
        for (name, place), of_array in zip(places, elements, strict=True):
            for number, (x, y, z) in enumerate(of_array.tolist()):
                single = len(of_array) == 1
                spot = place if single else (round(x, 4), round(y, 4), round(z, 4))
                blocked = "" if self.environment.room is None else self.environment.room.blocked(spot)
                if blocked:
                    which = f"the {name}" if single else f"element {number} of the {name}"
                    raise refuse(f"{which} at {list(spot)} is {blocked}", "environment", "room")
        looking: list[tuple[Antenna, tuple[str | int, ...]]] = [
            (self.environment.transmitter, ("transmitter",))
        ]
        looking += [(a, ("receivers", i)) for i, a in enumerate(self.environment.receivers)]
        at = dict(zip(names, [place for _, place in places[1:]], strict=True))
        for look, where in looking:
            place = at[look.name] if isinstance(look, ReceiverAntenna) else self.radio.transmitter_m
            if look.looks_at_m is not None and dist(look.looks_at_m, place) < 0.01:
                field = ("environment", *where, "looks_at_m")
                raise refuse(
                    f"{'.'.join(map(str, field))} is {list(look.looks_at_m)}, where the antenna itself stands; it must "
                    "differ",
                    *field,
                )

    def _check_patterns(self) -> None:
        if not isinstance(self.environment, RayTraced):
            return
        arrays = {receiver.name for receiver in self.radio.receivers if receiver.array is not None}
        twice: list[tuple[str | int, ...]] = [
            ("receivers", i) for i, antenna in enumerate(self.environment.receivers) if antenna.name in arrays
        ]
        if self.radio.transmitter_array is not None and self.environment.transmitter != Antenna():
            twice = [("transmitter",), *twice]
        if twice:
            raise refuse(
                f"environment.{'.'.join(map(str, twice[0]))} is the antenna of an array, whose elements have the "
                "pattern and direction that radio gives; leave it out",
                *("environment", *twice[0]),
            )

    def _check_cells(self) -> None:
        """One spectrum a receiver, and all of one kind: arrays of one size."""
        of_receivers = zip(self.radio.receivers, self.radio.receiver_elements_m, strict=True)
        sizes = {
            len(places): receiver.name for receiver, places in of_receivers if receiver.role == "surveillance"
        }
        if self.spectrum.combine == "resolved" and len(sizes) > 1:
            told = ", ".join(f"{name!r} has {size}" for size, name in sizes.items())
            raise refuse(
                f"spectrum.combine is resolved, which takes receivers with as many elements each, but {told}",
                *("spectrum", "combine"),
            )

    def _check_motions(self) -> None:
        motions: list[tuple[tuple[str | int, ...], MotionConfig]] = [
            (("targets", "fixed", i, "motion"), target.motion)
            for i, target in enumerate(self.targets.fixed or ())
        ]
        if self.targets.template is not None:
            motions.append((("targets", "template", "motion"), self.targets.template.motion))
        motions += [(("movers", i, "motion"), mover.motion) for i, mover in enumerate(self.movers)]
        for where, motion in motions:
            self._check_motion(where, motion)

    def _check_motion(self, where: tuple[str | int, ...], motion: MotionConfig) -> None:
        dotted = ".".join(map(str, where))
        if isinstance(motion, Waypoints):
            first, last = (float(t) for t in self.radio.time_s[[0, -1]])
            if motion.times_s[0] > first or motion.times_s[-1] < last:
                raise refuse(
                    f"{dotted}.times_s runs from {motion.times_s[0]:g} to {motion.times_s[-1]:g} s, but the "
                    f"window from {first:g} to {last:g} s; the waypoints must enclose the window",
                    *(*where, "times_s"),
                )
        if isinstance(motion, Trajectory | Phases):
            antennas = {"the transmitter": self.radio.transmitter_m}
            antennas |= {f"receiver {r.name!r}": r.position_m for r in self.radio.receivers}
            for name, position in antennas.items():
                if motion.position_m == position:
                    raise refuse(
                        f"{dotted}.position_m is {list(position)}, where {name} stands; it must differ",
                        *(*where, "position_m"),
                    )

    def _check_sway(self) -> None:
        fixed = [(("targets", "fixed", i), target) for i, target in enumerate(self.targets.fixed or ())]
        template = [] if self.targets.template is None else [(("targets", "template"), self.targets.template)]
        for where, target in (*fixed, *template):
            if isinstance(target.body, WalkerBody) and target.body.sway and self.motion_model != "exact":
                raise refuse(
                    f"{'.'.join(map(str, where))}.body.sway is true, but motion_model is {self.motion_model}: no cubic "
                    "sways with the steps; set motion_model: exact, or sway: false",
                    *(*where, "body", "sway"),
                )

    def _check_classes(self) -> None:
        counts = self.targets.counts
        for label in self.dataset.per_class or {}:
            if label not in counts:
                allowed = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
                raise refuse(
                    f"dataset.per_class has a class of {label} targets, but targets allows {allowed}",
                    *("dataset", "per_class", label),
                )

    @classmethod
    def from_yaml(cls, text: str, *, file: str = "scenario") -> Scenario:
        """Read a scenario from YAML text.

        Parameters
        ----------
        text : str
            The YAML.
        file : str
            What messages call it.

        Raises
        ------
        pydantic_core.ValidationError
            Naming file, line, field, what was passed and what is allowed.
        isacsim.InputError
            If the text is not a YAML mapping.
        """
        data, node = yaml_file.parse(text, file)
        return yaml_errors.validate(cls, data, node, file)

    def with_(self, **changes: Any) -> Scenario:
        """Make a scenario with some fields changed; it is validated as a file is.

        Parameters
        ----------
        **changes
            Field to value. A mapping changes the fields it names of a section, and replaces a section of another
            kind, a distribution or a list. Dotted names, and numbers of list entries, reach further in:
            ``with_(**{"targets.fixed.0.amplitude": 2.0})``.

        Raises
        ------
        pydantic_core.ValidationError
            Naming each field that is wrong, what was passed and what is allowed.
        isacsim.InputError
            If a name leads nowhere, or a value is nothing that a scenario can hold.

        Examples
        --------
        >>> import isacsim
        >>> quiet = isacsim.load_scenario("default").with_(snr_db=20, radio={"packets": 512})
        >>> quiet.snr_db, quiet.radio.packets
        (20.0, 512)
        """
        from isacsim.scenario.changing import changed

        return changed(self, changes)

    def summary(self) -> dict[str, str]:
        """Say in a few words what is simulated."""
        radio, counts = self.radio, self.targets.counts
        several_counts = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
        kind = getattr(self.environment, "kind", type(self.environment).__name__)
        return {
            "targets": several_counts,
            "radio": f"{radio.carrier_hz / 1e9:g} GHz, {radio.bandwidth_hz / 1e6:g} MHz, {radio.n_subcarriers} "
            "subcarriers",
            "packets": f"{radio.packets} packets at {radio.packet_rate_hz:g}/s",
            "receivers": radio.receivers_text,
            "environment": str(kind),
            "motion": self.motion_model,
        }

    def __repr__(self) -> str:
        about = self.summary()
        return f"<Scenario {self.name!r}: {about['targets']} targets, {about['radio']}, {about['packets']}>"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in self.summary().items()
        )
        return (
            f"<p><b>{escape(self.name)}</b>: {escape(self.description)}</p><table>{rows}</table>"
            f"<details><summary>YAML</summary><pre>{escape(self.to_yaml())}</pre></details>"
        )

    def to_yaml(self) -> str:
        """Write canonical YAML, defaults included: `from_yaml` gives back an equal scenario."""
        return self._canonical

    @cached_property
    def _canonical(self) -> str:
        # Once a scenario: every capture carries it. Every field that may be None has None as its default, so leaving
        # it out loses nothing.
        return yaml_file.dump(self.model_dump(exclude_none=True))

    def fingerprint(self) -> str:
        """Hash what decides a sample: SHA-256 of the canonical content.

        The description and ``dataset.n_samples`` stay out: sample i is the same however many are made.
        """
        return self._hash

    @cached_property
    def _hash(self) -> str:
        content = self.model_dump(exclude_none=True, exclude={"description": True, "dataset": {"n_samples"}})
        return hashlib.sha256(yaml_file.dump(content).encode()).hexdigest()
