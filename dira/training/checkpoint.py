"""Checkpoints of a training: safetensors and JSON, each whole or not there; nothing is ever unpickled."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from isacsim.errors import InputError

__all__ = ["Checkpoints"]

_KEPT = 2
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
        found = sorted(self.folder.glob("step-*")) if self.folder.is_dir() else []
        if not found:
            return {}
        newest = found[-1]
        try:
            state: dict[str, Any] = json.loads((newest / "state.json").read_text())
            differ = [k for k in self.identity if state["identity"].get(k) != self.identity[k]]
            if not differ:
                network.load_state_dict(load_file(newest / "network.safetensors"))
                if average is not None:
                    average.load_state_dict(load_file(newest / "average.safetensors"))
                _restore(optimiser, load_file(newest / "optimiser.safetensors"))
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
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
        final = self.folder / f"step-{step:08d}"
        temporary = self.folder / f".step-{step:08d}-{os.getpid()}"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        try:
            save_file(_tensors(network), temporary / "network.safetensors")
            if average is not None:
                save_file(_tensors(average), temporary / "average.safetensors")
            save_file(_moments(optimiser), temporary / "optimiser.safetensors")
            state = {"step": step, "loss": loss, "seconds": seconds, "identity": self.identity}
            (temporary / "state.json").write_text(json.dumps(state, indent=1))
            shutil.rmtree(final, ignore_errors=True)
            os.replace(temporary, final)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        for old in sorted(self.folder.glob("step-*"))[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)


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
