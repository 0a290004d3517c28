"""The command line, one module a command; `isacsim.cli` lists them.

``source`` reads what commands are given, ``options`` are those that several have, ``remarks`` what they say of results,
``demo_page`` the page of the demo.
"""
