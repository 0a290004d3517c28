"""Scenario and seed to one capture with its truth.

``realisation`` is what chance decides, ``reception`` what the receivers make of it, ``capture`` puts both into one
`xarray.Dataset`, and ``truth`` draws a capture's realisation again from its attributes. ``labels`` says where targets
are and what they do.
"""

from isacsim.simulation.capture import simulate
from isacsim.simulation.realisation import realise
from isacsim.simulation.reception import receive
from isacsim.simulation.truth import realisation_of

__all__ = ["realisation_of", "realise", "receive", "simulate"]
