"""Pictures.

``spectra``, ``tracks``, ``scene`` with ``environment`` and ``body``, ``montage`` of a data
set; ``html`` is the demo's page.
"""
