"""CSI to paths, with bounds on their errors.

`isacsim.estimate_paths` (``estimate``) is the way in. ``relax`` fits exact cubics, ``peers`` are other people's
methods, ``peaks`` reads maxima of a spectrum. ``bounds`` is the Cramér-Rao bound, ``least_squares`` the fit that
reaches it (numba: ``kernels``), ``grid`` where CSI was sampled, ``limits`` how far a search goes, ``results`` the data
set that all give, ``matching`` says which estimate belongs to which truth.
"""
