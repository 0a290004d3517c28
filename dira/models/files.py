"""A model's folder: config.json and model.safetensors, written whole, and believed only after a look at both.

Before anything is built, the configuration is checked against its limits and the shapes that it asks for against those
in the head of the weights' file. Digests of both are in the configuration: what changed since is no model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import nn

from isacsim import __version__
from isacsim.errors import InputError
from isacsim.files import check_file, written_whole

__all__ = [
    "CONFIG",
    "WEIGHTS",
    "check_shapes",
    "checked_classes",
    "read_content",
    "read_weights",
    "reading",
    "write_network",
]

CONFIG, WEIGHTS = "config.json", "model.safetensors"
_DIGESTS = "sha256"
# Larger than any that is written, by far.
_MOST_CONFIG_BYTES = 2**24
_MOST_CONDITIONS, _MOST_CLASSES = 16, 10_000


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Say in one sentence what is wrong with a model's folder.

    Raises
    ------
    InputError
        If it holds no model, or a file is damaged.
    """
    try:
        yield
    except FileNotFoundError as error:
        missing = Path(str(error.filename)).name
        raise InputError(f"{folder} holds no model: {missing} is missing.") from None
    except (
        ArithmeticError,
        OSError,
        ValueError,
        LookupError,
        TypeError,
        RuntimeError,
        SafetensorError,
    ) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{folder}: this model is damaged ({error!s:.200}).") from error


def write_network(
    folder: Path,
    network: nn.Module,
    *,
    model: str,
    config: BaseModel,
    history: Mapping[str, Any],
    axes: Mapping[str, Any] | None = None,
    classes: Mapping[str, Any] | None = None,
    half: bool = False,
) -> Path:
    """Write a model's configuration and weights, the latter as float16 if ``half``.

    Digests of both go into the configuration.

    Raises
    ------
    InputError
        If a weight is not finite: such a model would not be read.
    """
    weights = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
    if half:
        weights = {k: v.half() if v.is_floating_point() else v for k, v in weights.items()}
    content = {
        "model": model,
        "version": __version__,
        "config": config.model_dump(mode="json"),
        "axes": axes or {},
        "classes": classes or {},
        "history": history,
    }
    content = json.loads(json.dumps(content))
    _check_finite(weights, f"{folder}: this model cannot be saved")
    file = save(weights)  # save_file would make it private
    content[_DIGESTS] = {"config": _digest_of(content), "weights": hashlib.sha256(file).hexdigest()}
    # A folder without a configuration is no model: an old one goes before the weights change, the new one comes
    # after, so that a kill never leaves one model's classes with another's weights.
    with written_whole(folder / CONFIG) as new_config, written_whole(folder / WEIGHTS) as new_weights:
        new_config.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        new_weights.write_bytes(file)
        (folder / CONFIG).unlink(missing_ok=True)
    return folder


def read_content(folder: Path) -> dict[str, Any]:
    """Read the configuration, every part of which has its type.

    Raises
    ------
    InputError, OSError, ValueError, RecursionError
        If there is none, or it is damaged.
    """
    path = folder / CONFIG
    if path.exists():
        check_file(path, most_bytes=_MOST_CONFIG_BYTES)
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError("config.json holds no mapping")
    for name, kind in (
        ("model", str),
        ("config", dict),
        ("axes", dict),
        ("classes", dict),
        ("history", dict),
    ):
        if not isinstance(content.get(name), kind):
            raise ValueError(f"{name} in config.json must be a {'text' if kind is str else 'mapping'}")
    return content


def checked_classes(classes: Mapping[str, Any]) -> dict[str, list[int | str]]:
    """Give the values of each condition.

    Raises
    ------
    ValueError
        If they are no lists of whole numbers or texts, none twice.
    """
    if len(classes) > _MOST_CONDITIONS:
        raise ValueError(f"classes has {len(classes)} conditions, at most {_MOST_CONDITIONS} are allowed")
    for name, values in classes.items():
        sound = isinstance(values, list) and 0 < len(values) <= _MOST_CLASSES
        if not sound or not (
            all(type(value) is int and abs(value) < 2**63 for value in values)
            or all(type(value) is str for value in values)
        ):
            raise ValueError(
                f"classes.{name} must be a list of whole numbers or of texts, got {values!r:.80}"
            )
        if len(set(values)) != len(values):
            raise ValueError(f"classes.{name} names a class twice: {values!r:.80}")
    return dict(classes)


def check_shapes(folder: Path, build: Callable[[], nn.Module]) -> None:
    """Refuse weights of other names and shapes than the configuration asks for, before memory is taken for them.

    Raises
    ------
    ValueError
        Naming the first difference.
    """
    if (path := folder / WEIGHTS).exists():
        check_file(path)
    with safe_open(path, framework="pt") as file:
        stored = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    with torch.device("meta"):  # shapes without numbers
        wanted = {name: tuple(value.shape) for name, value in build().state_dict().items()}
    for name in [*wanted, *stored]:
        if wanted.get(name) != stored.get(name):
            raise ValueError(
                f"the configuration asks for {name} of shape {wanted.get(name)}, the weights have {stored.get(name)}"
            )


def read_weights(folder: Path, content: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Read the weights, as float32; models saved before there were digests are taken as they are.

    Raises
    ------
    OSError, ValueError, SafetensorError
        If they are damaged: other bytes than were saved, or numbers that are none.
    """
    file = (folder / WEIGHTS).read_bytes()
    if _DIGESTS in content:
        bare = {name: value for name, value in content.items() if name != _DIGESTS}
        wanted = {"config": _digest_of(bare), "weights": hashlib.sha256(file).hexdigest()}
        if content[_DIGESTS] != wanted:
            told = content[_DIGESTS] if isinstance(content[_DIGESTS], dict) else {}
            changed = CONFIG if told.get("config") != wanted["config"] else WEIGHTS
            raise ValueError(f"{changed} is not what was saved: its digest is another")
    weights = load(file)
    _check_finite(weights, "the weights cannot be used")
    return {k: v.float() if v.dtype == torch.float16 else v for k, v in weights.items()}


def _digest_of(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _check_finite(weights: Mapping[str, torch.Tensor], what: str) -> None:
    for name, value in weights.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise InputError(f"{what}: {name} holds NaN or infinite numbers.")
