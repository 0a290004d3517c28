"""One process of a training that several share; notes what it saw: python -m tests.dira.one_of_several FOLDER."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from accelerate import PartialState
from safetensors.torch import save_file

import dira
from dira.models import diffusion
from dira.training.checkpoint import Checkpoints
from dira.training.train import place_for

HOW = {"steps": 4, "batch_size": 6, "warmup": 0, "average": 0.9, "every": 2, "device": "cpu"}


def main(folder: Path) -> None:
    """Train; leave RANK.json, RANK.safetensors, and the checkpoints that this process writes."""
    torch.set_num_threads(1)
    seen: list[list[float]] = []
    written: list[int] = []
    loss, save = diffusion.diffusion_loss, Checkpoints.save

    def looking(network, clean, *args, **kwargs):
        seen.append([float(x) for x in clean.double().sum(dim=(1, 2, 3))])
        return loss(network, clean, *args, **kwargs)

    def noting(self, step, *args):
        written.append(step)
        save(self, step, *args)

    spectra, labels = np.random.default_rng(0).random((20, 8, 8)), [3, 4] * 10
    model = dira.ConditionalDiffusion(unet={"blocks": (16, 32)})
    with patch.object(diffusion, "diffusion_loss", looking), patch.object(Checkpoints, "save", noting):
        model.fit(spectra, labels, checkpoints=folder / "checkpoints", **HOW)
    place = place_for("cpu")
    note = {"processes": place.processes, "seen": seen, "written": written}
    (folder / f"{place.process}.json").write_text(json.dumps(note))
    save_file(model.network.state_dict(), folder / f"{place.process}.safetensors")
    PartialState().destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
