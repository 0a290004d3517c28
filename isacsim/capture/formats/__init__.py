"""One module a format of capture files.

``wifi`` knows subcarriers and channels, ``guard`` runs csiread in a child process (``csiread_child``).
"""
