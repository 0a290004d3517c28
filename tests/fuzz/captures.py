"""Captures under damage: files of every logger, and netCDF; what of the whole packets is kept, and at which times."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

import isacsim
from isacsim.capture.netcdf import load_capture, save_capture
from tests.capture.capture_files import ROOT, synthetic_files
from tests.fuzz.kind import Garbage, Kind

__all__ = ["Captures", "NetCdf", "Recordings"]

_YEAR = 365.25 * 86400.0
# Packets of each file: more make a case slower, and damage rarer in the heads.
_PACKETS = 24


@dataclass(frozen=True)
class Packet:
    """A packet of a sound file."""

    records: tuple[bytes, ...]
    """Bytes without which the reader does not give it."""
    time: float
    levels: bytes
    """Its CSI."""


def by_length(length: str, head: int = 0, more: int = 0, at: int = 0) -> Callable[[bytes], list[bytes]]:
    """Give a splitter of records which begin with ``at`` bytes, their length and ``more`` bytes it does not count."""

    def split(content: bytes) -> list[bytes]:
        pieces, begin, size = [], head, struct.calcsize(length)
        while begin + at + size <= len(content):
            stop = begin + at + size + more + struct.unpack_from(length, content, begin + at)[0]
            pieces.append(content[begin:stop])
            begin = stop
        return pieces

    return split


def lines(content: bytes) -> list[bytes]:
    """Rows below the header."""
    return content.splitlines(keepends=True)[1:]


SPLIT: dict[str, Callable[[bytes], list[bytes]]] = {
    "intel5300": by_length(">H"),
    "atheros_big": by_length(">H"),
    "atheros_little": by_length("<H"),
    "atheros": by_length(">H"),
    "nexmon": by_length("<I", head=24, more=4, at=8),
    "picoscenes": by_length("<I"),
    "esp32": lines,
}


def splitter(name: str) -> Callable[[bytes], list[bytes]]:
    """Of the format that a file's name begins with."""
    return next(split for start, split in SPLIT.items() if name.startswith(start))


def levels(capture: xr.Dataset) -> list[bytes]:
    """CSI of each packet as bytes."""
    csi = np.ascontiguousarray(np.moveaxis(capture["csi"].values, -1, 0))
    return [one.tobytes() for one in csi]


class Captures(Kind):
    """Small files with known CSI, one of each format."""

    text = (".csv",)

    def prepare(self) -> dict[str, bytes]:
        """Note of each file which of its records make which packet: those without which the packet is not read."""
        sound = self.files()
        self.packets, self.frequency = {}, {}
        for name, content in sound.items():
            capture = self.read(name, content)
            self.frequency[name] = capture["frequency"].values
            whole, times = levels(capture), capture["time"].values.tolist()
            owned: dict[bytes, list[bytes]] = {packet: [] for packet in whole}
            for record in splitter(name)(content):
                try:
                    others = set(levels(self.read(name, content.replace(record, b"", 1))))
                except isacsim.CaptureError:
                    continue
                for packet in owned.keys() - others:
                    owned[packet].append(record)
            self.packets[name] = [
                Packet(tuple(owned[packet]), time, packet) for packet, time in zip(whole, times, strict=True)
            ]
        return sound

    def files(self) -> dict[str, bytes]:
        """Name to content; names begin with the format."""
        ends = {"esp32": "csv", "nexmon": "pcap", "picoscenes": "csi"}
        made = synthetic_files(packets=_PACKETS)
        return {f"{name}.{ends.get(name, 'dat')}": content for name, content in made.items()}

    def read(self, name: str, content: bytes) -> xr.Dataset:
        """Read as a user does, who knows what the file does not say."""
        path = self.folder / name
        path.write_bytes(content)
        return isacsim.read_capture(path, carrier=5.745e9 if name.startswith("intel5300") else None)

    def use(self, name: str, content: bytes, turn: int) -> None:
        """Read; look at what cannot be, and whether whole packets are there, as they were and when they were."""
        whole = [packet for packet in self.packets[name] if self.is_whole(packet, content)]
        self.tally["whole packets"] += len(whole)
        capture = self.read(name, content)
        check_plausible(capture)
        got = dict(zip(levels(capture), capture["time"].values.tolist(), strict=True))
        kept = [packet for packet in whole if packet.levels in got]
        self.tally["kept"] += len(kept)
        self.tally["whole packets of files taken"] += len(whole)
        said = bool(capture.attrs["warnings"])
        if kept and not said:
            was = np.diff([packet.time for packet in kept])
            found = np.diff([got[packet.levels] for packet in kept])
            if not np.allclose(was, found, rtol=0, atol=1e-6):
                raise Garbage("whole packets are at other times, without a word")
            if not np.array_equal(self.frequency[name], capture["frequency"].values):
                self.tally["other frequencies"] += 1

    @staticmethod
    def is_whole(packet: Packet, content: bytes) -> bool:
        """Whether all that made a packet is still there."""
        return bool(packet.records) and all(record in content for record in packet.records)


class Recordings(Captures):
    """The beginnings of real captures, where their folder is (``ISACSIM_CAPTURES``)."""

    @staticmethod
    def folder_of_captures() -> Path:
        """Where they are."""
        return Path(os.environ.get("ISACSIM_CAPTURES", ROOT.parent / "shared" / "captures"))

    def files(self) -> dict[str, bytes]:
        """So many records of each."""
        out = {}
        for path in sorted(self.folder_of_captures().iterdir()):
            if not path.name.startswith(tuple(SPLIT)):
                continue
            content = path.read_bytes()
            records = splitter(path.name)(content)[: 2 * _PACKETS]
            out[path.name] = content[: content.index(records[0])] + b"".join(records)
        return out


class NetCdf(Kind):
    """netCDF, whose library is the frailest: what loads is as it was, or plausible at least."""

    def prepare(self) -> dict[str, bytes]:
        """A simulated capture."""
        scenario = isacsim.load_scenario("single_target").model_dump(exclude_none=True)
        scenario["radio"] |= {"subcarriers": 8, "packets": 128, "packet_rate_hz": 128.0}
        scenario["spectrum"] |= {"acceleration_max_m_s2": 8.0, "jerk_max_m_s3": 8.0}
        self.capture = isacsim.simulate(isacsim.Scenario.model_validate(scenario), seed=0)
        save_capture(self.capture, self.folder / "sound.nc")
        return {"capture.nc": (self.folder / "sound.nc").read_bytes()}

    def use(self, name: str, content: bytes, turn: int) -> None:
        """Load."""
        path = self.folder / name
        path.write_bytes(content)
        capture = load_capture(path)
        check_plausible(capture)
        if capture["csi"].shape == self.capture["csi"].shape:
            self.tally["loaded"] += 1
            if not np.array_equal(capture["csi"].values, self.capture["csi"].values):
                raise Garbage("csi is another, without a word")
            for axis in ("time", "frequency"):
                if not np.array_equal(capture[axis].values, self.capture[axis].values):
                    raise Garbage(f"{axis} is another, without a word")


def check_plausible(capture: xr.Dataset) -> None:
    """Refuse what no capture holds, unless a remark says so."""
    for name in ("time", "frequency", "csi"):
        if not np.isfinite(capture[name].values).all():
            raise Garbage(f"{name} is not finite")
    if capture.attrs.get("warnings"):
        return
    csi, time = capture["csi"].values, capture["time"].values
    if csi.size > 1 and (csi == csi.flat[0]).all():
        raise Garbage("constant CSI, without a word")
    if time[-1] - time[0] > _YEAR:
        raise Garbage("years long, without a word")
    for name, most in (("rssi", 0), ("noise", 0)):
        if (
            name in capture
            and capture[name].attrs.get("units") == "dBm"
            and (capture[name].values > most).any()
        ):
            raise Garbage(f"{name} above {most} dBm, without a word")
    if not ((capture["frequency"].values > 1e8) & (capture["frequency"].values < 1e12)).all():
        raise Garbage("no radio frequency, without a word")
