"""Data sets of scenarios.

`isacsim.generate` (``generate``) is the way in. ``plan`` describes what is to be made, ``resume`` decides whether a
store continues, ``workers`` where. ``sample`` makes one sample's lag products, ``batch`` many samples with their
spectra, ``doppler`` its spectrograms, ``labels`` its truth, ``response`` the static part's. ``endless`` makes samples
without end (`isacsim.stream`).
"""
