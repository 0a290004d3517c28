"""Count of the moving targets in a capture, with a probability for each count.

`isacsim.count_targets` (``count``) is the way in, ``counters`` finds those that others register. Point targets are
counted by their paths (``points``), people by how their moving parts fill delay and Doppler (``features``). The rule
for people was learned from simulated walkers and is stored beside the code (``rule``, ``rule.json``; made by
`isacsim.validation.people`).
"""
