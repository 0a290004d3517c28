"""Record of the work while weights are made, on disk from the first minute on."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from isacsim.errors import InputError
from isacsim.files import read_json, strict_json, written_whole
from isacsim.terminal import sample_progress

__all__ = ["Record", "keeping"]


class Record:
    """Record of the work, kept on disk with the seconds of every run.

    Parameters
    ----------
    path : Path
        Its file.
    plan : dict
        What the folder of work is for.

    Raises
    ------
    InputError
        If the folder was begun with another plan, naming the first difference, or holds something else.
    """

    def __init__(self, path: Path, plan: dict[str, Any]) -> None:
        self.path, plan = path, json.loads(json.dumps(plan))
        if path.exists():
            self.content: dict[str, Any] = read_json(path)
        elif any(path.parent.iterdir()):
            raise InputError(f"{path.parent} is not empty and has no {path.name}; choose another --work.")
        else:
            self.content = {"seconds": {}, "plan": plan}
        begun = self.content.get("plan", {})
        differ = next((key for key in plan if begun.get(key) != plan[key]), None)
        if differ is not None:
            raise InputError(
                f"{path.parent} holds weights begun with {differ} {begun.get(differ)!r}, not {plan[differ]!r}; choose "
                "another --work."
            )
        self.note()

    def note(self, **what: Any) -> None:
        """Write something down."""
        self.content |= what
        with written_whole(self.path) as file:
            file.write_text(strict_json(self.content), encoding="utf-8")

    @contextmanager
    def timed(self, what: str, unit: str = "steps") -> Iterator[Callable[[int, int, float], None]]:
        """A progress bar; seconds are added to those of a run that was stopped, minute by minute."""
        before, begun = self.content["seconds"].get(what, 0.0), time.perf_counter()
        written = begun

        def write_down() -> None:
            self.content["seconds"][what] = round(before + time.perf_counter() - begun)
            self.note()

        with sample_progress(what, unit=unit) as bar:

            def tell(done: int, total: int, loss: float) -> None:
                nonlocal written
                bar(done, total)
                if time.perf_counter() - written > 60:
                    written = time.perf_counter()
                    if np.isfinite(loss):
                        self.content.setdefault("loss", {})[what] = [done, round(loss, 5)]
                    write_down()

            yield tell
        write_down()


def keeping(bar: Callable[[int, int, float], None], folder: Path) -> Callable[[int, int, float], None]:
    """Progress of a training that keeps its average after a quarter and half of the steps, for its curve.

    Parameters
    ----------
    bar : callable
        Takes steps done, steps in all and the loss.
    folder : Path
        With the checkpoints in ``steps``; ``after-STEP.safetensors`` goes here.
    """

    def progress(done: int, total: int, loss: float) -> None:
        bar(done, total, loss)
        if done in (total // 4, total // 2):
            saved = folder / "steps" / f"step-{done:08d}" / "average.safetensors"
            shutil.copy(saved, folder / f"after-{done}.safetensors")

    return progress
