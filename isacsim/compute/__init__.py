"""Computation of numbers.

``jit`` (numba), ``products`` of matrices and ``threads`` of those of BLAS, ``phasor``, and ``provenance``: on what.
"""
