"""The weights that come with dira.

``make_weights`` trains, ``measures`` judges them, ``record`` says how they were made.
"""
