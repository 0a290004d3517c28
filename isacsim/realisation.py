"""Scenario and seed to what one capture is made of, and what a receiver gets of it (method.md section 1).

A :class:`Realisation` is what chance decided: motions, amplitudes, phases, the static channel. It can be evaluated
at any times, path by path, so the noisy, noiseless and clean version of a sample come from one and the same draw.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isacsim.blas import on_one_thread
from isacsim.body import realise_target
from isacsim.channel import impairments
from isacsim.channel.paths import cubic_path_length, simulate_path_lengths
from isacsim.channel.static import static_response
from isacsim.distribution import draw
from isacsim.drawn_paths import DrawnPaths
from isacsim.errors import InputError
from isacsim.motion import (
    Motion,
    PathMotion,
    path_kinematics,
    path_length_exact,
    realise_motion,
    scatterer_path_lengths,
)
from isacsim.random_streams import Stream, stream
from isacsim.scenario import Scenario
from isacsim.trajectory import BounceMotion, ScattererMotion

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Realisation", "Received", "realisation_of", "realise", "receive"]

Real = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Realisation:
    """What chance decided about one capture, before noise and impairments."""

    scenario: Scenario
    seed: int
    index: int
    motions: tuple[Motion, ...]
    """One a path: the targets' first, each target's reference point before its other points and its bounces, then
    movers."""
    target: NDArray[np.int64]
    """Which target a path belongs to, -1 for a mover; shape (path,)."""
    amplitude: Real
    """Amplitude before ``echo`` and the receivers' gains; shape (path,)."""
    phase: Real
    """rad; shape (path,)."""
    static: NDArray[np.complex128]
    """Static channel; shape (receiver, subcarrier)."""
    scatterer: tuple[str, ...]
    """Which point of its body a path belongs to, or which bounce it is; empty for point targets and movers; (path,)."""
    echo: Real
    """Factor on the amplitude by radar cross-section and geometry, 1 where there is none; shape (receiver, path)."""

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
        """Amplitude at each receiver, its ``dynamic_gain_db`` included; shape (receiver, path)."""
        gain = np.array([r.dynamic_gain_db for r in self.scenario.radio.receivers])
        return np.asarray(10 ** (gain[:, np.newaxis] / 20) * self.amplitude * self.echo)

    def path_lengths(self, time: Real, *, exact: bool | None = None) -> Real:
        """Path lengths in m at times (packet,) in s; shape (receiver, path, packet).

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

    def undamaged(self, time: Real) -> NDArray[np.complex64]:
        """CSI of paths and static part together; shape (receiver, subcarrier, packet)."""
        f = self.scenario.radio.frequency_hz
        each = zip(self.path_lengths(time), self.received_amplitude, self.static, strict=True)
        made = [simulate_path_lengths(d, f, amplitude=a, phase=self.phase, static=s) for d, a, s in each]
        return made[0][np.newaxis] if len(made) == 1 else np.stack(made)

    def each_path(self, time: Real) -> NDArray[np.complex64]:
        """CSI of each target path by itself; shape (receiver, path, subcarrier, packet), movers left out."""
        radio = self.scenario.radio
        keep = np.flatnonzero(self.target >= 0)
        out = np.empty((len(radio.receivers), keep.size, radio.n_subcarriers, time.size), np.complex64)
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

    def model_error(self) -> Real:
        """Largest |exact - cubic| path length within the window, in carrier wavelengths; (receiver, path)."""
        time = self.scenario.radio.time_s
        d, v, a, r = self.kinematics
        cubic = cubic_path_length(time, path_length=d, velocity=v, acceleration=a, jerk=r)
        off = np.abs(self.path_lengths(time, exact=True) - cubic)
        return np.asarray(off.max(axis=-1, initial=0.0) / self.scenario.radio.wavelength_m)


@on_one_thread
def realise(scenario: Scenario, *, seed: int, index: int = 0, n_targets: int | None = None) -> Realisation:
    """Draw what one capture is made of; arguments as for :func:`simulate`."""
    targets = scenario.targets
    if targets.count is None:
        if n_targets is not None and n_targets != targets.counts[0]:
            raise InputError(
                f"scenario {scenario.name} has {targets.counts[0]} fixed targets; "
                f"n_targets can't make them {n_targets}."
            )
        count = targets.counts[0]
    else:
        count = targets.draw_count(stream(seed, index, Stream.COUNT)) if n_targets is None else n_targets
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or not 0 <= count <= 100:
            raise InputError(f"n_targets must be an integer from 0 to 100, got {n_targets!r}.")
    paths = DrawnPaths(scenario)
    rng = stream(seed, index, Stream.TARGETS)
    for n, config in enumerate(targets.configs(int(count))):
        body = realise_target(scenario, config, rng, partial(stream, seed, index, Stream.BODIES, n))
        amplitude, phase = draw(config.amplitude, rng), rng.uniform(-np.pi, np.pi)
        paths.add_target(config, body, amplitude, phase, partial(stream, seed, index, Stream.RCS, n))
    rng = stream(seed, index, Stream.MOVERS)
    for mover in scenario.movers:
        motion = realise_motion(mover.motion, rng)
        paths.add(motion, draw(mover.amplitude, rng), rng.uniform(-np.pi, np.pi), target=-1)
    return Realisation(
        scenario,
        int(seed),
        int(index),
        tuple(paths.motions),
        np.array(paths.target, np.int64),
        np.array(paths.amplitude, np.float64),
        np.array(paths.phase, np.float64),
        static_response(scenario, stream(seed, index, Stream.STATIC)),
        tuple(paths.scatterer),
        paths.echoes(),
    )


@dataclass(frozen=True, eq=False)
class Received:
    """What the receivers make of a realisation."""

    drawn: Realisation
    time: Real
    """s about the window's centre; shape (packet,)."""
    damage: impairments.Impairment
    clean: NDArray[np.complex64]
    """Paths and static part at those packets; shape (receiver, subcarrier, packet)."""
    csi: NDArray[np.complex64]
    """The same with noise and impairments."""

    @property
    def nominal(self) -> bool:
        """Whether every packet came when the radio meant to send it."""
        return np.array_equal(self.time, self.drawn.scenario.radio.time_s)

    def bare_capture(self) -> xr.Dataset:
        """Capture with what conditioning and spectra need and no more: a full one takes as long as a spectrum."""
        import xarray as xr

        receivers = self.drawn.scenario.radio.receivers
        dims = ("receiver", "subcarrier", "packet")
        variables = {"csi": (dims, self.csi, {"phase_sign": -1})}
        if self.damage.gain_db.any():
            variables["agc_gain_db"] = ("packet", self.damage.gain_db, {})  # type: ignore[assignment]
        coords = {
            "receiver": [r.name for r in receivers],
            "role": ("receiver", [r.role for r in receivers]),
            "frequency": ("subcarrier", self.drawn.scenario.radio.frequency_hz),
            "time": ("packet", self.time),
        }
        rate = self.drawn.scenario.radio.packet_rate_hz
        attrs = {"shared_phase_error": int(self.damage.shared), "packet_rate": rate}
        return xr.Dataset(variables, coords, attrs)


@on_one_thread
def receive(drawn: Realisation) -> Received:
    """Receive a realisation: packets, impairments, noise; decided by its scenario, seed and index."""
    time = impairments.packet_times(drawn.scenario, drawn.seed, drawn.index)
    damage = impairments.draw_impairments(drawn.scenario, time, drawn.seed, drawn.index)
    clean = drawn.undamaged(time)
    csi = impairments.apply(clean, drawn.scenario, damage, drawn.seed, drawn.index)
    return Received(drawn, time, damage, clean, csi)


@lru_cache(maxsize=16)
def _scenario_of(text: str) -> Scenario:
    # Reading the YAML takes as long as a spectrum, and the captures of a data set share it.
    return Scenario.from_yaml(text, file="the capture's scenario")


def realisation_of(capture: xr.Dataset) -> Realisation:
    """Draw again what a simulated capture was made of, from its attributes.

    Raises
    ------
    InputError
        If the capture was not simulated.
    """
    if "scenario" not in capture.attrs:
        raise InputError(
            "the capture has no attribute 'scenario': only simulated captures have a truth to draw again."
        )
    attrs = capture.attrs
    scenario = _scenario_of(attrs["scenario"])
    given = attrs["n_targets"] if scenario.targets.count is not None else None
    return realise(scenario, seed=int(attrs["seed"]), index=int(attrs["index"]), n_targets=given)
