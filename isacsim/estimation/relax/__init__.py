"""RELAX: exact cubics one by one, all fitted again together.

``algorithm`` is the loop, ``search`` finds candidates and ``size`` says beforehand what that takes, ``escape`` leaves
local minima, ``order`` says when to stop.
"""
