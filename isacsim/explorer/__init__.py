"""A local page to look at scenarios, data sets and captures: ``isacsim explore`` (docs/explorer.md).

``controls`` is what the sliders say, and the scenario that comes of it; ``live`` makes the pictures and keeps what a
change leaves as it is; ``export`` writes the same as YAML and as Python. ``stores`` shows the samples of a data set,
``captures`` the overview of a file. ``folder`` finds files and lets nothing outside the folder be read, ``guard``
refuses requests that do not come from the page, ``server`` puts all behind one address. ``page/`` is the page itself.
"""
