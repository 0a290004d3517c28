"""Captures to CSI that a spectrum can use.

``conditioning`` takes gain, dead subcarriers and common phase out, the last by a ``reference``. ``resampling`` makes
packets uniform in time. ``windows`` cuts a capture into windows and conditions each, ``cutting`` one after the other.
``choice`` picks a pair of receivers by their ``coherence``.
"""

from isacsim.conditioning.conditioning import compensate_gain, condition, remove_static
from isacsim.conditioning.reference import align_phase
from isacsim.conditioning.resampling import resample

__all__ = ["align_phase", "compensate_gain", "condition", "remove_static", "resample"]
