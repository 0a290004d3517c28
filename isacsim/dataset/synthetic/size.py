"""Memory and disk that a data set takes, estimated from its plan before a store is made."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from isacsim.compute.memory import size_words
from isacsim.dataset.store.record import MOST_SAMPLES, StorePath, location
from isacsim.dataset.store.store import usual_chunk
from isacsim.dataset.synthetic.doppler import doppler_values
from isacsim.dataset.synthetic.plan import Plan
from isacsim.dataset.synthetic.workers import processes
from isacsim.errors import InputError
from isacsim.simulation.size import check_capture_size
from isacsim.spectrum.settings import SpectrumSettings

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["check_size", "sample_bytes"]

# Noise hardly shrinks; only a disk that is far too small is refused.
_SHRINKS_TO = 0.5


def check_size(
    plan: Plan, store: StorePath, client: Client | str | None, workers: int | None, chunk: int | None = None
) -> None:
    """Refuse a data set that no store, this machine's memory or the disk holds.

    Raises
    ------
    InputError
        With what it needs and what there is.
    """
    if plan.n_samples > MOST_SAMPLES:
        raise InputError(
            f"n_samples: {plan.n_samples} samples are more than one store holds ({MOST_SAMPLES}); make several."
        )
    if client is None:
        together = usual_chunk(*_bytes_of_one(plan), plan.n_samples) if chunk is None else chunk
        at_once = min(processes(workers), -(-plan.n_samples // together))
        for scenario in plan.scenarios:
            check_capture_size(
                scenario, at_once=at_once, samples=min(together, plan.n_samples), keep_csi=plan.keep_csi
            )
    if "://" in str(store):
        return
    need = _SHRINKS_TO * sample_bytes(plan) * plan.n_samples
    folder = Path(location(store))
    there = next((path for path in (folder, *folder.parents) if path.is_dir()), None)
    free = math.inf if there is None else shutil.disk_usage(there).free + _taken(folder, need)
    if need > free:
        raise InputError(
            f"n_samples: {plan.n_samples} samples take {size_words(need)} or more of disk, and {there} has "
            f"{size_words(free)} free; make fewer, or in parts (--range)."
        )


def sample_bytes(plan: Plan) -> int:
    """Bytes of a sample's spectra, and its CSI if that is kept, before compression."""
    spectrum, csi = _bytes_of_one(plan)
    return 3 * spectrum + 2 * csi


def _bytes_of_one(plan: Plan) -> tuple[int, int]:
    """Bytes of a sample's spectrum of one kind, and of its CSI, 0 if that is not kept; of the largest scenario."""
    spectra, captures = 0, 0
    for scenario in plan.scenarios:
        radio, spectrum = scenario.radio, scenario.spectrum
        # One image a receiver, or one a pair of elements.
        of = [one.receiver for one in radio.streams]
        of = sorted(set(of)) if spectrum.combine == "resolved" else of
        kept = sum(radio.receivers[i].role == "surveillance" for i in of)
        delays = SpectrumSettings().delays if spectrum.combine == "delay" else 1
        values = delays * spectrum.bins_acceleration * spectrum.bins_jerk
        if "doppler" in (spectrum.also or ()):
            values += doppler_values(scenario)
        spectra = max(spectra, 4 * kept * values)
        if plan.keep_csi:
            captures = max(captures, 8 * radio.n_subcarriers * radio.packets * len(radio.streams))
    return spectra, captures


def _taken(folder: Path, need: float) -> int:
    """Bytes that an earlier store there takes already; 0 where the disk has room for all anyway."""
    if not folder.is_dir() or need < shutil.disk_usage(folder).free:
        return 0
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
