"""CSI to the acceleration-jerk spectrum (method.md section 2) and the Doppler spectrogram.

`isacsim.aj_spectrum` (``aj``) is the way in. ``settings`` are its arguments, ``grid`` what a window resolves,
``plan`` the lag products of a window with ``lag_product`` and how ``subcarriers`` are combined, ``transform`` (numba:
``transform_kernels``; torch: ``transform_torch``) the sums over them. ``resolved`` adds the spectra of an array's
``cells`` (``range_walk`` keeps paths in them, ``antennas`` says which streams they are of) or of what ``separation``
tells apart. ``render`` draws known paths, ``self_terms`` makes clean spectra, ``point_response`` that of one path,
``doppler`` spectrograms.
"""
