"""Survey of a capture, and a scenario like it: ``describe`` reports, ``match`` writes the scenario.

The others measure one thing each, of simulated and real captures alike: packet ``timing``, ``alignment`` of packets,
``phases``, ``gains``, ``static`` channel, ``levels`` of static, moving and noise power. ``facts`` turns a description
into rows of text.
"""
