"""One module a format of capture files, listed in `isacsim.capture.reading.FORMATS`.

``wifi`` knows subcarriers and channels, ``guard`` runs csiread in a child process (``csiread_child``).
"""
