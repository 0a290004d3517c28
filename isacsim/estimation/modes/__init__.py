"""Components whose amplitudes may wander slowly: paths of motion that is no exact cubic.

``algorithm`` is the loop, ``cells`` turns CSI into a few series, ``chirps`` are the phases, ``search`` finds
candidates, ``fit`` is the least-squares problem of all together, ``results`` says what the components are.
"""
