"""Storage of data sets, compared, and the memory that making them takes: ``python -m isacsim.validation.storage``."""

from __future__ import annotations

import argparse
import tempfile
import time as clock
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import zarr

import isacsim
from isacsim.dataset.synthetic.batch import make_samples
from isacsim.scenario.catalogue import load_scenario
from isacsim.scenario.model import Scenario
from isacsim.scenario.outputs import Dataset

from .resume_demo import small_scenario

__all__ = ["main", "measure_making", "measure_storage"]

_ZSTD = {"name": "zstd", "configuration": {"level": 1, "checksum": False}}
_KINDS = ("aj_noisy", "aj_noiseless", "aj_clean")


def _blosc(name: str, shuffle: str, level: int = 1) -> dict[str, Any]:
    return {"name": "blosc", "configuration": {"cname": name, "clevel": level, "shuffle": shuffle}}


CODECS: dict[str, Any] = {
    "none": None,
    "zstd 1": _ZSTD,
    "blosc lz4, shuffle": _blosc("lz4", "shuffle"),
    "blosc zstd 1, shuffle": _blosc("zstd", "shuffle"),
    "blosc zstd 5, shuffle": _blosc("zstd", "shuffle", 5),
    "blosc zstd 1, bitshuffle": _blosc("zstd", "bitshuffle"),
}


def measure_storage(spectra: dict[str, np.ndarray], folder: Path) -> list[list[str]]:
    """Write and read spectra (sample, acceleration, jerk) with each codec and chunk length; rows of the table."""
    rows = []
    n = next(iter(spectra.values())).shape[0]
    cases = [(codec, 64, 0) for codec in CODECS]
    cases += [("blosc zstd 1, shuffle", chunk, 0) for chunk in (1, 16, 256)]
    cases += [("blosc zstd 1, shuffle", 16, 256)]
    for codec, chunk, shard in cases:
        path = folder / f"{codec}-{chunk}-{shard}.zarr"
        group = zarr.open_group(path, mode="w", zarr_format=3)
        start = clock.perf_counter()
        for name, values in spectra.items():
            array = group.create_array(
                name,
                shape=values.shape,
                dtype=values.dtype,
                chunks=(chunk, *values.shape[1:]),
                shards=(shard, *values.shape[1:]) if shard else None,
                compressors=CODECS[codec],
                fill_value=np.nan,
            )
            for first in range(0, n, shard or chunk):
                array[first : first + (shard or chunk)] = values[first : first + (shard or chunk)]
        wrote = (clock.perf_counter() - start) / n
        files = [file.stat().st_size for file in path.rglob("*") if file.is_file()]
        arrays: list[Any] = [zarr.open_group(path, mode="r")[name] for name in spectra]
        order = np.random.default_rng(0).permutation(n)[:200]
        start = clock.perf_counter()
        for sample in order:
            for array in arrays:
                np.asarray(array[int(sample)])
        one = (clock.perf_counter() - start) / order.size
        start = clock.perf_counter()
        for first in np.random.default_rng(0).permutation(np.arange(0, n, chunk)):
            for array in arrays:
                np.asarray(array[int(first) : int(first) + chunk])
        whole = (clock.perf_counter() - start) / n
        rows.append(
            [
                f"{codec}{f', shards of {shard}' if shard else ''}",
                str(chunk),
                f"{sum(files) / n / 1e3:.1f}",
                f"{len(files)}",
                f"{wrote * 1e3:.2f}",
                f"{one * 1e3:.2f}",
                f"{whole * 1e3:.2f}",
            ]
        )
    return rows


def measure_making(scenario: Scenario, n: int, workers: int, store: Path) -> list[list[str]]:
    """Make n samples; rate and resident memory of this process and its workers at every fifth of the way."""
    rows: list[list[str]] = []
    me = psutil.Process()
    start = clock.perf_counter()
    # Rates count from the first chunk: starting the workers takes seconds, whatever the size.
    seen: list[tuple[float, int]] = []

    def look(n_made: int, total: int) -> None:
        now = clock.perf_counter()
        if not seen and n_made:
            seen.append((now, n_made))
        if n_made >= (len(rows) + 1) * n // 5:
            others = [p.memory_info().rss for p in me.children(recursive=True)]
            sizes = [f"{size / 2**20:.0f}" for size in (me.memory_info().rss, max(others), sum(others))]
            since, before = seen[-1]
            rate = (n_made - before) / (now - since) if n_made > before else float("nan")
            rows.append([str(n_made), *sizes, f"{now - start:.0f}", f"{rate:.0f}"])
            seen.append((now, n_made))

    sized = scenario.model_copy(update={"dataset": Dataset(n_samples=n)})
    isacsim.generate(sized, store, n_samples=n, workers=workers, progress=look)
    return rows


def _print(columns: list[str], rows: list[list[str]]) -> None:
    print("| " + " | ".join(columns) + " |")
    print("|---|" + "---:|" * (len(columns) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--scenario",
        default="default",
        help="whose samples are stored; small: 8 subcarriers, 64 packets, 16 x 16 bins",
    )
    parser.add_argument("--n", type=int, default=512, help="samples stored")
    parser.add_argument(
        "--making", type=int, default=0, help="instead: samples made, rate and memory watched"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes that make them")
    options = parser.parse_args()
    scenario = small_scenario() if options.scenario == "small" else load_scenario(options.scenario)
    with tempfile.TemporaryDirectory(prefix="isacsim-storage-") as folder:
        if options.making:
            columns = [
                "samples",
                "driver [MiB]",
                "largest worker [MiB]",
                "all workers [MiB]",
                "s",
                "samples/s",
            ]
            store = Path(folder) / "made.zarr"
            _print(columns, measure_making(scenario, options.making, options.workers, store))
            sizes = [file.stat().st_size for file in store.rglob("*") if file.is_file()]
            start = clock.perf_counter()
            isacsim.open_dataset(store)
            print(
                f"{sum(sizes) / 1e6:.1f} MB in {len(sizes)} files; opened in {clock.perf_counter() - start:.2f} s"
            )
            return
        samples = make_samples(scenario, seed=0, indices=range(options.n))
        spectra = {name: samples[name].values for name in _KINDS}
        raw = sum(values.nbytes for values in spectra.values()) / options.n / 1e3
        print(f"{options.n} samples of {options.scenario}, {raw:.1f} kB of spectra each")
        columns = [
            "compression",
            "chunk",
            "kB a sample",
            "files",
            "write",
            "read one at random",
            "read by chunks",
        ]
        _print(columns, measure_storage(spectra, Path(folder)))


if __name__ == "__main__":
    main()
