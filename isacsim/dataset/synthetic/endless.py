"""Scenarios to an endless stream of samples, made by worker processes while something learns from them.

**The rule of seeds.** Of S scenarios, sample i of a stream is of scenario i mod S, there number i div S. Its chance
is that of a data set's sample with a seed of the stream's own for each scenario (`stream_seed`): 2^62 and more, drawn
from the spawn key (`isacsim.streams.Stream.SAMPLES`, scenario's name) of the seed given. No seed that
`isacsim.generate` derives for a split reaches 2^53, so no sample of a stream is one of a data set's. Seeds that
people choose that high are compared one by one where a store is given (`check_apart`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import count
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isacsim import __version__
from isacsim.checks import check_integer, check_seed, refusal
from isacsim.dataset.parts import Part, classes_of
from isacsim.dataset.store.store import StorePath, open_record
from isacsim.dataset.synthetic.batch import KINDS, make_samples
from isacsim.dataset.synthetic.plan import Plan, plan_of, template_of
from isacsim.dataset.synthetic.thinned import thinned as thinned_scenario
from isacsim.dataset.synthetic.workers import check_workers, map_ordered
from isacsim.errors import InputError
from isacsim.scenario.catalogue import load_scenario
from isacsim.scenario.model import Scenario
from isacsim.streams import Stream
from isacsim.streams import stream as generator_of

if TYPE_CHECKING:
    import xarray as xr

    from isacsim.dataset.loading.reuse import ReusedSamples

__all__ = ["BLOCK", "EndlessSamples", "make_block", "stream", "stream_seed"]

BLOCK = 16
"""Samples that a worker makes at a time: a tenth of a second to a few of them, so that asking costs little beside."""
# Blocks of each worker that may wait for whoever takes them.
_AHEAD = 3


def stream(
    scenarios: Scenario | str | Path | Sequence[Scenario | str | Path],
    *,
    seed: int,
    start: int = 0,
    workers: int | None = None,
    apart_from: Sequence[StorePath] = (),
    thinned: bool = False,
) -> EndlessSamples:
    """Make samples without end, in worker processes, while something learns from them.

    Sample i depends on (scenarios, seed, i) alone, to the bit: not on workers, nor on where the stream begins. No
    sample comes twice, and none is one of a data set's of :func:`isacsim.generate`.

    Parameters
    ----------
    scenarios : Scenario, str or pathlib.Path, or a sequence of them
        What to simulate, in turn: Scenarios, shipped ones' names, paths of .yaml files. Several need spectra of one
        shape, axes and settings, and names that differ.
    seed : int
        Seed of the stream.
    start : int
        Number of the first sample: to go on, the ``position`` that an earlier one had.
    workers : int, optional
        Processes; default: one a core. 0: none, samples are made when they are asked for.
    apart_from : sequence of path
        Data sets for validation and test: refused if one has a seed of the stream.
    thinned : bool
        Simulate fewer subcarriers and packets with the SNR raised to match: spectra of the same statistics in a tenth
        of the time (`isacsim.dataset.synthetic.thinned`).

    Returns
    -------
    EndlessSamples
        An iterator over samples, each an `xarray.Dataset` as one of ``isacsim.open_dataset(store).isel(sample=i)``,
        but for ``split`` and ``source``.

    Raises
    ------
    InputError
        If an argument is out of range, scenarios do not go together, or a data set has one of the stream's seeds.

    Examples
    --------
    >>> samples = stream("default", seed=7, workers=0)
    >>> sample = next(samples)
    >>> sample["aj_noisy"].shape, samples.position
    ((64, 64), 1)
    """
    given = (
        [scenarios]
        if isinstance(scenarios, Scenario | str | Path) or not isinstance(scenarios, Iterable)
        else scenarios
    )
    samples = EndlessSamples(
        [load_scenario(one) for one in given], seed=seed, start=start, workers=workers, thinned=thinned
    )
    for store in apart_from:
        samples.check_apart(store)
    return samples


def stream_seed(seed: int, scenario: str) -> int:
    """Seed of one scenario's samples in a stream: from 2^62 to 2^63 - 1."""
    words = np.frombuffer(hashlib.blake2b(scenario.encode(), digest_size=16).digest(), "<u4")
    drawn = generator_of(seed, 0, Stream.SAMPLES, *map(int, words)).bit_generator.random_raw()
    return int(drawn) >> 2 | 2**62


class EndlessSamples:
    """The iterator of :func:`stream`.

    Picklable before it is iterated; what ``blocks`` gives is independent of the iterator.

    Parameters
    ----------
    scenarios : sequence of Scenario
        In turn.
    seed, start, workers, thinned
        As :func:`stream`'s.
    """

    def __init__(
        self,
        scenarios: Sequence[Scenario],
        *,
        seed: int,
        start: int = 0,
        workers: int | None = None,
        thinned: bool = False,
    ) -> None:
        if not scenarios:
            raise InputError("scenarios must be one or several scenarios; got none.")
        made = [thinned_scenario(s) if thinned else (s, 0.0) for s in scenarios]
        self.scenarios = tuple(scenario for scenario, _ in made)
        self.raised_db = {scenario.name: gain_db for scenario, gain_db in made}
        """By how much a thinned scenario's SNR lies above the one that its samples stand for, dB."""
        self.seed = check_seed("seed", seed)
        self.position = check_integer("start", start, least=0)
        """Number of the next sample."""
        self.workers = workers
        check_workers(None, workers)
        names = [s.name for s in scenarios]
        if repeated := next((n for n in names if names.count(n) > 1), None):
            raise InputError(
                f"scenario {repeated} is given twice; scenarios of a stream need different names."
            )
        self.seeds = {name: stream_seed(self.seed, name) for name in names}
        """Seed of each scenario's samples."""
        self._iterator: Iterator[xr.Dataset] | None = None
        if len(scenarios) > 1:
            _ = self.template  # refuses scenarios that do not go together, before any work

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "template"} | {
            "_iterator": None
        }

    @cached_property
    def template(self) -> xr.Dataset:
        """A sample, over ``sample``, with the dimensions, coordinates and attributes that all have."""
        parts = tuple(Part(name, seed, "train", 0, 1) for name, seed in self.seeds.items())
        return template_of(Plan(self.scenarios, self.seed, parts, False)).drop_vars(["split", "source"])

    @property
    def counts(self) -> list[int]:
        """Numbers of targets that occur."""
        return sorted({n for s in self.scenarios for n in s.dataset.per_class or s.targets.counts})

    @property
    def target_size(self) -> int:
        """Length of the dimension target: the most that any scenario has."""
        return max(1, *(n for s in self.scenarios for n in s.targets.counts))

    def identity(self) -> dict[str, Any]:
        """JSON that says which stream this is: two of one identity have the same samples."""
        return {
            "scenarios": {s.name: s.fingerprint() for s in self.scenarios},
            "seed": self.seed,
            "isacsim": __version__,
        }

    def check_apart(self, store: StorePath) -> None:
        """Refuse a data set that has one of the stream's seeds, so that its samples could be the stream's.

        Raises
        ------
        InputError
            Naming scenario and seed, or if the store's record of its seeds is damaged.
        """
        attrs = open_record(store).attrs
        if "parts" not in attrs or "scenarios" not in attrs:  # nothing there is simulated
            return
        shared = {part.seed for part in plan_of(attrs, str(store)).parts} & set(self.seeds.values())
        if shared:
            name = next(name for name, seed in self.seeds.items() if seed in shared)
            raise InputError(
                f"{store} has samples of seed {min(shared)}, which is the stream's for scenario {name}; give the "
                "stream another seed."
            )

    def blocks(
        self, start: int, *, size: int = BLOCK, step: int = 1, stop: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """Samples start, start + step, ... below stop, if there is one, so many at a time.

        Yields
        ------
        dict of name to numpy.ndarray
            Every variable over sample of a data set but ``split`` and ``source``.
        """
        check_integer("size", size, least=1)
        check_integer("step", step, least=1)
        firsts = count(start, size * step) if stop is None else range(start, stop, size * step)
        ends = ((n, n + size * step) for n in firsts)
        yield from self.made(range(n, end if stop is None else min(end, stop), step) for n, end in ends)

    def made(
        self, numbers: Iterable[range], *, ahead: int = _AHEAD, kinds: Sequence[str] = KINDS
    ) -> Iterator[dict[str, Any]]:
        """Blocks of samples by their numbers, in the order given.

        Parameters
        ----------
        numbers : iterable of range
            Of each block; may be endless.
        ahead : int
            So many blocks of each worker are made before they are asked for.
        kinds : sequence of str
            Spectra wanted, some of "noisy", "noiseless", "clean".

        Yields
        ------
        dict of name to numpy.ndarray
            As `blocks` does.
        """
        tasks = ((self, of_block, tuple(kinds)) for of_block in numbers)
        yield from map_ordered(make_block, tasks, workers=self.workers, ahead=ahead)

    def reused(self, uses: int, *, folder: str | PathLike[str] | None = None) -> ReusedSamples:
        """The stream's samples, each used several times: see `isacsim.dataset.loading.reuse`."""
        from isacsim.dataset.loading.reuse import ReusedSamples

        return ReusedSamples(self, uses=uses, folder=folder)

    def __iter__(self) -> EndlessSamples:
        return self

    def __next__(self) -> xr.Dataset:
        if self._iterator is None:
            self._iterator = self._samples()
        sample = next(self._iterator)
        self.position += 1
        return sample

    def close(self) -> None:
        """End the worker processes; the next sample starts them anew."""
        if self._iterator is not None:
            self._iterator.close()  # type: ignore[attr-defined]  # it is a generator
            self._iterator = None

    def _samples(self) -> Iterator[xr.Dataset]:
        for block in self.blocks(self.position):
            whole = self.labelled(block)
            for i in range(whole.sizes["sample"]):
                yield whole.isel(sample=i)

    def labelled(self, block: Mapping[str, Any]) -> xr.Dataset:
        """A block as a data set, with dimensions, coordinates and attributes."""
        template = self.template
        variables = {
            name: (template[name].dims, values, template[name].attrs) for name, values in block.items()
        }
        return template.drop_dims(["sample"]).assign(variables)


def make_block(samples: EndlessSamples, numbers: range, kinds: Sequence[str] = KINDS) -> dict[str, Any]:
    """Make samples of a stream by their numbers, in their order: what a worker does."""
    if not numbers:
        raise refusal("numbers", "numbers of samples", numbers)
    n_scenarios = len(samples.scenarios)
    at = np.array(numbers)
    out: dict[str, Any] = {}
    for which, scenario in enumerate(samples.scenarios):
        rows = np.flatnonzero(at % n_scenarios == which)
        if not rows.size:
            continue
        indices = (at[rows] // n_scenarios).tolist()
        made = make_samples(
            scenario,
            seed=samples.seeds[scenario.name],
            indices=indices,
            n_targets=[classes_of(scenario, index, 1)[0] for index in indices],
            target_size=samples.target_size,
            kinds=kinds,
        )
        made["snr_db"] = made["snr_db"] - np.float32(samples.raised_db[scenario.name])
        made["domain"] = ("sample", np.full(rows.size, "synthetic", np.dtypes.StringDType()))
        for name, variable in made.data_vars.items():
            values = variable.values
            if name not in out:
                dtype = np.dtypes.StringDType() if values.dtype.kind in "UTO" else values.dtype
                out[str(name)] = np.empty((len(at), *values.shape[1:]), dtype)
            out[str(name)][rows] = values
    return out
