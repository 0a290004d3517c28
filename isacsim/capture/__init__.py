"""Readers of real captures: Intel 5300, Nexmon, Atheros, PicoScenes and ESP32, one schema for all.

`read_capture` is the way in. A malformed file raises `isacsim.errors.CaptureError` and never ends the
process.
"""

from isacsim.capture.packets import CaptureWarning
from isacsim.capture.reading import FORMATS, read_capture

__all__ = ["FORMATS", "CaptureWarning", "read_capture"]
