"""Simulated CSI windows for pretraining: made once, in chunks on disk, and taken from there in any order."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray

from dira.data.windows import BANDS, FACTS, PACKETS, PAIRS, Windows, joined, reduced
from dira.training.source import batches
from isacsim import __version__
from isacsim.checks import check_integer
from isacsim.dataset.parts import classes_of
from isacsim.dataset.synthetic.endless import stream_seed
from isacsim.dataset.synthetic.sample import Conditioned
from isacsim.dataset.synthetic.thinned import thinned
from isacsim.dataset.synthetic.workers import map_ordered
from isacsim.errors import InputError
from isacsim.files import read_json, written_whole
from isacsim.scenario.catalogue import load_scenario
from isacsim.scenario.model import Scenario
from isacsim.simulation.realisation import realise
from isacsim.simulation.reception import receive
from isacsim.terminal import sample_progress

__all__ = ["CHUNK", "StoredWindows", "make_windows", "simulated"]

CHUNK = 256
"""Windows of a chunk."""
_ABOUT = "windows.json"


def simulated(scenario: Scenario, seed: int, indices: Sequence[int]) -> tuple[Windows, NDArray[np.int64]]:
    """Simulate windows of a scenario, thinned, as conditioning leaves them; and their numbers of targets."""
    few, _ = thinned(scenario)
    windows, numbers = [], []
    for index in indices:
        drawn = realise(few, seed=seed, index=index, n_targets=classes_of(few, index, 1)[0])
        noisy = Conditioned.of_received(receive(drawn))
        # Pairs of the first receiver that is analysed; another one sees the room from elsewhere.
        of = drawn.receivers_of(noisy.receivers)
        own = [i for i, receiver in enumerate(of) if receiver == of[0]]
        windows.append(reduced(noisy.csi[own], noisy.time, few.radio.frequency_hz))
        numbers.append(drawn.n_targets)
    return joined(windows), np.array(numbers, np.int64)


def make_windows(
    scenarios: Sequence[str], folder: Path, n: int, *, seed: int, workers: int | None = None
) -> StoredWindows:
    """Simulate windows of several scenarios in turn, and store them; what is there of the same call stays.

    Parameters
    ----------
    scenarios : sequence of str
        Shipped ones' names, or files.
    folder : Path
        Where.
    n : int
        Windows; rounded up to whole chunks of `CHUNK`.
    seed : int
        Window i is of scenario i mod S, of the seed that `isacsim.stream` takes for it: no data set's.
    workers : int, optional
        Processes; default: one a core.

    Raises
    ------
    InputError
        If the folder holds windows of another call.
    """
    check_integer("n", n, least=1)
    loaded = [load_scenario(name) for name in scenarios]
    identity = {
        "scenarios": {one.name: one.fingerprint() for one in loaded},
        "seed": seed,
        "isacsim": __version__,
        "form": {"pairs": PAIRS, "bands": BANDS, "packets": PACKETS, "facts": [*FACTS]},
    }
    folder.mkdir(parents=True, exist_ok=True)
    about = folder / _ABOUT
    if about.exists() and read_json(about) != identity:
        raise InputError(f"{folder} holds windows of other scenarios or another seed; choose another folder.")
    with written_whole(about) as file:
        file.write_text(json.dumps(identity, indent=1), encoding="utf-8")
    number = -(-n // CHUNK)
    missing = [k for k in range(number) if not (folder / f"{k:06d}.npz").exists()]
    tasks = ((folder, loaded, seed, k) for k in missing)
    with sample_progress("windows", unit="windows") as tell:
        for done, _ in enumerate(map_ordered(_make_chunk, tasks, workers=workers, ahead=2), start=1):
            tell(CHUNK * done, CHUNK * len(missing))
    return StoredWindows(folder, number)


def _make_chunk(folder: Path, scenarios: Sequence[Scenario], seed: int, number: int) -> int:
    numbers = np.arange(number * CHUNK, (number + 1) * CHUNK)
    which = numbers % len(scenarios)
    made: list[Windows] = []
    order: list[NDArray[np.intp]] = []
    counts = np.empty(CHUNK, np.int64)
    for k, scenario in enumerate(scenarios):
        rows = np.flatnonzero(which == k)
        if not rows.size:
            continue
        indices = (numbers[rows] // len(scenarios)).tolist()
        windows, counts[rows] = simulated(scenario, stream_seed(seed, scenario.name), indices)
        made.append(windows)
        order.append(rows)
    whole, back = joined(made), np.argsort(np.concatenate(order))
    with written_whole(folder / f"{number:06d}.values.npy") as file:
        np.save(file, whole.values[back].astype(np.float16))
    with written_whole(folder / f"{number:06d}.npz") as file:  # last: a chunk with it is whole
        np.savez(
            file,
            there=np.packbits(whole.there[back], axis=-1),
            facts=whole.facts[back],
            n_targets=counts,
            scenario=which,
        )
    return number


@contextmanager
def _named(chunk: Path) -> Iterator[None]:
    """Name the chunk that cannot be read, and what to do."""
    try:
        yield
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error) as error:
        raise InputError(
            f"{chunk}: this chunk of windows is damaged ({error!s:.100}); delete it, and the same command makes it "
            "again."
        ) from error


class StoredWindows:
    """Windows on disk, as batches for `dira.Encoder.pretrain`.

    Parameters
    ----------
    folder : Path
        Of `make_windows`.
    chunks : int, optional
        So many of the folder's chunks; default: all.

    Raises
    ------
    InputError
        If there are none; from its methods, if a chunk is damaged.
    """

    def __init__(self, folder: Path, chunks: int | None = None) -> None:
        self.folder = folder
        self.chunks = sorted(folder.glob("[0-9]*.npz"))[:chunks]
        if not self.chunks:
            raise InputError(f"{folder} holds no windows; make them with dira pretrain.")

    def __len__(self) -> int:
        return CHUNK * len(self.chunks)

    @cached_property
    def _values(self) -> list[NDArray[np.float16]]:
        made = []
        for chunk in self.chunks:
            with _named(chunk):
                made.append(np.load(f"{chunk.with_suffix('')}.values.npy", mmap_mode="r"))
        return made

    @cached_property
    def _rest(self) -> dict[str, NDArray[Any]]:
        parts: dict[str, list[NDArray[Any]]] = {}
        for chunk in self.chunks:
            with _named(chunk), np.load(chunk, allow_pickle=False) as file:
                for name in file.files:
                    parts.setdefault(name, []).append(file[name])
        return {name: np.concatenate(some) for name, some in parts.items()}

    def windows(self, rows: NDArray[np.intp]) -> Windows:
        """Some windows, by their numbers."""
        values = np.stack([self._values[row // CHUNK][row % CHUNK] for row in rows])
        there = np.unpackbits(self._rest["there"][rows], axis=-1).astype(bool)
        return Windows(values.astype(np.float32), there, self._rest["facts"][rows])

    def labels(self, name: str) -> NDArray[np.int64]:
        """Label of every window: ``n_targets``, or ``scenario`` by its number."""
        return np.asarray(self._rest[name], np.int64)

    # What follows is a dira.training.source.Source.
    def identity(self) -> dict[str, Any]:
        """JSON that says which windows there are."""
        return {**read_json(self.folder / _ABOUT), "windows": len(self)}

    def about(self) -> dict[str, Any]:
        """Describe the windows for a model card."""
        identity = self.identity()
        return {"scenarios": [*identity["scenarios"]], "seed": identity["seed"], "windows": len(self)}

    def seen(self, n: int) -> int:
        """Count the different windows among the first n."""
        return min(n, len(self))

    def batches(self, size: int, first: int) -> Iterator[list[torch.Tensor]]:
        """Batches without end, in epochs of all windows, each in an order of its own."""
        seed = int(self.identity()["seed"])
        for rows in batches(len(self), size, seed, first, 2**62):
            yield [torch.from_numpy(part) for part in self.windows(rows)]
