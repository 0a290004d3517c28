"""Checkpoints of a training: safetensors and JSON, each whole or not there; nothing is ever unpickled."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import nn

from isacsim.errors import InputError
from isacsim.files import check_file, running

__all__ = ["Checkpoints"]

_KEPT = 2
# Larger than any that is written, by far.
_MOST_STATE_BYTES = 2**26
_MOMENTS = ("exp_avg", "exp_avg_sq", "step")


class Checkpoints:
    """The checkpoints of one training in a folder.

    Parameters
    ----------
    folder : Path
        Where; made with the first one.
    identity : dict
        JSON that says which training this is: another's checkpoints are refused.
    """

    def __init__(self, folder: Path, identity: dict[str, Any]) -> None:
        self.folder, self.identity = folder, identity

    def load(
        self, network: nn.Module, average: nn.Module | None, optimiser: torch.optim.Optimizer
    ) -> dict[str, Any]:
        """Restore the newest; its ``step``, ``loss`` and ``seconds``, empty if there is none.

        Raises
        ------
        InputError
            If it is of another training, naming the difference, or damaged.
        """
        _remove_leftovers(self.folder)
        found = sorted(self.folder.glob("step-*")) if self.folder.is_dir() else []
        if not found:
            return {}
        newest = found[-1]
        try:
            state = _read_state(newest)
            differ = [k for k in self.identity if state["identity"].get(k) != self.identity[k]]
            if not differ:
                read = partial(_read_tensors, newest, state["sha256"])
                network.load_state_dict(read("network"))
                if average is not None:
                    average.load_state_dict(read("average"))
                _restore(optimiser, read("optimiser"))
        except (OSError, ValueError, LookupError, TypeError, RuntimeError, SafetensorError) as error:
            raise InputError(f"{newest}: this checkpoint is damaged ({error}); delete it.") from error
        if differ:
            differences = "; ".join(
                _difference(k, state["identity"].get(k), self.identity[k]) for k in differ
            )
            raise InputError(
                f"{self.folder} holds checkpoints of another training: {differences}. Choose another folder."
            )
        return state

    def save(
        self,
        step: int,
        loss: float,
        seconds: float,
        network: nn.Module,
        average: nn.Module | None,
        optimiser: torch.optim.Optimizer,
    ) -> None:
        """Write the checkpoint after so many steps, and delete all but the newest two."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(self.folder)
        final = self.folder / f"step-{step:08d}"
        temporary = self.folder / f".step-{step:08d}-{os.getpid()}"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        try:
            save_file(_tensors(network), temporary / "network.safetensors")
            if average is not None:
                save_file(_tensors(average), temporary / "average.safetensors")
            save_file(_moments(optimiser), temporary / "optimiser.safetensors")
            digests = {file.name: _digest(file.read_bytes()) for file in temporary.iterdir()}
            state: dict[str, Any] = {
                "step": step,
                "loss": loss,
                "seconds": seconds,
                "identity": self.identity,
            }
            state["sha256"] = {**digests, "state": _digest(json.dumps(state, sort_keys=True).encode())}
            (temporary / "state.json").write_text(json.dumps(state, indent=1))
            shutil.rmtree(final, ignore_errors=True)
            os.replace(temporary, final)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        for old in sorted(self.folder.glob("step-*"))[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)


def _remove_leftovers(folder: Path) -> None:
    """Remove what processes that are gone were writing."""
    for left in folder.glob(".step-*-*") if folder.is_dir() else ():
        pid = left.name.rpartition("-")[2]
        if pid.isdecimal() and not running(int(pid)):
            shutil.rmtree(left, ignore_errors=True)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read_state(folder: Path) -> dict[str, Any]:
    """Read a checkpoint's state, every part of which has its type and is what was written."""
    state = json.loads(
        check_file(folder / "state.json", most_bytes=_MOST_STATE_BYTES).read_text(encoding="utf-8")
    )
    kinds = {"step": int, "loss": float, "seconds": float, "identity": dict, "sha256": dict}
    for name, kind in kinds.items():
        if not isinstance(state, dict) or type(state.get(name)) is not kind:
            raise ValueError(f"state.json has no {name} as this version writes it")
    bare = {name: value for name, value in state.items() if name != "sha256"}
    if state["sha256"].get("state") != _digest(json.dumps(bare, sort_keys=True).encode()):
        raise ValueError("state.json is not what was written: its digest is another")
    return state


def _read_tensors(folder: Path, digests: dict[str, Any], name: str) -> dict[str, torch.Tensor]:
    content = check_file(folder / f"{name}.safetensors").read_bytes()
    if digests.get(f"{name}.safetensors") != _digest(content):
        raise ValueError(f"{name}.safetensors is not what was written: its digest is another")
    return load(content)


def _tensors(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}


def _moments(optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    state = optimiser.state_dict()["state"]
    return {
        f"{i}.{name}": torch.as_tensor(of_parameter[name]).detach().cpu().contiguous()
        for i, of_parameter in state.items()
        for name in _MOMENTS
    }


def _restore(optimiser: torch.optim.Optimizer, moments: dict[str, torch.Tensor]) -> None:
    state = optimiser.state_dict()
    state["state"] = {}
    for name, value in moments.items():
        place, what = name.split(".")
        state["state"].setdefault(int(place), {})[what] = value
    optimiser.load_state_dict(state)


def _difference(name: str, theirs: Any, ours: Any) -> str:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        keys = [k for k in {**theirs, **ours} if theirs.get(k) != ours.get(k)]
        return ", ".join(f"{name}.{k} {theirs.get(k)!r} there, {ours.get(k)!r} here" for k in keys)
    return f"{name} {theirs!r} there, {ours!r} here"
