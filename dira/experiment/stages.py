"""A run of the experiments in a folder: frozen before anything is trained, and made of stages that are done once each.

A stage's result is JSON; arrays and models lie beside it. Every result carries the digest of what the run was frozen
with, so that a report cannot mix results of different scenarios, presets or versions.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

import dira
import isacsim
from dira.experiment.presets import Preset
from isacsim import __version__
from isacsim.compute.provenance import machine, sources
from isacsim.errors import InputError
from isacsim.files import read_json, strict_json, written_whole
from isacsim.scenario.catalogue import load_scenario, scenario_text
from isacsim.scenario.model import Scenario

__all__ = ["Run", "Tell", "exclusive", "freeze"]

_DIGEST = "frozen_as"
# (what is being done, steps done, steps in all)
Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Run:
    """A run: its preset, its folder, and the digest that it was frozen with."""

    preset: Preset
    folder: Path
    digest: str
    device: str
    tell: Tell
    sets: dict[str, Any] = field(default_factory=dict, compare=False)
    """Data sets that are in memory already."""

    def scenario(self, name: str) -> Scenario:
        """A frozen scenario, at the preset's bins."""
        bins = {"bins_acceleration": self.preset.bins, "bins_jerk": self.preset.bins}
        return load_scenario(name).with_(spectrum=bins)

    def stage(self, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Give a stage's result, made now if it is not there.

        Raises
        ------
        InputError
            If it is there, but of a run frozen otherwise.
        """
        path = self.folder / "stages" / f"{name}.json"
        if path.exists():
            content = read_json(path)
            self._check(path, content.get("digest"))
            return dict(content["result"])
        begun = time.perf_counter()
        result = make()
        content = {
            "stage": name,
            "digest": self.digest,
            "sources": sources(Path(dira.__file__).parent, Path(isacsim.__file__).parent),
            "seconds": round(time.perf_counter() - begun, 1),
            "result": result,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as file:
            file.write_text(strict_json(content), encoding="utf-8")
        return dict(json.loads(strict_json(result)))

    def array(
        self, name: str, make: Callable[[], dict[str, NDArray[Any]]] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Give arrays by name, made now if they are not there.

        Raises
        ------
        InputError
            If they are there, but of a run frozen otherwise; or not there, and nothing is told that makes them.
        """
        path = self.folder / "arrays" / f"{name}.npz"
        if not path.exists():
            if make is None:
                raise self._missing(path)
            written = {**make(), _DIGEST: np.array(self.digest)}
            path.parent.mkdir(parents=True, exist_ok=True)
            with written_whole(path) as file, file.open("wb") as out:
                np.savez(out, **written)  # type: ignore[arg-type]
        try:
            with np.load(path, allow_pickle=False) as content:
                arrays = {key: content[key] for key in content.files}
        except (ValueError, EOFError, BadZipFile) as error:
            raise InputError(
                f"{path}: this file is damaged ({error}); delete it, and it is made again."
            ) from None
        self._check(path, str(arrays.pop(_DIGEST)) if _DIGEST in arrays else None)
        return arrays

    def model(self, name: str, make: Callable[[Path], Any] | None = None) -> Any:
        """Give a trained model, trained now if it is not there; ``make`` gets a folder for checkpoints.

        Raises
        ------
        InputError
            If it is there, but of a run frozen otherwise; or not there, and nothing is told that makes it.
        """
        folder = self.folder / "models" / name
        if not (folder / "config.json").exists():
            if make is None:
                raise self._missing(folder)
            model = make(self.folder / "checkpoints" / name)
            model.history[_DIGEST] = self.digest
            model.save_pretrained(folder)
        content = read_json(folder / "config.json")
        self._check(folder, content.get("history", {}).get(_DIGEST))
        return getattr(dira, content["model"]).from_pretrained(folder)

    def _missing(self, path: Path) -> InputError:
        return InputError(
            f"{path} is missing, which an earlier stage of this run left there; choose another --output and run dira "
            f"reproduce --preset {self.preset.name} anew."
        )

    def _check(self, path: Path, digest: str | None) -> None:
        if digest != self.digest:
            raise InputError(
                f"{path} is of a run frozen as {digest or 'nothing'}, not {self.digest}; choose another --output."
            )

    def training(self, what: str, checkpoints: Path) -> dict[str, Any]:
        """Where and how precisely this run trains: arguments of `fit`."""
        return {
            "device": self.device,
            "precision": self.preset.precision,
            "checkpoints": checkpoints,
            "progress": self.progress(f"training {what}"),
        }

    def progress(self, what: str) -> Callable[[int, int, float], None]:
        """Return the callback of a training or a sampling."""
        return lambda done, total, _loss: self.tell(what, done, total)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Keep other processes out of a run's folder; a kill lets go of it.

    Raises
    ------
    InputError
        If another one is at work there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout:
        raise InputError(f"{folder}: another dira reproduce is running in it.") from None


def freeze(preset: Preset, folder: Path, *, device: str, tell: Tell) -> Run:
    """Freeze scenarios, preset and version in the folder, or check that they are those it was frozen with.

    Raises
    ------
    InputError
        If the folder holds a run that was frozen otherwise, naming what differs.
    """
    frozen = {
        "preset": preset.model_dump(mode="json"),
        "scenarios": {
            name: hashlib.sha256(scenario_text(name).encode()).hexdigest()
            for name in (preset.original, *preset.others, preset.out_of_domain)
        },
        "isacsim": __version__,
    }
    path = folder / "frozen.json"
    if path.exists():
        frozen_before = read_json(path)
        differ = [key for key in frozen if frozen_before.get(key) != json.loads(json.dumps(frozen[key]))]
        if differ:
            raise InputError(
                f"{folder} holds a run whose {' and '.join(differ)} differ from today's; choose another --output."
            )
    else:
        folder.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as file:
            file.write_text(json.dumps(frozen | {"machine": machine()}, indent=1) + "\n", encoding="utf-8")
    digest = hashlib.sha256(json.dumps(frozen, sort_keys=True).encode()).hexdigest()[:16]
    return Run(preset, folder, digest, device, tell)
