"""Data sets of capture files: ``files`` and their ``labels``, ``samples`` of their windows, ``write`` into a store."""
