"""The scenario: one YAML file that says what is simulated, validated field by field.

``load_scenario("default")`` gives a shipped one, ``load_scenario("mine.yaml")`` a file. A scenario is frozen;
it goes to canonical YAML and back without loss, and everything in it that decides a sample enters its
fingerprint.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from isacsim.scenario import yaml_errors, yaml_file
from isacsim.scenario.environments import Environment
from isacsim.scenario.impairments import Impairments
from isacsim.scenario.numbers import (
    DecibelNumber,
    Uniform,
)
from isacsim.scenario.outputs import Dataset, Spectrum
from isacsim.scenario.radio import Radio
from isacsim.scenario.section import Section, several
from isacsim.scenario.targets import Mover, Targets
from isacsim.scenario.together import faults_of

__all__ = ["Scenario"]


class Scenario(Section):
    """Everything about a simulated capture except the random numbers."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    """Name: letters, digits, - _ and dots."""
    description: Annotated[str, Field(min_length=1, pattern=r"^[^\n\r]*$")]
    """One line that says what this is."""
    room: Annotated[str, Field(min_length=1, pattern=r"^[^\n\r]*$")] | None = None
    """Name of the room, a label of samples: scenarios of one room share it. Default: the scenario's name."""
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
    """Targets that move and count."""
    movers: tuple[Mover, ...] = ()
    """Movers, which move and do not count: unlabelled paths."""
    impairments: Impairments = Impairments()
    """Impairments of the hardware on the channel."""
    spectrum: Spectrum = Spectrum()
    """Settings of the acceleration-jerk spectrum."""
    dataset: Dataset = Dataset()
    """Sizes of a data set."""

    @model_validator(mode="after")
    def _check_together(self) -> Scenario:
        """Check what concerns several sections, and tell all that is wrong at once."""
        if found := faults_of(self):
            raise several(found)
        return self

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
