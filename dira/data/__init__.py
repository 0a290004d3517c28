"""Spectra to learn from: ``spectra`` in memory, read from and written to ``stores``."""
