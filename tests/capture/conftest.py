"""Random numbers for made-up CSI, and a place to write capture files."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def write(tmp_path):
    def _write(data):
        path = tmp_path / "capture"
        path.write_bytes(data)
        return path

    return _write
