"""The 802.11 header of a received frame: who sent it, of which kind, with which number.

Source: IEEE Std 802.11-2020, 9.2.4 (frame control, addresses, sequence control) and table 9-1 (types and subtypes).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from isacsim.capture.packets import PacketVariable

__all__ = ["KINDS", "Frame", "frame_kind", "frame_variables", "mac_header"]

# First octet, version 0: type and subtype.
KINDS = {
    0x00: "association request",
    0x10: "association response",
    0x40: "probe request",
    0x50: "probe response",
    0x80: "beacon",
    0x84: "block ack request",
    0x94: "block ack",
    0xA0: "disassociation",
    0xB0: "authentication",
    0xB4: "rts",
    0xC0: "deauthentication",
    0xC4: "cts",
    0xD0: "action",
    0xD4: "ack",
    0xE0: "action no ack",
    0x08: "data",
    0x48: "null data",
    0x88: "QoS data",
    0xC8: "QoS null data",
}
_SHORTEST, _WITH_SEQUENCE = 16, 24
_CONTROL = 1  # frame type without a sequence number


class Frame(NamedTuple):
    """A frame as its header says; "unknown", None where there is none."""

    transmitter: str
    kind: str
    control: int | None
    sequence: int | None


def frame_kind(control: int | None) -> str:
    """Name of a frame kind by the first octet of the header."""
    return "unknown" if control is None else KINDS.get(control, f"0x{control:02x}")


def mac_header(packet: bytes) -> Frame:
    """Read the header of a received packet: transmitter (address 2), kind, sequence number."""
    if len(packet) < _SHORTEST or packet[0] & 3:
        return Frame("unknown", "unknown", None, None)
    control = packet[0]
    numbered = len(packet) >= _WITH_SEQUENCE and control >> 2 & 3 != _CONTROL
    sequence = int.from_bytes(packet[22:24], "little") >> 4 if numbered else None
    return Frame(packet[10:16].hex(":"), frame_kind(control), control, sequence)


def frame_variables(frames: Sequence[Frame]) -> dict[str, PacketVariable]:
    """Variables of a capture from its frames' headers; those that no frame says are left out."""
    variables = {}
    if any(f.transmitter != "unknown" for f in frames):
        variables["transmitter"] = PacketVariable(
            np.array([f.transmitter for f in frames]), "1", "MAC address of the frame's sender"
        )
    if any(f.control is not None for f in frames):
        variables["frame_kind"] = PacketVariable(np.array([f.kind for f in frames]), "1", "kind of the frame")
        variables["frame_control"] = PacketVariable(
            np.array([np.nan if f.control is None else float(f.control) for f in frames]),
            "1",
            "first octet of the frame's 802.11 header: version, type, subtype; 128: beacon, 148: block ack",
        )
    if any(f.sequence is not None for f in frames):
        variables["sequence_number"] = PacketVariable(
            np.array([np.nan if f.sequence is None else float(f.sequence) for f in frames]),
            "1",
            "sequence number of the frame, modulo 4096",
        )
    return variables
