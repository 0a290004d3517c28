"""Scenario and seed to what one capture is made of (method.md section 1).

A :class:`Realisation` is what chance decided: motions, amplitudes, phases, the static channel. It can be evaluated
at any times, path by path, so the noisy, noiseless and clean version of a sample come from one and the same draw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from isacsim.channel.array_paths import simulate_element_paths
from isacsim.channel.paths import cubic_path_length, simulate_path_lengths
from isacsim.channel.static import static_response
from isacsim.compute.threads import on_one_thread
from isacsim.errors import InputError
from isacsim.scenario.environments import RayTraced
from isacsim.scenario.impairments import Impairments
from isacsim.scenario.model import Scenario
from isacsim.scenario.numbers import plain
from isacsim.scenario.targets import Target
from isacsim.simulation.drawing import draw_scenario
from isacsim.simulation.elements import bearings, gains, leg_offsets
from isacsim.streams import Stream, stream
from isacsim.targets.body import DrawnBody
from isacsim.targets.bounces import bounces_of
from isacsim.targets.kinematics import (
    Motion,
    PathMotion,
    path_kinematics,
    path_length_exact,
    realise_motion,
    scatterer_path_lengths,
)
from isacsim.targets.rcs import echo_amplitude
from isacsim.targets.trajectory import BounceMotion, ScattererMotion

__all__ = ["PathList", "Real", "Realisation", "realise"]

Real = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Realisation:
    """Random choices for one capture, before noise and impairments."""

    scenario: Scenario
    """As it was given."""
    drawn: Scenario
    """The same, every distribution replaced by the number drawn; its targets are fixed."""
    seed: int
    index: int
    motions: tuple[Motion, ...]
    """One a path: the targets' first, each target's reference point before its other points and its bounces, then
    movers."""
    target: NDArray[np.int64]
    """Target that a path belongs to, -1 for a mover; shape (path,)."""
    amplitude: Real
    """Amplitude before ``echo`` and the receivers' gains; shape (path,)."""
    phase: Real
    """rad; shape (path,)."""
    static: NDArray[np.complex128]
    """Static channel of each pair of elements (`Radio.streams`); shape (stream, subcarrier)."""
    scatterer: tuple[str, ...]
    """Point of its body that a path belongs to, or its bounce; empty for point targets and movers; (path,)."""
    echo: Real
    """Factor on the amplitude by radar cross-section and geometry, 1 where there is none; shape (receiver, path)."""
    further: tuple[Impairments, ...] = ()
    """Impairments, numbers, of the receiving devices after the first, whose are those of ``drawn``."""

    @property
    def reference(self) -> NDArray[np.int64]:
        """Path of each target's reference point, whose kinematics are the target's truth; shape (target,)."""
        return np.flatnonzero(np.diff(self.target, prepend=-1) > 0)

    @property
    def n_targets(self) -> int:
        """Number of targets."""
        return int(self.target.max(initial=-1)) + 1

    @cached_property
    def kinematics(self) -> Real:
        """Path length, velocity, acceleration and jerk at the window's centre; shape (4, receiver, path)."""
        radio = self.scenario.radio
        rows = [
            [path_kinematics(m, radio.transmitter_m, r.position_m) for m in self.motions]
            for r in radio.receivers
        ]
        return np.array(rows, np.float64).reshape(len(radio.receivers), -1, 4).transpose(2, 0, 1)

    @cached_property
    def received_amplitude(self) -> Real:
        """Amplitude at each receiver, its ``dynamic_gain_db`` and the elements' patterns included; (receiver, path)."""
        gain = np.array([r.dynamic_gain_db for r in self.scenario.radio.receivers])
        amplitude = np.asarray(10 ** (gain[:, np.newaxis] / 20) * self.amplitude * self.echo)
        if self.scenario.radio.has_arrays:
            amplitude *= gains(self.scenario.radio, self.bearing)
        return amplitude

    @cached_property
    def bearing(self) -> Real:
        """Directions in which the antennas see the paths (`bearings`); shape (1 + receiver, path, 3)."""
        return bearings(self.scenario.radio, self.motions, self.target, self.seed, self.index)

    def path_lengths(self, time: Real, *, exact: bool | None = None) -> Real:
        """Path lengths in m at times (packet,) in s, between the arrays' centres; shape (receiver, path, packet).

        ``exact`` None: as the scenario's motion_model says. Movers, limbs and bounces always move exactly: a fan's
        cubic means nothing, nor does that of a swinging arm.
        """
        radio = self.scenario.radio
        by_model = self.scenario.motion_model == "exact" if exact is None else exact
        d, v, a, r = self.kinematics
        length = cubic_path_length(time, path_length=d, velocity=v, acceleration=a, jerk=r)
        for p, motion in enumerate(self.motions):
            if isinstance(motion, ScattererMotion):
                if motion.number == 0:  # its body's points at once
                    at = motion.body.positions(time)
                    for i, receiver in enumerate(radio.receivers):
                        made = scatterer_path_lengths(at, radio.transmitter_m, receiver.position_m)
                        length[i, p : p + len(made)] = made
            elif (by_model or self.target[p] < 0 or isinstance(motion, BounceMotion)) and not isinstance(
                motion, PathMotion
            ):
                for i, receiver in enumerate(radio.receivers):
                    length[i, p] = path_length_exact(motion, radio.transmitter_m, receiver.position_m, time)
        if length.size and length.min() < 0:
            raise InputError(
                f"scenario {self.scenario.name}, seed {self.seed}, sample {self.index}: a path's length falls to "
                f"{length.min():.3g} m within the window; start it longer or move it slower."
            )
        return length

    def receivers_of(self, streams: Sequence[int]) -> list[int]:
        """Number of the receiver that each of some streams is of."""
        every = self.scenario.radio.streams
        return [every[i].receiver for i in streams]

    def names_of(self, streams: Sequence[int]) -> list[str]:
        """Names of the receivers that some streams are of."""
        return [self.scenario.radio.receivers[i].name for i in self.receivers_of(streams)]

    def stream_lengths(self, time: Real, streams: Sequence[int]) -> Real:
        """Path lengths in m of pairs of elements, by their position among the streams; (stream, path, packet)."""
        radio = self.scenario.radio
        if not radio.has_arrays:
            return self.path_lengths(time)[list(streams)]
        sent, received = self._legs(time)
        pairs = [radio.streams[i] for i in streams]
        return np.stack([sent[pair.tx_element] + received[pair.receiver][pair.element] for pair in pairs])

    def noiseless_csi(self, time: Real) -> NDArray[np.complex64]:
        """CSI of paths and static part together; shape (stream, subcarrier, packet)."""
        radio = self.scenario.radio
        f = radio.frequency_hz
        if radio.has_arrays:
            out = np.empty((len(self.static), f.size, time.size), np.complex64)
            return self._fill(self._legs(time), slice(None), self.static, out)
        each = zip(self.path_lengths(time), self.received_amplitude, self.static, strict=True)
        made = [simulate_path_lengths(d, f, amplitude=a, phase=self.phase, static=s) for d, a, s in each]
        return made[0][np.newaxis] if len(made) == 1 else np.stack(made)

    def each_path(self, time: Real) -> NDArray[np.complex64]:
        """CSI of each target path by itself; shape (stream, path, subcarrier, packet), movers left out."""
        radio = self.scenario.radio
        keep = np.flatnonzero(self.target >= 0)
        out = np.empty((len(self.static), keep.size, radio.n_subcarriers, time.size), np.complex64)
        if radio.has_arrays:
            legs, silence = self._legs(time), np.zeros_like(self.static)
            for n, p in enumerate(keep):
                self._fill(legs, slice(p, p + 1), silence, out[:, n])
            return out
        length = self.path_lengths(time)
        for i in range(len(radio.receivers)):
            for n, p in enumerate(keep):
                out[i, n] = simulate_path_lengths(
                    length[i, [p]],
                    radio.frequency_hz,
                    amplitude=self.received_amplitude[i, [p]],
                    phase=self.phase[[p]],
                )
        return out

    def _legs(self, time: Real) -> tuple[Real, list[Real]]:
        """Lengths (element, path, packet) in m whose sums are the pairs': of the transmitter, of each receiver."""
        radio = self.scenario.radio
        sent, received = leg_offsets(radio, self.motions, self.bearing, time)
        return sent, [d + offset for d, offset in zip(self.path_lengths(time), received, strict=True)]

    def _fill(
        self,
        legs: tuple[Real, list[Real]],
        paths: slice,
        static: NDArray[np.complex128],
        out: NDArray[np.complex64],
    ) -> NDArray[np.complex64]:
        """Fill out (stream, subcarrier, packet) with some paths and a static part, receiver by receiver."""
        sent, received = legs
        first = 0
        for i, leg in enumerate(received):
            of_receiver = slice(first, first := first + len(leg) * len(sent))
            simulate_element_paths(
                sent[:, paths],
                leg[:, paths],
                self.scenario.radio.frequency_hz,
                amplitude=self.received_amplitude[i, paths],
                phase=self.phase[paths],
                static=static[of_receiver],
                out=out[of_receiver],
            )
        return out

    def model_error(self) -> Real:
        """Largest |exact - cubic| path length within the window, in carrier wavelengths; (receiver, path)."""
        time = self.scenario.radio.time_s
        d, v, a, r = self.kinematics
        cubic = cubic_path_length(time, path_length=d, velocity=v, acceleration=a, jerk=r)
        off = np.abs(self.path_lengths(time, exact=True) - cubic)
        return np.asarray(off.max(axis=-1, initial=0.0) / self.scenario.radio.wavelength_m)


@on_one_thread
def realise(scenario: Scenario, *, seed: int, index: int = 0, n_targets: int | None = None) -> Realisation:
    """Make what one capture consists of; arguments as for :func:`isacsim.simulate`."""
    drawn, bodies, further = draw_scenario(scenario, seed=seed, index=index, n_targets=n_targets)
    paths = PathList(drawn)
    # The phases of all paths of a kind come one after the other, so a further one changes none of the others.
    phases = stream(seed, index, Stream.TARGETS).uniform(-np.pi, np.pi, len(bodies))
    for n, (target, body) in enumerate(zip(drawn.targets.configs(), bodies, strict=True)):
        paths.add_target(target, body, float(phases[n]), partial(stream, seed, index, Stream.RCS, n))
    if drawn.movers:
        phases = stream(seed, index, Stream.MOVERS).uniform(-np.pi, np.pi, len(drawn.movers))
        for mover, phase in zip(drawn.movers, phases.tolist(), strict=True):
            paths.add(realise_motion(mover.motion), plain(mover.amplitude), phase, target=-1)
    return Realisation(
        scenario,
        drawn,
        int(seed),
        int(index),
        tuple(paths.motions),
        np.array(paths.target, np.int64),
        np.array(paths.amplitude, np.float64),
        np.array(paths.phase, np.float64),
        static_response(drawn, stream(seed, index, Stream.STATIC, 1)),
        tuple(paths.scatterer),
        paths.echoes(),
        further,
    )


@dataclass
class PathList:
    """Lists over paths, one path added after the other; see :class:`Realisation`."""

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
        target: Target,
        body: DrawnBody,
        phase: float,
        chance: Callable[[], np.random.Generator],
    ) -> None:
        """Add the paths of a target.

        Parameters
        ----------
        target : Target
            For its amplitude and radar cross-section.
        body : DrawnBody
            Its points in motion.
        phase : float
            Of its reference point, rad.
        chance : callable
            Makes the generator of its cross-section; not called if it has none.
        """
        number = self.target[-1] + 1 if self.target else 0
        amplitude = plain(target.amplitude)
        radio, environment = self.scenario.radio, self.scenario.environment
        echo = None
        if target.rcs is not None:
            assert not isinstance(body.reference, PathMotion)  # the model checked
            place = body.reference.state(0.0).position[0]
            receivers = [r.position_m for r in radio.receivers]
            echo = echo_amplitude(target.rcs, place, body.heading, radio.transmitter_m, receivers, chance)
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
