"""How numbers are computed.

``jit`` (numba), ``threads`` of matrix products, ``phasor``, and ``provenance``: on what.
"""
