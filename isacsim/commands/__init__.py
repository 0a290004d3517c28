"""The command line, one module a command.

``source`` reads what commands are given, ``options`` what their options mean, ``remarks`` what they say of results,
and ``guard`` turns errors into sentences.
"""
