"""Simulated windows for a path posterior, made while it trains and used again and again, with their exact truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from dira.data.path_windows import Described, describe, into_bands_of, static_summaries, together
from isacsim import __version__
from isacsim.checks import check_integer
from isacsim.dataset.parts import classes_of
from isacsim.dataset.synthetic.endless import EndlessSamples, stream_seed
from isacsim.errors import InputError
from isacsim.files import written_whole
from isacsim.scenario.model import Scenario
from isacsim.simulation.realisation import Realisation, realise
from isacsim.simulation.reception import receive

__all__ = ["CHUNK", "VIEWS", "PathStream", "Truth", "simulated_window", "truth_of", "viewed"]

CHUNK = 32
"""Simulations that are made at a time."""
VIEWS = ("whole", "lossy", "fewer")
"""Views of each simulation, each with noise of its own: all of it, 10 to 60 % of the packets lost, one to three antenna
pairs with packets lost by every second chance."""
C64 = NDArray[np.complex64]


class Truth(NamedTuple):
    """Truth of a window."""

    paths: NDArray[np.float64]
    """(path, 5): path length, velocity, acceleration, jerk, logarithm of the amplitude; NaN beyond the last."""
    static: NDArray[np.float64]
    """(2,): `dira.data.path_windows.static_summaries` of the static channel of all pairs, without noise."""


def truth_of(drawn: Realisation, most: int) -> Truth:
    """Truth of a realisation at its first receiver."""
    at = drawn.reference
    if len(at) > most:
        raise InputError(f"a window has {len(at)} targets, more than most_paths {most}; raise it.")
    paths = np.full((most, 5), np.nan)
    paths[: len(at), :4] = drawn.kinematics[:, 0, at].T
    paths[: len(at), 4] = np.log(drawn.received_amplitude[0, at])
    first = [i for i, one in enumerate(drawn.scenario.radio.streams) if one.receiver == 0]
    into = into_bands_of(drawn.scenario.radio.n_subcarriers)
    frequency = into @ drawn.scenario.radio.frequency_hz
    return Truth(paths, static_summaries(drawn.static[first] @ into.T, frequency))


def simulated_window(scenario: Scenario, seed: int, index: int) -> tuple[Realisation, C64, C64, float]:
    """Simulate one window: what it is made of, CSI as received and without noise, and the noise's power.

    Raises
    ------
    InputError
        If more than noise and unknown phases of the chains is done to it.
    """
    drawn = realise(scenario, seed=seed, index=index, n_targets=classes_of(scenario, index, 1)[0])
    received = receive(drawn)
    if not (received.plain and received.nominal):
        raise InputError(
            f"a path posterior learns from noise and chains alone, but scenario {scenario.name} has other impairments."
        )
    first = [i for i, one in enumerate(scenario.radio.streams) if one.receiver == 0]
    power = 10 ** (-received.impairments.snr_db / 10)
    return drawn, received.csi[first], received.clean[first], power


def viewed(csi: C64, clean: C64, power: float, view: str, chance: np.random.Generator) -> C64:
    """One of `VIEWS` of a window, packets that are lost as NaN."""
    if view == "whole":
        return csi
    noise = chance.standard_normal((2, *clean.shape), np.float32) * np.float32(np.sqrt(power / 2))
    noisy = clean + (noise[0] + 1j * noise[1])
    if view == "fewer":
        pairs = int(chance.integers(1, max(2, len(noisy))))
        begin = int(chance.integers(0, len(noisy) - pairs + 1))
        noisy = noisy[begin : begin + pairs]
    if view == "lossy" or chance.random() < 0.5:
        lost = chance.permutation(noisy.shape[-1]) < chance.uniform(0.1, 0.6) * noisy.shape[-1]
        noisy = np.where(lost, np.complex64(np.nan), noisy)
    return np.asarray(noisy, np.complex64)


class PathStream:
    """Batches of described windows with their truth, a `dira.training.source.Source`.

    Every step takes its batch at random from all windows made so far. Now and then a chunk is added, so that the
    simulation keeps its share of the time. What a step sees depends on its number alone.

    Parameters
    ----------
    stream : EndlessSamples
        From `isacsim.stream`: its scenarios and its seed.
    most : int
        Paths of a window, at most.
    folder : Path, optional
        Keeps the chunks, so that a run that was stopped goes on with them.
    first : int
        Chunks before the first step.
    pace : int
        Steps for each further chunk.

    Raises
    ------
    InputError
        If the stream is none.
    """

    def __init__(
        self, stream: Any, most: int, *, folder: Path | None = None, first: int = 8, pace: int = 16
    ) -> None:
        if not isinstance(stream, EndlessSamples):
            raise InputError(f"stream must be what isacsim.stream gives, got {type(stream).__name__}.")
        self.stream, self.most, self.folder = stream, most, folder
        self.first = check_integer("first", first, least=1)
        self.pace = check_integer("pace", pace, least=1)
        self._made: list[list[NDArray[Any]]] = []

    def identity(self) -> dict[str, Any]:
        """JSON that says which windows there are."""
        return {
            "scenarios": {one.name: one.fingerprint() for one in self.stream.scenarios},
            "seed": self.stream.seed,
            "isacsim": __version__,
            "most": self.most,
            "first": self.first,
            "pace": self.pace,
            "chunk": CHUNK,
            "views": [*VIEWS],
        }

    def about(self) -> dict[str, Any]:
        """Describe the stream for a model card."""
        scenarios = [scenario.name for scenario in self.stream.scenarios]
        return {"scenarios": scenarios, "seed": self.stream.seed, "simulations": CHUNK * len(self._made)}

    def seen(self, n: int) -> int:
        """Count the different windows that there are by now, at most n."""
        return min(n, CHUNK * len(VIEWS) * len(self._made))

    def batches(self, size: int, first: int) -> Iterator[list[torch.Tensor]]:
        """Batches without end, from the step ``first`` on."""
        each = CHUNK * len(VIEWS)
        step = first
        while True:
            chunks = self.first + step // self.pace
            while len(self._made) < chunks:
                self._made.append(self._chunk(len(self._made)))
            rows = np.random.default_rng([self.stream.seed, 3, step]).integers(each * chunks, size=size)
            parts = [
                np.stack([self._made[row // each][k][row % each] for row in rows])
                for k in range(len(self._made[0]))
            ]
            yield [torch.from_numpy(part) for part in parts]
            step += 1

    def _chunk(self, number: int) -> list[NDArray[Any]]:
        path = None if self.folder is None else self.folder / f"{number:06d}.npz"
        if path is not None and path.exists():
            with np.load(path, allow_pickle=False) as file:
                return [file[f"{k}"] for k in range(len(file.files))]
        made = self._simulated(number)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with written_whole(path) as new, new.open("wb") as file:
                arrays: dict[str, Any] = {f"{k}": part for k, part in enumerate(made)}
                np.savez(file, **arrays)
        return made

    def _simulated(self, number: int) -> list[NDArray[Any]]:
        windows: list[Described] = []
        truths: list[Truth] = []
        for i in range(number * CHUNK, (number + 1) * CHUNK):
            scenario = self.stream.scenarios[i % len(self.stream.scenarios)]
            seed = stream_seed(self.stream.seed, scenario.name)
            drawn, csi, clean, power = simulated_window(scenario, seed, i // len(self.stream.scenarios))
            truth = truth_of(drawn, self.most)
            for k, view in enumerate(VIEWS):
                seen = viewed(csi, clean, power, view, np.random.default_rng([self.stream.seed, 4, i, k]))
                windows.append(describe(seen, scenario.radio.time_s, scenario.radio.frequency_hz))
                truths.append(truth)
        half = {"numbers", "images", "doppler"}
        whole = together(windows)._asdict()
        parts = [part.astype(np.float16) if name in half else part for name, part in whole.items()]
        return [*parts, np.stack([t.paths for t in truths]), np.stack([t.static for t in truths])]
