"""Samples in a zarr store.

``synthetic`` makes them of scenarios, ``real`` of capture files, ``mixed`` of both; ``store`` is where they lie,
chunk by chunk, and ``loading`` takes them to torch, TensorFlow and files. ``parts`` says which samples a store holds,
``notation`` how people write that; ``inspection``, ``repair`` and the ``card`` look after it,
``unseen`` counts the targets at rest, and ``told`` what all labels say.
"""
