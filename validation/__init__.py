"""Studies that measure the toolkit against known truth.

A study is a module with a `run` that returns a table, listed in ``study``. ``points`` computes and keeps its points,
the other modules are what studies are made of.
"""
