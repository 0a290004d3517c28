"""Targets that move and reflect, and the lengths of their paths.

``trajectory`` has motions in space, ``phases`` those in timed steps; ``kinematics`` turns a scenario's motion into
one and a motion into path length, velocity, acceleration and jerk. ``body`` puts several points on a motion:
``walker`` with its ``gait``, rotors, rigid ones. ``rcs`` says how strongly they echo, ``bounces`` over which walls;
``rest`` which of them do not move enough to be seen, and ``activity`` what a person does.

A kind of body is a section in `isacsim.scenario.bodies` and a function registered in ``body``.
"""
