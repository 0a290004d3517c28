"""Every kernel of the package keeps the compiler rule of `isacsim.compute.jit`."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
from numba import njit
from numba.core.dispatcher import Dispatcher

import isacsim
from isacsim.compute.jit import FUSED, JIT, fma, multiply_add

ROOT = Path(isacsim.__file__).parent
MODULES = [
    ".".join(("isacsim", *file.relative_to(ROOT).with_suffix("").parts))
    for file in sorted(ROOT.rglob("*.py"))
    if "@njit" in file.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES)
def test_no_kernel_lets_the_compiler_change_a_rounding(name):
    content = vars(importlib.import_module(name)).values()
    kernels = [value for value in content if isinstance(value, Dispatcher)]
    assert kernels
    for kernel in kernels:
        flags = kernel.targetoptions.get("fastmath", False)
        assert flags is False or (flags is not True and set(flags) <= JIT["fastmath"]), (
            kernel.py_func.__name__
        )


@njit
def _fused(a, b, c):
    return fma(a, b, c)


def test_fma_rounds_once():
    # (1 + e)(1 - e) - 1 = -e², which a product rounded on its own loses.
    for kind in (np.float32, np.float64):
        e = kind(np.finfo(kind).eps)
        assert _fused(kind(1) + e, kind(1) - e, kind(-1)) == -(e**2)


@njit
def _added(a, b, c):
    return multiply_add(a, b, c)


def test_multiply_add_is_fused_where_the_processor_does_it():
    for kind in (np.float32, np.float64):
        e = kind(np.finfo(kind).eps)
        assert _added(kind(1) + e, kind(1) - e, kind(-1)) == (-(e**2) if FUSED else 0)
