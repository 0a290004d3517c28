"""Readers of real captures: Intel 5300, Nexmon, Atheros, PicoScenes and ESP32, one schema for all.

`read_capture` (``reading``) is the way in; each format is a module of ``formats``. ``packets`` is what they give,
``clock`` their packet times, ``labelling`` makes the data set of it, ``netcdf`` keeps captures. A malformed file raises
`isacsim.CaptureError` and never ends the process.
"""

from isacsim.capture.packets import CaptureWarning
from isacsim.capture.reading import FORMATS, read_capture

__all__ = ["FORMATS", "CaptureWarning", "read_capture"]
