"""The command line.

One command a module, but ``judging`` (count, evaluate) and ``reproduce`` (and report); what their ``options`` and
``conditions`` mean.
"""
