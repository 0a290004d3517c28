"""A training that two processes share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from . import one_of_several

pytestmark = pytest.mark.numerical

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.skipif(
    not (torch.distributed.is_available() and torch.distributed.is_gloo_available()),
    reason="this build of torch has no gloo, with which processes on CPUs talk",
)
def test_two_processes_train_what_one_does(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    with subprocess.Popen(
        [*launch, "-m", "tests.dira.one_of_several", str(two)],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as shared:
        one_of_several.main(one)
        try:
            said, _ = shared.communicate(timeout=120)
        finally:
            shared.terminate()  # torchrun takes its processes along
    assert shared.returncode == 0, said

    whole = json.loads((one / "0.json").read_text())
    first, second = (json.loads((two / f"{rank}.json").read_text()) for rank in (0, 1))
    assert whole["processes"] == 1 and first["processes"] == second["processes"] == 2
    # Each had its half of every batch, in the batch's order.
    assert len(whole["seen"]) == one_of_several.HOW["steps"]
    for batch, left, right in zip(whole["seen"], first["seen"], second["seen"], strict=True):
        assert len(left) == len(right) == 3 and left + right == batch
    assert whole["written"] == first["written"] == [2, 4] and second["written"] == []
    assert sorted(p.name for p in (two / "checkpoints").iterdir()) == ["step-00000002", "step-00000004"]

    weights = load_file(one / "0.safetensors")
    theirs, others = (load_file(two / f"{rank}.safetensors") for rank in (0, 1))
    for name, value in weights.items():
        # Halves of a batch are added up in another order, and where a gradient is all but zero, its rounding decides
        # on Adam's step. Four steps move a weight by up to 8e-4.
        assert torch.equal(theirs[name], others[name]), name
        torch.testing.assert_close(theirs[name], value, atol=1e-4, rtol=0)
