"""Ray-traced static environments: Sionna's ray tracer finds the paths once, their sum is the response.

A scene is traced when its first capture is drawn, and kept: in this process, and on disk under a hash of everything
that decides the paths, the tracer's version included. Where the disk has them, neither Sionna nor LLVM is loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from scipy.constants import speed_of_light

from isacsim.channel.discrete import frequency_response
from isacsim.channel.sionna.llvm import require_llvm
from isacsim.channel.sionna.room_xml import room_xml
from isacsim.errors import InputError
from isacsim.files import written_whole
from isacsim.scenario.arrays import Array
from isacsim.scenario.environments import Antenna, RayTraced
from isacsim.scenario.numbers import plain
from isacsim.scenario.radio import Radio

__all__ = ["TracedPaths", "cache_folder", "ray_traced", "traced_paths"]

# Part of the hash: to be raised when what is kept, or how it is traced, changes.
_FORMAT = 2
_MOST_PATHS = 1_000_000


@dataclass(frozen=True, eq=False)
class TracedPaths:
    """Paths of every receiver by ascending length; receivers with fewer have paths of coefficient 0 at the end."""

    coefficient: NDArray[np.complex128]
    """Without the phase of travel: wavelength/(4π d) on a free line of sight; shape (receiver, path)."""
    delay: NDArray[np.float64]
    """s; (receiver, path)."""
    vertex: NDArray[np.float64]
    """Where the path meets the scene, m; (receiver, path, interaction, xyz), nan beyond its last."""


def ray_traced(environment: RayTraced, radio: Radio, rng: np.random.Generator) -> NDArray[np.complex128]:
    """Response of the traced paths, coherent sum; random phases, where wanted, are each receiver's and path's own.

    Over the elements of an array a path is a plane wave, the line of sight a spherical one.
    """
    power = plain(environment.power_db)
    # Drawn anew a capture and no matter to the paths, which are kept by the rest.
    environment = environment.model_copy(update={"power_db": 0.0})
    if environment.phases == "traced":
        return _unit_response(environment, radio) * 10 ** (power / 20)
    paths = traced_paths(environment, radio)
    phase = rng.uniform(-np.pi, np.pi, paths.delay.shape)
    scale = 10 ** (power / 20) / np.sqrt(np.sum(np.abs(paths.coefficient[_first(radio)]) ** 2))
    return _response(paths, paths.coefficient * np.exp(1j * phase) * scale, radio)


def _response(
    paths: TracedPaths, coefficient: NDArray[np.complex128], radio: Radio
) -> NDArray[np.complex128]:
    """Sum the paths at every pair of elements; coefficient (receiver, path), the result (stream, subcarrier)."""
    if not radio.has_arrays:
        return frequency_response(coefficient, paths.delay, radio.frequency_hz)
    source, sent_from = np.array(radio.transmitter_m), radio.transmitter_elements_m
    out = []
    for i, (receiver, elements) in enumerate(zip(radio.receivers, radio.receiver_elements_m, strict=True)):
        sink, vertex = np.array(receiver.position_m), paths.vertex[i]
        met = ~np.isnan(vertex[:, :, 0])
        count = met.sum(axis=1)
        first = np.where(met[:, :1], vertex[:, 0], sink)
        last = np.where(met[:, :1], vertex[np.arange(len(vertex)), np.maximum(count - 1, 0)], source)
        lengths = []
        for centre, places, towards in ((source, sent_from, first), (sink, elements, last)):
            away = towards - centre
            away /= np.linalg.norm(away, axis=1, keepdims=True)
            lengths.append(-(places - centre) @ away.T)
        # (rx, tx, path)
        more = lengths[1][:, np.newaxis] + lengths[0]
        straight = np.linalg.norm(elements[:, np.newaxis] - sent_from, axis=-1) - np.linalg.norm(
            sink - source
        )
        more = np.where(count == 0, straight[..., np.newaxis], more).reshape(-1, len(vertex))
        delay = paths.delay[i] + more / speed_of_light
        of_paths = np.broadcast_to(coefficient[i], delay.shape)
        out.append(frequency_response(of_paths, delay, radio.frequency_hz))
    return np.concatenate(out)


def _first(radio: Radio) -> int:
    return next(i for i, r in enumerate(radio.receivers) if r.role == "surveillance")


@lru_cache(maxsize=16)
def _unit_response(environment: RayTraced, radio: Radio) -> NDArray[np.complex128]:
    """Response, scaled to unit power at the first surveillance receiver."""
    paths = traced_paths(environment, radio)
    response = _response(paths, paths.coefficient, radio)
    own = [one.receiver == _first(radio) for one in radio.streams]
    response /= np.sqrt(np.mean(np.abs(response[own]) ** 2))
    response.setflags(write=False)
    return response


@lru_cache(maxsize=16)
def traced_paths(environment: RayTraced, radio: Radio) -> TracedPaths:
    """Paths from the transmitter to every receiver, from disk or newly traced.

    Raises
    ------
    InputError
        If Sionna or a usable LLVM is missing, or the first surveillance receiver has no path.
    """
    file = cache_folder() / f"{_key(environment, radio)}.npz"
    paths = _read(file)
    if paths is None:
        paths = _trace(environment, radio)
        _keep(paths, file)
    if not paths.coefficient[_first(radio)].any():
        raise InputError(
            f"ray tracing found no path from the transmitter to receiver {radio.receivers[_first(radio)].name!r}; "
            "raise environment.max_depth or environment.samples, or move the antennas."
        )
    return paths


def cache_folder() -> Path:
    """Folder of traced scenes: ``ISACSIM_CACHE``, else ``isacsim`` under ``XDG_CACHE_HOME`` or ``~/.cache``."""
    named = os.environ.get("ISACSIM_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "isacsim"


@cache
def _tracer() -> tuple[str, ...]:
    try:
        return tuple(f"{name} {version(name)}" for name in ("sionna-rt", "mitsuba", "drjit"))
    except PackageNotFoundError as error:
        raise InputError(f"ray tracing needs Sionna ({error}): pip install 'isacsim[rt]'.") from error


def _key(environment: RayTraced, radio: Radio) -> str:
    decides = {
        "format": _FORMAT,
        "tracer": _tracer(),
        "environment": environment.model_dump(mode="json", exclude={"power_db", "phases", "bounces"}),
        "carrier_hz": radio.carrier_hz,
        "transmitter_m": radio.transmitter_m,
        "receivers": [(r.name, r.position_m) for r in radio.receivers],
    }
    if radio.has_arrays:
        # Elements are placed on the paths afterwards; their patterns decide the paths' strengths.
        decides["looks"] = [
            None if array is None else (array.pattern, array.looks_at_m)
            for array in (radio.transmitter_array, *(r.array for r in radio.receivers))
        ]
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _read(file: Path) -> TracedPaths | None:
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            return TracedPaths(**{field.name: stored[field.name] for field in fields(TracedPaths)})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        # Damaged: traced anew and replaced.
        return None


def _keep(paths: TracedPaths, file: Path) -> None:
    try:
        with written_whole(file) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(stream, **{f.name: getattr(paths, f.name) for f in fields(TracedPaths)})
    except (OSError, InputError) as error:
        # The result is right all the same, only slower next time.
        warnings.warn(
            f"the traced scene cannot be kept: {error}; ISACSIM_CACHE names another folder", stacklevel=2
        )


def _trace(environment: RayTraced, radio: Radio) -> TracedPaths:
    require_llvm()
    from sionna import rt

    if environment.room is not None:
        scene = rt.load_scene_from_string(room_xml(environment.room), merge_shapes=False)
    else:
        scene = rt.load_scene(getattr(rt.scene, str(environment.scene)))
    try:
        scene.frequency = radio.carrier_hz
    except ValueError as error:
        raise InputError(f"environment: at {radio.carrier_hz / 1e9:g} GHz Sionna says: {error}.") from error
    antennas = {antenna.name: antenna for antenna in environment.receivers}
    found = [
        _paths(
            scene,
            environment,
            (radio.transmitter_m, _looking(radio.transmitter_array, environment.transmitter)),
            (r.position_m, _looking(r.array, antennas.get(r.name, Antenna()))),
        )
        for r in radio.receivers
    ]
    most = max(delay.size for _, delay, _ in found)
    shape = (len(found), most)
    paths = TracedPaths(
        np.zeros(shape, np.complex128), np.zeros(shape), np.full((*shape, environment.max_depth, 3), np.nan)
    )
    for i, (coefficient, delay, vertex) in enumerate(found):
        paths.coefficient[i, : delay.size] = coefficient
        paths.delay[i, : delay.size] = delay
        paths.vertex[i, : delay.size] = vertex
    return paths


def _looking(array: Array | None, single: Antenna) -> Antenna:
    """Pattern and direction of an array's elements, or of the single antenna."""
    return single if array is None else Antenna(pattern=array.pattern, looks_at_m=array.looks_at_m)


def _paths(
    scene: Any,
    environment: RayTraced,
    transmitter: tuple[tuple[float, float, float], Antenna],
    receiver: tuple[tuple[float, float, float], Antenna],
) -> tuple[NDArray[np.complex128], NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients, delays and vertices of the paths to one receiver: a scene has one receive pattern for all."""
    from sionna import rt

    (source, sending), (sink, antenna) = transmitter, receiver

    def array(pattern: str) -> Any:
        return rt.PlanarArray(num_rows=1, num_cols=1, pattern=pattern, polarization="V")

    def looks_at(what: Antenna) -> dict[str, Any]:
        return {} if what.looks_at_m is None else {"look_at": list(what.looks_at_m)}

    for name in (*scene.transmitters, *scene.receivers):
        scene.remove(name)
    scene.tx_array, scene.rx_array = array(sending.pattern), array(antenna.pattern)
    scene.add(rt.Transmitter("transmitter", list(source), **looks_at(sending)))
    scene.add(rt.Receiver("receiver", list(sink), **looks_at(antenna)))
    paths = rt.PathSolver(deterministic=True)(
        scene,
        max_depth=environment.max_depth,
        max_num_paths_per_src=_MOST_PATHS,
        samples_per_src=environment.samples,
        diffraction=environment.diffraction,
    )
    real, imaginary = (np.array(part, np.float64)[0, 0, 0, 0] for part in paths.a)
    delay = np.array(paths.tau, np.float64)[0, 0]
    # (interaction, path, xyz); vertices of interactions that did not happen hold leftovers.
    vertex = np.array(paths.vertices, np.float64)[:, 0, 0]
    happened = np.array(paths.interactions)[:, 0, 0] != 0
    vertex[~happened] = np.nan
    full = np.full((delay.size, environment.max_depth, 3), np.nan)
    full[:, : vertex.shape[0]] = vertex.transpose(1, 0, 2)
    # By delay; the tracer's order of equally long paths is not the same every time, so the rest decides among those.
    order = np.lexsort((*full.reshape(delay.size, 3 * environment.max_depth).T, imaginary, real, delay))
    return (real + 1j * imaginary)[order], delay[order], full[order]
