"""RELAX: exact cubics one by one, all fitted again together.

``algorithm`` is the loop, ``search`` finds candidates, ``escape`` leaves local minima, ``order`` says when to stop.
"""
