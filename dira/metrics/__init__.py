"""Measures of the quality of spectra.

``distances`` between sets (on ``feature_networks``), ``fidelity`` to the truth by ``maxima``.
"""
