"""CSI windows of captures for pretraining, alone or among simulated ones: no labels are needed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dira.data.windows import Windows, joined, reduced
from dira.pretraining.csi_windows import StoredWindows
from dira.training.source import batches
from isacsim.checks import check_number
from isacsim.conditioning.windows import capture_windows
from isacsim.dataset.real.files import capture_files
from isacsim.dataset.real.windows import WindowingOptions, opened_capture
from isacsim.errors import InputError

__all__ = ["MixedWindows", "windows_of_captures"]

_FEWEST = 16  # packets, which the encoder's form needs


def windows_of_captures(
    files: Sequence[Path], options: WindowingOptions, *, tell: Callable[[int, int], None] | None = None
) -> Windows:
    """Cut captures into windows in the encoder's form, as `dira.Encoder.encode` does.

    Parameters
    ----------
    files : sequence of Path
        Of receivers, or saved.
    options : WindowingOptions
        How they are read, cut and conditioned.
    tell : callable, optional
        Called with files done and in all.

    Raises
    ------
    InputError
        Naming the file that cannot be read or gives no window.
    """
    made: list[Windows] = []
    for number, file in enumerate(capture_files(files, None, None, "train")):
        capture, _ = opened_capture(file, dict(options.reading))
        try:
            cut = capture_windows(
                capture,
                window_s=options.length_s,
                hop_s=options.hop_s,
                reference=options.reference,
                gain=options.gain,
                uniform=False,
            )
        except InputError as error:
            raise type(error)(f"{file.source}: {error}") from error
        few = [
            reduced(one.csi.values, one.csi.coords["time"].values, one.csi.coords["frequency"].values)
            for one in cut.used
            if one.csi.sizes["packet"] >= _FEWEST
        ]
        if not few:
            raise InputError(
                f"{file.source}: windows of {cut.window_s:.4g} s hold fewer than {_FEWEST} packets; take longer ones."
            )
        made += few
        if tell is not None:
            tell(number + 1, len(files))
    return joined(made)


class MixedWindows:
    """Windows of captures among simulated ones, as batches for `dira.Encoder.pretrain`.

    Parameters
    ----------
    own : Windows
        Of captures.
    share : float
        Share of each batch that is of captures, above 0 and up to 1.
    simulated : StoredWindows, optional
        The others; none are needed at a share of 1.
    seed : int
        Of the order of the captures' windows.

    Raises
    ------
    InputError
        If the share is out of range, or there are no simulated windows below 1.
    """

    def __init__(
        self, own: Windows, share: float, simulated: StoredWindows | None = None, *, seed: int = 0
    ) -> None:
        check_number("share", share, above=0, most=1)
        if simulated is None and share < 1:
            raise InputError(f"without simulated windows share must be 1, got {share:g}.")
        self.own, self.share, self.simulated, self.seed = own, share, simulated, seed

    # What follows is a dira.training.source.Source.
    def identity(self) -> dict[str, Any]:
        """JSON that says which windows there are."""
        digest = hashlib.sha256(self.own.values.tobytes()).hexdigest()
        others = {} if self.simulated is None else self.simulated.identity()
        return {"captures": digest, "share": self.share, "seed": self.seed, "simulated": others}

    def about(self) -> dict[str, Any]:
        """Describe the windows for a model card."""
        others = {} if self.simulated is None else self.simulated.about()
        return {**others, "capture_windows": len(self.own.values), "capture_share": self.share}

    def seen(self, n: int) -> int:
        """Count the different windows among the first n."""
        own = round(n * self.share)
        others = 0 if self.simulated is None else self.simulated.seen(n - own)
        return min(own, len(self.own.values)) + others

    def batches(self, size: int, first: int) -> Iterator[list[torch.Tensor]]:
        """Batches without end: the captures' windows first, in epochs of their own."""
        own = size if self.simulated is None else min(size, max(1, round(size * self.share)))
        others = (
            iter(()) if own == size or self.simulated is None else self.simulated.batches(size - own, first)
        )
        for rows in batches(len(self.own.values), own, self.seed, first, 2**62):
            real = [torch.from_numpy(np.asarray(part[rows])) for part in self.own]
            if own == size:
                yield real
                continue
            made = next(others)
            yield [torch.cat([a.to(b.dtype), b]) for a, b in zip(real, made, strict=True)]
