"""Cases that failed once do not any more; and the runner tells a crash, a hang and a raw error from a refusal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.fuzz import runner
from tests.fuzz.kinds import KINDS
from tests.fuzz.mutations import mutated

REPLAYED = [which for which in KINDS if any(runner.corpus(which))]


@pytest.mark.parametrize("which", REPLAYED)
def test_what_failed_once_does_not_any_more(which, tmp_path):
    kind = KINDS[which](tmp_path)
    for _, name, content, turn in runner.corpus(which):
        assert kind.attempt(name, content, turn) in ("refused", "taken")


def test_mutations_repeat_and_differ():
    content = bytes(range(200)) * 3
    made = [mutated(content, np.random.default_rng(seed), text=bool(seed % 2)) for seed in range(50)]
    assert made == [mutated(content, np.random.default_rng(seed), text=bool(seed % 2)) for seed in range(50)]
    assert sum(one != content for one in made) > 45


BAD = """
import os
from tests.fuzz.kind import Kind
from tests.fuzz.kinds import KINDS
class Bad(Kind):
    def prepare(self):
        return {"a": b"0123456789"}
    def use(self, name, content, turn):
        if turn == 1: os.abort()
        while turn == 3: pass
        if turn == 5: raise KeyError("raw")
KINDS["bad"] = Bad
"""


def test_crashes_hangs_and_raw_errors_are_counted(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(BAD)
    root = Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{root}")
    monkeypatch.setenv("ISACSIM_FUZZ_CORPUS", str(tmp_path / "corpus"))  # of the children
    monkeypatch.setattr(runner, "CORPUS", tmp_path / "corpus")
    monkeypatch.setattr(runner, "SECONDS", 3.0)
    exec(BAD, {})
    try:
        counts, _ = runner.run("bad", 0, 7)
    finally:
        del KINDS["bad"]
    assert counts == {"taken": 4, "crashed": 1, "hung": 1, "raw": 1}
