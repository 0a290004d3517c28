"""The options on how a receiver's file is read: the same for every command that reads one."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import typer

from isacsim.errors import InputError

__all__ = ["OPTIONS", "given_options", "in_option_names", "reads_files"]


class _Option(NamedTuple):
    """An argument of `isacsim.read_capture`: its type on the command line, and what stands for not given."""

    annotation: Any
    default: Any


def _option(kind: Any, name: str, text: str, default: Any = None) -> _Option:
    return _Option(Annotated[kind, typer.Option(name, help=text, show_default=default is not None)], default)


OPTIONS = {
    "format": _option(
        str, "--format", "File format: auto, intel5300, nexmon, atheros, picoscenes or esp32.", "auto"
    ),
    "carrier": _option(float | None, "--carrier", "Carrier in Hz that the file does not carry, e.g. 5.32e9."),
    "bandwidth": _option(float | None, "--bandwidth", "Bandwidth in Hz to check against the file."),
    "phase_sign": _option(
        int | None,
        "--phase-sign",
        "-1 if a path of length d turns as exp(-j2πfd/c), 1 if as its conjugate; default -1.",
    ),
    "strict": _option(
        bool, "--strict", "Refuse a file with a record that is not whole, instead of leaving it out.", False
    ),
    "packet_rate": _option(
        float | None, "--packet-rate", "Packets/s, for a file whose clock stands still or is wrong."
    ),
    "transmitter": _option(
        str | None, "--transmitter", "MAC address of the sender to keep; default: who sent most."
    ),
    "frame_kind": _option(
        str | None,
        "--frame-kind",
        "Kind of frames to keep, by name (beacon, data, HT) or number; default: all.",
    ),
    "antennas": _option(
        str | None, "--antennas", "Receive antennas to keep, e.g. 0,1; default: those most packets have."
    ),
    "part": _option(
        str | None,
        "--part",
        "Training field of ESP32 rows: L-LTF, HT-LTF or HE-LTF; default: what the rows share.",
    ),
    "chip": _option(str | None, "--chip", "Chip of a Nexmon or ESP32 file that does not say it, e.g. 4358."),
}
"""By argument; the commands get them as one dictionary, arguments of `isacsim.read_capture`."""


def reads_files(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `OPTIONS`; it gets them as the dictionary ``reading``.

    Parameters
    ----------
    command : callable
        Has a keyword argument ``reading``.
    """

    @functools.wraps(command)
    def with_options(**arguments: Any) -> None:
        reading = {name: arguments.pop(name, option.default) for name, option in OPTIONS.items()}
        command(**arguments, reading={**reading, "antennas": _numbers(reading["antennas"])})

    signature = inspect.signature(command, eval_str=True)
    own = [p for p in signature.parameters.values() if p.name != "reading"]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=o.default, annotation=o.annotation)
        for name, o in OPTIONS.items()
    ]
    # Typer asks for both.
    with_options.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    with_options.__annotations__ = {p.name: p.annotation for p in (*own, *added)}
    return with_options


def given_options(reading: dict[str, Any]) -> list[str]:
    """Names of the options that were given, as on the command line."""
    return [
        "--" + name.replace("_", "-")
        for name, value in reading.items()
        if name in OPTIONS and value != OPTIONS[name].default
    ]


def in_option_names(text: str) -> str:
    """Words about arguments of `isacsim.read_capture` as words about options."""
    names = "|".join(OPTIONS)
    return re.sub(
        rf"\b({names})=(?=\S)",
        lambda m: _dashes(m[1]) + " ",
        re.sub(rf"\b({names})=(?!\S)", lambda m: _dashes(m[1]), text),
    )


def _dashes(name: str) -> str:
    return "--" + name.replace("_", "-")


def _numbers(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise InputError(f"--antennas {text}: must be whole numbers with commas between, e.g. 0,1.") from None
