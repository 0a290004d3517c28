"""The paths of a capture while they are drawn: of points of bodies, of their bounces off walls, of movers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from isacsim.body import DrawnBody
from isacsim.bounces import bounces_of
from isacsim.rcs import echo_amplitude
from isacsim.scenario import Scenario
from isacsim.scenario_environments import RayTraced
from isacsim.scenario_targets import Target
from isacsim.trajectory import Motion, PathMotion

__all__ = ["DrawnPaths"]

Real: TypeAlias = NDArray[np.float64]


@dataclass
class DrawnPaths:
    """Lists over paths; see `isacsim.realisation.Realisation`."""

    scenario: Scenario
    motions: list[Motion] = field(default_factory=list)
    target: list[int] = field(default_factory=list)
    amplitude: list[float] = field(default_factory=list)
    phase: list[float] = field(default_factory=list)
    scatterer: list[str] = field(default_factory=list)
    echo: list[Real] = field(default_factory=list)
    """Factors on the amplitude; each of shape (receiver,)."""

    def add(
        self,
        motion: Motion,
        amplitude: float,
        phase: float,
        target: int,
        name: str = "",
        echo: Real | None = None,
    ) -> None:
        """Add one path."""
        self.motions.append(motion)
        self.amplitude.append(amplitude)
        self.phase.append(phase)
        self.target.append(target)
        self.scatterer.append(name)
        self.echo.append(np.ones(len(self.scenario.radio.receivers)) if echo is None else echo)

    def add_target(
        self,
        config: Target,
        body: DrawnBody,
        amplitude: float,
        phase: float,
        chance: Callable[[], np.random.Generator],
    ) -> None:
        """Add the paths of a target.

        Parameters
        ----------
        config : Target
            For its radar cross-section.
        body : DrawnBody
            Its points in motion.
        amplitude, phase : float
            Of the whole; of its reference point, rad.
        chance : callable
            Makes the generator of its cross-section; not called if it has none.
        """
        number = self.target[-1] + 1 if self.target else 0
        radio, environment = self.scenario.radio, self.scenario.environment
        echo = None
        if config.rcs is not None:
            assert not isinstance(body.reference, PathMotion)  # the model checked
            place = body.reference.state(0.0).position[0]
            receivers = [r.position_m for r in radio.receivers]
            echo = echo_amplitude(config.rcs, place, body.heading, radio.transmitter_m, receivers, chance())
        phases = (phase, *body.phase)
        for motion, share, angle, name in zip(body.motions, body.amplitude, phases, body.names, strict=True):
            self.add(motion, amplitude * share, angle, number, name, echo)
        if (
            isinstance(environment, RayTraced)
            and environment.bounces
            and not isinstance(body.reference, PathMotion)
        ):
            first = next(i for i, r in enumerate(radio.receivers) if r.role == "surveillance")
            for bounce in bounces_of(body.reference, environment, radio):
                turned = phase + float(np.angle(bounce.factor[first]))
                weaker = np.abs(bounce.factor) * (1.0 if echo is None else echo)
                self.add(bounce.motion, amplitude * body.amplitude[0], turned, number, bounce.name, weaker)

    def echoes(self) -> Real:
        """Factors on the amplitudes; shape (receiver, path)."""
        return np.stack(self.echo, axis=1) if self.echo else np.ones((len(self.scenario.radio.receivers), 0))
