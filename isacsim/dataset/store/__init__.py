"""The zarr store: ``store`` makes, fills and opens it, ``record`` is what it says of itself, ``files`` its small files.

``soundness`` finds what of it is lost or changed.
"""
