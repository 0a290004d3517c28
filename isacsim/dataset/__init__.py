"""From captures to the three spectra of a sample, and to data sets of them."""
