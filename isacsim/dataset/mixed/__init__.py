"""Data sets of two.

`isacsim.mix` (``mix``), how many of each (``shares``), whether they fit (``checks``), ``write``.
"""
