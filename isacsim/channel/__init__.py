"""Channel: moving paths, the static surroundings, the receiver's hardware.

``paths`` sums moving paths (numba). ``static`` is the registry of static environments: ``ieee80211``, and by Sionna
those of ``sionna``; ``discrete`` turns their taps into responses. ``impairments`` and ``noise`` are what hardware
does.
"""
