"""An endless stream's samples, each used several times, from a bounded buffer on disk.

Chunks of fresh samples follow one another. At tick k the samples of the chunks k, k - g, k - 2g, ... are used, of
``uses`` chunks at most, mixed among each other; g is `SPACING`. So every sample is used exactly ``uses`` times, at
distances of g chunks, each time under the next of its exact symmetries (`isacsim.dataset.loading.symmetries`), and no
more than (uses - 1) g + 1 chunks are kept. Which use is which depends on (stream, uses, number of the use) alone, so
that a training goes on where it stopped, whether the buffer is still there or has to be made again. Before tick
(uses - 1) g there are not yet so many chunks to use: a short training sees more different samples than uses / N.

Noise is not drawn anew: of a sample of `lab_siso` that costs 0.7 of a fresh one, for the CSI has to be conditioned and
transformed again, and a fresh one brings other paths too.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import count, islice
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isacsim.checks import check_integer, check_names
from isacsim.dataset.loading.symmetries import applied, views_of
from isacsim.dataset.synthetic.batch import KINDS
from isacsim.dataset.synthetic.endless import BLOCK
from isacsim.errors import InputError
from isacsim.files import check_output, read_json, written_whole

if TYPE_CHECKING:
    from isacsim.dataset.synthetic.endless import EndlessSamples

__all__ = ["CHUNK", "SPACING", "ReusedSamples"]

CHUNK, SPACING = 256, 4
"""Samples that come fresh at once, and chunks between two uses of one."""

Samples = dict[str, np.ndarray]


class ReusedSamples:
    """Samples of an endless stream, each used several times.

    Parameters
    ----------
    stream : EndlessSamples
        From :func:`isacsim.stream`; its position does not matter.
    uses : int
        How often each sample is used, at least 1.
    folder : path, optional
        Where the buffer lies, (uses - 1) · 4 + 1 chunks of 256 samples at most; default: a temporary one. It is found
        again by a run that goes on.

    Raises
    ------
    InputError
        If an argument is out of range.
    """

    def __init__(
        self, stream: EndlessSamples, *, uses: int = 1, folder: str | PathLike[str] | None = None
    ) -> None:
        self.stream = stream
        self.uses = check_integer("uses", uses, least=1)
        self.folder = None if folder is None else Path(folder)

    def identity(self) -> dict[str, Any]:
        """JSON that says which samples come in which order."""
        return self.stream.identity() | {"uses": self.uses, "chunk": CHUNK, "spacing": SPACING}

    def fresh(self, n: int) -> int:
        """Count the different samples among the first n uses, at most."""
        tick, fresh = 0, 0
        while n > 0:
            fresh += min(n, CHUNK)
            n -= CHUNK * len(self._lags(tick))
            tick += 1
        return fresh

    def check(self, variables: Sequence[str]) -> tuple[str, ...]:
        """Refuse variables that the samples do not have.

        Raises
        ------
        InputError
            Naming one, and what there is.
        """
        names = check_names("variables", variables)
        for name in names:
            if name not in self.stream.template:
                has = ", ".join(sorted(map(str, self.stream.template.data_vars)))
                raise InputError(f"samples of the stream have no {name!r}; they have {has}.")
        return names

    def batches(
        self, variables: Sequence[str], size: int, *, first: int = 0, share: tuple[int, int] = (0, 1)
    ) -> Iterator[Samples]:
        """Batches without end, the first one first, from a given number on.

        Parameters
        ----------
        variables : sequence of str
            Which of a data set's variables over sample.
        size : int
            Samples a batch.
        first : int
            Number of the first batch.
        share : (int, int)
            Which one of how many readers this is: each has samples of its own, and a buffer.

        Yields
        ------
        dict of name to numpy.ndarray

        Raises
        ------
        InputError
            If a variable is not there, or the folder holds the buffer of another stream.
        """
        names = self.check(variables)
        size = check_integer("size", size, least=1)
        views = views_of(
            self.stream.template[next((n for n in names if n.startswith("aj_")), names[0])].attrs, names
        )
        skipped = first * size
        tick = 0
        while skipped >= (length := CHUNK * len(self._lags(tick))):
            skipped, tick = skipped - length, tick + 1
        with tempfile.TemporaryDirectory(prefix="isacsim-stream-") as temporary:
            folder = Path(temporary) if self.folder is None else self.folder / f"{share[0]}-of-{share[1]}"
            buffer = _Buffer(self.stream, folder, names, share, self.identity())
            waiting: list[tuple[Samples, int, int]] = []
            for now in count(tick):
                oldest = max(0, now - (self.uses - 1) * SPACING)
                chunks = buffer.chunks([now - lag * SPACING for lag in self._lags(now)], oldest)
                for place in self._order(now)[skipped:]:
                    lag, row = divmod(int(place), CHUNK)
                    waiting.append((chunks[lag], row, lag))
                    if len(waiting) == size:
                        yield {
                            name: np.stack(
                                [
                                    applied(views[lag % len(views)], name, c[name][row])
                                    for c, row, lag in waiting
                                ]
                            )
                            for name in names
                        }
                        waiting = []
                skipped = 0

    def _lags(self, tick: int) -> range:
        """Number of each use that the samples of a tick have: 0 for the fresh ones."""
        return range(min(self.uses, tick // SPACING + 1))

    def _order(self, tick: int) -> np.ndarray:
        chance = np.random.default_rng(np.random.SeedSequence(self.stream.seed, spawn_key=(tick, 1)))
        return chance.permutation(CHUNK * len(self._lags(tick)))


class _Buffer:
    """Chunks on disk, made when they are first wanted and deleted when nothing wants them any more."""

    def __init__(
        self,
        stream: EndlessSamples,
        folder: Path,
        names: Sequence[str],
        share: tuple[int, int],
        identity: dict[str, Any],
    ) -> None:
        self._stream, self._folder, self._names, self._share = stream, folder, names, share
        identity = json.loads(json.dumps(identity | {"variables": sorted(names), "share": share}))
        about = folder / "stream.json"
        check_output(about)
        if about.exists():
            if read_json(about) != identity:
                raise InputError(f"{folder} holds samples of another stream; choose another folder.")
        else:
            folder.mkdir(parents=True, exist_ok=True)
            with written_whole(about) as file:
                file.write_text(json.dumps(identity, indent=1), encoding="utf-8")
        for file in folder.glob("chunk-*.npz"):
            number = int(file.stem.partition("-")[2])
            if not self._sound(number):
                file.unlink(missing_ok=True)
        self._fresh: Iterator[int] | None = None
        self._loaded: dict[int, Samples] = {}

    def chunks(self, wanted: Sequence[int], oldest: int) -> list[Samples]:
        """Some chunks; those before the oldest are wanted never again."""
        for file in self._folder.glob("chunk-*.npz"):
            if int(file.stem.partition("-")[2]) < oldest:
                file.unlink(missing_ok=True)
        self._loaded = {number: chunk for number, chunk in self._loaded.items() if number in wanted}
        if self._fresh is None:
            self._fresh = self._made(n for n in count(oldest) if not self._file(n).exists())
        for number in sorted(wanted):
            while number not in self._loaded and not self._file(number).exists():
                if next(self._fresh) > number:
                    raise InputError(f"{self._file(number)} was deleted while it was needed; start again.")
            if number not in self._loaded:
                with np.load(self._file(number), allow_pickle=False) as file:
                    self._loaded[number] = {name: file[name] for name in self._names}
        return [self._loaded[number] for number in wanted]

    def _made(self, numbers: Iterator[int]) -> Iterator[int]:
        """Make chunks and write them; gives their numbers."""
        place, places = self._share
        order = deque[int]()

        def blocks() -> Iterator[range]:
            for number in numbers:
                order.append(number)
                first = place + places * number * CHUNK
                samples = range(first, first + places * CHUNK, places)
                yield from (samples[at : at + BLOCK] for at in range(0, CHUNK, BLOCK))

        kinds = [kind for kind in KINDS if any(name.endswith(f"_{kind}") for name in self._names)]
        made = self._stream.made(blocks(), ahead=CHUNK // BLOCK, kinds=kinds)
        while True:
            parts = list(islice(made, CHUNK // BLOCK))
            number = order.popleft()
            whole = {name: np.concatenate([part[name] for part in parts]) for name in self._names}
            # NumPy's own text would be pickled.
            whole = {n: np.array(v.tolist()) if v.dtype.kind == "T" else v for n, v in whole.items()}
            with written_whole(self._file(number)) as file:
                np.savez(file, allow_pickle=False, **whole)
            yield number

    def _sound(self, number: int) -> bool:
        """Tell whether a chunk can be read, to its last byte."""
        try:
            # Opened here: of a damaged file np.load leaves it open.
            with self._file(number).open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                return all(len(file[name]) == CHUNK for name in self._names)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return False

    def _file(self, number: int) -> Path:
        return self._folder / f"chunk-{number:08d}.npz"
