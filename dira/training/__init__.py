"""The training loop (``train``) and its ``checkpoint``s."""
