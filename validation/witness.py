"""An independent witness: Sionna's ray tracer, asked anew at every instant for the echoes of a point target.

The target is a scattering point of constant radar cross-section (`sionna.rt.rcs`). All instants are traced in one call,
each as a scattering point of its own that knows nothing of the others; nothing of isacsim's geometry is used.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.constants import speed_of_light

from isacsim.channel.sionna.llvm import require_llvm
from isacsim.channel.sionna.room_xml import room_xml
from isacsim.scenario.environments import RayTraced
from isacsim.scenario.model import Scenario

__all__ = ["Echoes", "Witness"]

# Where the object that carries the scattering points stands: below the floor, so that it hides nothing.
_CARRIER_M = np.array([0.0, 0.0, -1.0])


class Echoes(NamedTuple):
    """Paths over the target, in no order."""

    instant: NDArray[np.int64]
    """Index of the position; shape (path,)."""
    length: NDArray[np.float64]
    """Traced delay times the speed of light, m; (path,)."""
    coefficient: NDArray[np.complex128]
    """Without the phase of travel; (path,)."""
    doppler_hz: NDArray[np.float64]
    """Doppler shift at the target's velocity; (path,)."""
    reflections: NDArray[np.int64]
    """Number of walls that the path meets; (path,)."""


class Witness:
    """A scenario's room, with isotropic antennas where its radio has them.

    Parameters
    ----------
    scenario : Scenario
        With a room to be ray-traced.
    receiver : int
        Which receiver.

    Raises
    ------
    InputError
        If no usable LLVM is there.
    """

    def __init__(self, scenario: Scenario, receiver: int = 0) -> None:
        require_llvm()
        from sionna import rt

        environment = scenario.environment
        if not isinstance(environment, RayTraced) or environment.room is None:
            raise ValueError(f"scenario {scenario.name} has no room")
        radio = scenario.radio
        self._scene: Any = rt.load_scene_from_string(room_xml(environment.room), merge_shapes=False)
        self._scene.frequency = radio.carrier_hz
        self._scene.tx_array = self._scene.rx_array = rt.PlanarArray(
            num_rows=1, num_cols=1, pattern="iso", polarization="V"
        )
        self._scene.add(rt.Transmitter("transmitter", list(radio.transmitter_m)))
        self._scene.add(rt.Receiver("receiver", list(radio.receivers[receiver].position_m)))

    def solve(
        self, positions: ArrayLike, velocity: ArrayLike = (0.0, 0.0, 0.0), *, reflections: int = 0
    ) -> Any:
        """Trace a target at positions (instant, 3), m; paths as Sionna gives them."""
        import mitsuba as mi
        from sionna.rt import rcs

        place = (np.atleast_2d(np.asarray(positions, np.float64)) - _CARRIER_M).T.astype(np.float32)
        target = rcs.SensingTarget(
            "target",
            scattering_model=rcs.ScatteringModel(
                mi.Point3f(place), rcs=rcs.ConstantRCS(1.0), cpm=rcs.ConstantCPM()
            ),
            length=0.01,
            width=0.01,
            height=0.01,
            position=mi.Point3f(*_CARRIER_M.tolist()),
            velocity=mi.Vector3f(*np.asarray(velocity, np.float64).tolist()),
        )
        self._scene.add(target)
        try:
            # Walls are found by the rays shot; the direct way needs none.
            return rcs.RCSSolver()(
                self._scene,
                max_depth=1 + reflections,
                samples_per_sp=2000 if reflections else 1,
                buffer_size_per_sp=1000,
                refraction=False,
                seed=1,
            )
        finally:
            self._scene.remove("target")
            self._scene.remove(target.radio_material.name)

    def trace(
        self, positions: ArrayLike, velocity: ArrayLike = (0.0, 0.0, 0.0), *, reflections: int = 0
    ) -> Echoes:
        """Trace a target at positions.

        Parameters
        ----------
        positions : array_like, shape (instant, 3)
            m.
        velocity : array_like, shape (3,)
            For the Doppler shifts, m/s; one for all instants.
        reflections : int
            Most reflections at walls on a path.
        """
        from sionna.rt.constants import InteractionType

        paths = self.solve(positions, velocity, reflections=reflections)
        kind = np.array(paths.interactions)[:, 0, 0]
        number = np.array(paths.primitives)[:, 0, 0]
        at_target = kind == int(InteractionType.SENSING)
        real, imaginary = (np.array(part, np.float64)[0, 0, 0, 0] for part in paths.a)
        return Echoes(
            instant=number.T[at_target.T].astype(np.int64),
            length=np.array(paths.tau, np.float64)[0, 0] * speed_of_light,
            coefficient=real + 1j * imaginary,
            doppler_hz=np.array(paths.doppler, np.float64)[0, 0],
            reflections=np.asarray((kind != 0).sum(axis=0) - 1, np.int64),
        )

    def direct(self, positions: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
        """Length in m and coefficient of the direct echo at each of the positions (instant, 3), in their order.

        Raises
        ------
        ValueError
            If something stands between the target and an antenna.
        """
        found = self.trace(positions)
        order = np.argsort(found.instant)
        if not np.array_equal(found.instant[order], np.arange(len(np.atleast_2d(positions)))):
            raise ValueError("the target's direct path is blocked at some instant")
        return found.length[order], found.coefficient[order]
