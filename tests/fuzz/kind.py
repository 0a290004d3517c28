"""What a kind of damaged input is: sound ones to begin with, and what is done with a damaged one.

An attempt ends in "refused" (a sentence) or "taken" (and what came of it was looked at). Anything else it raises is a
fault: a raw error, or `Garbage`, which is wrong numbers without a word.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections import Counter
from pathlib import Path

from pydantic import ValidationError

from isacsim.errors import InputError

__all__ = ["Garbage", "Kind"]

# What the commands end in one sentence (isacsim.terminal.Guarded).
REFUSALS = (InputError, OSError, ValidationError)


class Garbage(AssertionError):
    """Damage went through, and what came of it is wrong."""


class Kind(ABC):
    """Inputs of a kind, in a folder of their own.

    Parameters
    ----------
    folder : Path
        To work in.
    """

    text: tuple[str, ...] = ()
    """Ends of the names of those that are text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tally: Counter[str] = Counter()
        """What was counted on the way."""
        self.sound = self.prepare()
        """Name to content."""

    @abstractmethod
    def prepare(self) -> dict[str, bytes]:
        """Make sound inputs."""

    @abstractmethod
    def use(self, name: str, content: bytes, turn: int) -> None:
        """Do what a user would."""

    def unsound(self) -> list[str]:
        """Names of undamaged inputs that are not taken: damage to them would tell nothing."""
        found = [name for name, content in self.sound.items() if self.attempt(name, content, 0) != "taken"]
        self.tally.clear()
        return found

    def attempt(self, name: str, content: bytes, turn: int) -> str:
        """Use a damaged input."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self.use(name, content, turn)
            except REFUSALS as error:
                if not str(error).strip():
                    raise Garbage("refused without a word") from error
                return "refused"
        return "taken"
