"""Crowds of simulated bodies without end: CSI is linear in the paths, so that of a crowd is the sum of each body's.

Each body's CSI is simulated once, alone, without noise and without a static part. A batch adds some of them, with a
time offset of the receiver, and fresh noise. Nothing is approximated as long as bodies neither hide nor touch each
other, and the simulation lets them do neither (docs/bodies.md).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.constants import speed_of_light

from dira.data.delay_cells import LENGTHS_M, TIMES, cell_factors
from isacsim import __version__
from isacsim.compute.threads import on_one_thread
from isacsim.dataset.synthetic.endless import stream_seed
from isacsim.dataset.synthetic.thinned import thinned
from isacsim.dataset.synthetic.workers import map_ordered
from isacsim.errors import InputError
from isacsim.files import read_json, written_whole
from isacsim.scenario.model import Scenario
from isacsim.scenario.numbers import support
from isacsim.simulation.realisation import realise
from isacsim.terminal import sample_progress

__all__ = ["Crowds", "bodies_alone", "make_bodies"]

_CHUNK = 250
_ABOUT = "bodies.json"
_OFFSETS_M = -2.0, 4.0


@on_one_thread
def bodies_alone(scenario: Scenario, seed: int, indices: Sequence[int]) -> NDArray[np.complex64]:
    """CSI of single bodies without noise and static part, (body, pair, subcarrier, time), of a thinned scenario."""
    alone = scenario.with_(environment={"kind": "none"})
    time = alone.radio.time_s
    return np.stack([realise(alone, seed=seed, index=i, n_targets=1).noiseless_csi(time) for i in indices])


def make_bodies(
    scenario: Scenario, folder: Path, n: int, *, seed: int, workers: int | None = None
) -> list[Path]:
    """Simulate single bodies and store them; what is there of the same call stays.

    Parameters
    ----------
    scenario : Scenario
        Whose targets are bodies, of windows of 1.024 s.
    folder : Path
        Where.
    n : int
        Bodies; rounded up to whole chunks.
    seed : int
        Seed that `isacsim.stream` takes for this scenario: no data set's.
    workers : int, optional
        Processes; default: one a core.

    Raises
    ------
    InputError
        If the folder holds bodies of another scenario, seed or version of isacsim, or the scenario's windows are of
        another length.
    """
    few, _ = thinned(scenario)
    if few.radio.packets != TIMES:
        raise InputError(
            f"scenario {scenario.name}: windows of bodies must thin to {TIMES} packets, got {few.radio.packets}."
        )
    identity = {"scenario": scenario.fingerprint(), "seed": seed, "isacsim": __version__}
    folder.mkdir(parents=True, exist_ok=True)
    about = folder / _ABOUT
    if about.exists() and read_json(about) != identity:
        raise InputError(
            f"{folder} holds bodies of another scenario, seed or version of isacsim; choose another folder."
        )
    with written_whole(about) as file:
        file.write_text(json.dumps(identity, indent=1), encoding="utf-8")
    chunks = [folder / f"{k:05d}.npy" for k in range(-(-n // _CHUNK))]
    missing = [k for k, chunk in enumerate(chunks) if not chunk.exists()]
    tasks = ((few, stream_seed(seed, scenario.name), k, chunks[k]) for k in missing)
    with sample_progress("bodies", unit="bodies") as tell:
        for done, _ in enumerate(map_ordered(_make_chunk, tasks, workers=workers, ahead=2), start=1):
            tell(_CHUNK * done, _CHUNK * len(missing))
    return chunks


def _make_chunk(few: Scenario, seed: int, number: int, chunk: Path) -> int:
    csi = bodies_alone(few, seed, range(number * _CHUNK, (number + 1) * _CHUNK))
    with written_whole(chunk) as file:
        np.save(file, np.stack([csi.real, csi.imag], axis=1).astype(np.float16))
    return number


class Crowds:
    """Batches of crowds and their numbers, without end: a `dira.training.source.Source`.

    Parameters
    ----------
    scenario : Scenario
        Of the bodies, for its radio and its SNR, drawn evenly from its least to its largest.
    folder : Path
        Of `make_bodies`.
    n : int
        Bodies to take from there.
    most : int
        Largest crowd; each number from 0 is as likely.
    seed : int
        Of the crowds.
    """

    def __init__(self, scenario: Scenario, folder: Path, n: int, *, most: int, seed: int) -> None:
        self.few, gain_db = thinned(scenario)
        low, high = support(scenario.snr_db)
        if not math.isfinite(high - low):
            raise InputError(
                f"scenario {scenario.name}: snr_db must be a number, uniform or choice, got {scenario.snr_db}."
            )
        self.snr_db = low + gain_db, high + gain_db
        self.folder, self.n, self.most, self.seed = folder, n, most, seed
        self.chunks = [np.load(folder / f"{k:05d}.npy", mmap_mode="r") for k in range(-(-n // _CHUNK))]
        self.antennas = self.few.radio.antennas

    def identity(self) -> dict[str, Any]:
        """JSON that says which crowds these are."""
        form = {"lengths_m": LENGTHS_M.tolist(), "snr_db": self.snr_db, "offsets_m": _OFFSETS_M}
        return {"of": read_json(self.folder / _ABOUT), **form, **self.about()}

    def about(self) -> dict[str, Any]:
        """Describe the crowds for a model card."""
        return {"scenario": self.few.name, "bodies": self.n, "most": self.most, "seed": self.seed}

    def seen(self, n: int) -> int:
        """Count the different crowds among the first n: all, since each draws its bodies and noise anew."""
        return n

    def batches(self, size: int, first: int) -> Iterator[list[torch.Tensor]]:
        """Cells (sample, pair, cell, time) and number of bodies of each step's batch, from step first on."""
        step = first
        while True:
            yield self.batch(np.random.default_rng([self.seed, 3, step]), size)
            step += 1

    def batch(
        self, generator: np.random.Generator, size: int, numbers: NDArray[np.int64] | None = None
    ) -> list[torch.Tensor]:
        """Draw one batch; ``numbers`` says how many bodies are in each crowd, else that is drawn too."""
        if numbers is None:
            numbers = generator.integers(0, self.most + 1, size)
        pairs = math.prod(self.antennas)
        frequency = self.few.radio.frequency_hz
        factors = torch.from_numpy(cell_factors(frequency, LENGTHS_M))
        # What the receiver knows of time is the static part's: the cells may begin a little earlier or later.
        offsets = generator.uniform(*_OFFSETS_M, size)
        ramps = np.exp(-2j * np.pi / speed_of_light * np.outer(offsets, frequency - frequency.mean()))
        std = 10 ** (-generator.uniform(*self.snr_db, size) / 20) / math.sqrt(2)
        out = torch.empty((size, pairs, len(LENGTHS_M), TIMES), dtype=torch.complex64)
        noise = torch.Generator().manual_seed(int(generator.integers(2**62)))
        for i, number in enumerate(numbers):
            total = torch.randn((2, pairs, frequency.size, TIMES), generator=noise) * float(std[i])
            for body in generator.integers(0, self.n, number):
                total += torch.from_numpy(self.chunks[body // _CHUNK][body % _CHUNK].astype(np.float32))
            turned = factors * torch.from_numpy(ramps[i].astype(np.complex64))
            out[i] = turned @ torch.complex(total[0], total[1])
        out -= out.mean(dim=-1, keepdim=True)
        return [out, torch.from_numpy(np.asarray(numbers, np.int64))]
