"""What some environments need beyond isacsim's own dependencies; tests without it are skipped by name."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from isacsim.channel.sionna.llvm import usable_llvm


def need(kind: str) -> None:
    """Skip the test if the environment of a kind cannot run here."""
    if kind.startswith("sionna") and find_spec("sionna") is None:
        pytest.skip("Sionna is not installed: pip install 'isacsim[rt]'")
    if kind == "sionna_rt" and (why := usable_llvm()):
        pytest.skip(f"ray tracing needs LLVM 17 or newer, but {why}")
