"""Spectra to learn from: ``spectra`` in memory, read from data sets and written as such by ``stores``.

``several`` data sets as one; ``streams`` of samples that are made while a model trains.
"""
