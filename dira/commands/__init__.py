"""The command line.

``judging`` (enhance, count, evaluate), ``demo``, and what their ``options`` and ``conditions`` mean.
"""
