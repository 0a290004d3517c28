"""How good spectra are.

``distances`` between sets (on ``feature_networks``), ``fidelity`` to the truth by ``maxima``.
"""
