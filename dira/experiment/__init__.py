"""The paper's experiments on simulated spectra, and those it leaves out: ``dira reproduce``."""
