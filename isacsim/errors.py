"""The one error for bad input; its message is one sentence that names what was passed and what is allowed."""

__all__ = ["CaptureError", "InputError"]


class InputError(ValueError):
    """An argument, field or combination that isacsim cannot work with."""


class CaptureError(InputError):
    """A capture file that is malformed, truncated, foreign or holds no usable CSI."""
