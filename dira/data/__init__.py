"""Spectra to learn from: ``spectra`` in memory, read from data sets and written as such by ``stores``."""
