"""Commands in processes of their own."""

from __future__ import annotations

import sys

# What is started in the background ignores Ctrl-C, and so do its children: these tests may well be.
_HEED_CTRL_C = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
ISACSIM = [sys.executable, "-c", _HEED_CTRL_C, "-m", "isacsim"]
