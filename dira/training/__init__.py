"""The training loop (``train``), the ``source`` of its batches, its ``checkpoint``s and its ``budget``."""
