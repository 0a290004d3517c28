"""Under `make test-generic`: each library does without what this processor has beyond its baseline."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import config, njit
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from tests.other_processor import PLAYED, X86

pytestmark = [
    pytest.mark.numerical,
    pytest.mark.skipif(os.environ.get(PLAYED) != "1", reason="make test-generic plays another processor"),
]
on_x86 = pytest.mark.skipif(not X86, reason="a switch of x86 alone")


def test_numpy_uses_its_baseline():
    assert not [name for name in __cpu_dispatch__ if __cpu_features__[name]]


@on_x86
def test_numba_compiles_for_the_generic_processor():
    @njit(error_model="numpy")
    def squares(x, y):
        for i in range(x.size):
            y[i] += x[i] * x[i]

    squares(np.ones(64, np.float32), np.ones(64, np.float32))
    assert config.CPU_NAME == "generic" and not config.CPU_FEATURES
    if X86:
        (assembly,) = squares.inspect_asm().values()
        assert "mulps" in assembly and not re.search(r"%[yz]mm|vfmadd|vmul", assembly)


def test_torch_uses_its_default_kernels():
    torch = pytest.importorskip("torch")
    assert torch.backends.cpu.get_cpu_capability() == "DEFAULT"


@on_x86
def test_mkl_uses_its_compatible_branch():
    torch = pytest.importorskip("torch")
    if not torch.backends.mkl.is_available():
        pytest.skip("this torch was built without MKL")
    library = ctypes.CDLL(str(next(Path(torch.__file__).parent.glob("lib/*torch_cpu.*"))))
    if not hasattr(library, "mkl_serv_cbwr_get"):
        pytest.skip("this torch's MKL cannot be asked for its branch")
    # MKL_CBWR_BRANCH and MKL_CBWR_COMPATIBLE of mkl_types.h; without the switch it is 1, MKL_CBWR_BRANCH_OFF.
    branch, compatible = 1, 3
    assert library.mkl_serv_cbwr_get(branch) == compatible


@on_x86
def test_onednn_uses_sse4():
    torch = pytest.importorskip("torch")
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this torch was built without oneDNN")
    code = "import torch; torch.nn.functional.conv2d(torch.ones(2, 16, 16, 16), torch.ones(16, 16, 3, 3))"
    told = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"ONEDNN_VERBOSE": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert re.findall("cpu,isa:(.*)", told) == ["Intel SSE4.1"]
    assert re.findall("exec,cpu,convolution,([^,]*)", told) == ["jit:sse41"]
