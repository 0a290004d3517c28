"""CSI to velocities over time, and whether anything moves.

`isacsim.track` (``track``) is the way in. ``settings`` are its arguments. ``static`` removes the common errors and
the static part. ``energy`` makes the Doppler energy of a window, and ``motion`` its motion index. ``ridge`` links
windows by Viterbi's algorithm. ``smoothing`` gives a ridge its speed, acceleration and errors. ``linking`` does both
for a whole recording. ``recording`` goes through a capture in bounded memory, ``packets`` takes packets as they come,
``result`` is the data set of both.
"""
