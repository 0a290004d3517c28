"""CSI to paths, with bounds on their errors.

`isacsim.estimate_paths` (``estimate``) is the way in. ``relax`` fits exact cubics, ``peers`` are other people's
methods, ``peaks`` reads maxima of a spectrum. ``bounds`` is the Cramér-Rao bound, ``least_squares`` the fit that
reaches it (numba: ``kernels``). ``grid`` holds the sampling of CSI, ``limits`` the range of a search, ``results`` the
data set that all give. ``matching`` assigns estimates to true paths.
"""
