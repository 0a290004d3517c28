"""Small capture files made by hand, with known CSI, so that the readers are tested without real captures."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]


def real_capture(name: str) -> Path:
    """A real capture; skips the test if the folder is not there."""
    folder = Path(os.environ.get("ISACSIM_CAPTURES", ROOT.parent / "shared" / "captures"))
    if not (folder / name).is_file():
        pytest.skip(f"no {name} in {folder}; ISACSIM_CAPTURES names the folder of real captures")
    return folder / name


def integers(rng: np.random.Generator, limit: int, *shape: int) -> NDArray[np.complex64]:
    """Complex numbers with integer parts, none of them zero."""
    real, imaginary = rng.integers(1, limit, (2, *shape)) * rng.choice([-1, 1], (2, *shape))
    return (real + 1j * imaginary).astype(np.complex64)


def _bits(values: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
    """Least significant bit first: (..., n) -> (..., n * width)."""
    bits = values[..., np.newaxis] >> np.arange(width) & 1
    return bits.reshape(*values.shape[:-1], -1).astype(np.uint8)


def _parts(csi: NDArray[np.complex64], *, imaginary_first: bool = False) -> NDArray[np.int64]:
    parts = [csi.real, csi.imag][:: -1 if imaginary_first else 1]
    return np.stack(parts, axis=-1).astype(np.int64)


def intel_csi_bytes(csi: NDArray[np.complex64]) -> bytes:
    """CSI (30, chain, tx): 3 bits of padding before each subcarrier."""
    bits = _bits(_parts(csi).reshape(30, -1), 8)
    stream = np.concatenate([np.zeros((30, 3), np.uint8), bits], axis=1).ravel()
    n_bytes = 60 * csi.shape[1] * csi.shape[2] + 12
    return np.packbits(stream, bitorder="little").tobytes().ljust(n_bytes, b"\0")


def intel_record(
    csi: NDArray[np.complex64], timestamp: int, *, antenna_sel: int = 0b100100, rate: int = 0x101
) -> bytes:
    """A beamforming record; `csi` (30, chain, tx), chain j being antenna `antenna_sel` >> 2j & 3."""
    payload = intel_csi_bytes(csi)
    header = struct.pack(
        "<IHHBBBBBbBBHH",
        timestamp % 2**32,
        0,
        0,
        *csi.shape[1:],
        40,
        30,
        20,
        -90,
        35,
        antenna_sel,
        len(payload),
        rate,
    )
    return struct.pack(">HB", 1 + len(header) + len(payload), 0xBB) + header + payload


def intel_file(csi: NDArray[np.complex64], start: int = 1000, step: int = 1000) -> bytes:
    """`csi` (packet, 30, chain, tx); a received packet (0xc1) before each record."""
    received = struct.pack(">HB", 31, 0xC1) + bytes(30)
    return b"".join(received + intel_record(c, start + step * n) for n, c in enumerate(csi))


def atheros_record(
    csi: NDArray[np.complex64] | None, timestamp: int, order: str, *, tones: int = 56
) -> bytes:
    """`csi` (tones, rx, tx), or None for a record without CSI."""
    payload, nrx, ntx = b"", 3, 1
    if csi is not None:
        tones, nrx, ntx = csi.shape
        bits = _bits(_parts(csi, imaginary_first=True).ravel(), 10)
        payload = np.packbits(bits, bitorder="little").tobytes()
    packet = b"\xaa" * 40
    header = struct.pack(
        order + "QHHBBBBBBBbbbbH",
        *(
            timestamp,
            len(payload),
            2437,
            0,
            0,
            0x8F,
            int(tones == 114),
            tones,
            nrx,
            ntx,
            40,
            38,
            37,
            -128,
            len(packet),
        ),
    )
    body = header + payload + packet
    return struct.pack(order + "H", len(body)) + body


def atheros_file(csi: NDArray[np.complex64], order: str = "<") -> bytes:
    """`csi` (packet, tones, rx, tx)."""
    return b"".join(atheros_record(c, 5000 + 2000 * n, order) for n, c in enumerate(csi))


def nexmon_words(csi: NDArray[np.complex64], floating: tuple[int, int] | None, exponent: int = 0) -> bytes:
    """CSI (subcarrier,), ascending, as the chip's 32-bit words in FFT order."""
    parts = _parts(np.fft.ifftshift(csi))
    if floating is None:
        return parts.astype("<i2").tobytes()
    mantissa, exponent_bits = floating
    signs, magnitudes = (parts < 0).astype(np.int64), np.abs(parts)
    real, imaginary = (signs << (mantissa - 1) | magnitudes).T
    words = real << (exponent_bits + mantissa) | imaginary << exponent_bits | exponent % (1 << exponent_bits)
    return words.astype("<u4").tobytes()


def nexmon_packet(
    words: bytes,
    ticks: int,
    *,
    order: str = "<",
    per_second: int = 10**6,
    chip: int = 0x65,
    chanspec: int = 0xE02A,
    sequence: int = 16,
    core_stream: int = 0,
    status: bytes = b"\x11\x11",
    source: bytes = b"\x02\x04\x06\x08\x0a\x0c",
) -> bytes:
    """One record of a pcap file: headers, and what Nexmon CSI sends for a core and stream."""
    payload = (
        b"\x11\x11" + status + source + struct.pack("<HHHH", sequence, core_stream, chanspec, chip) + words
    )
    ethernet = b"\xff" * 6 + b"NEXMON" + b"\x08\x00"
    ip = b"\x45\0" + struct.pack(">H", 28 + len(payload)) + b"\0\1\0\0\1\x11\0\0" + b"\x0a" * 4 + b"\xff" * 4
    udp = struct.pack(">HHHH", 5500, 5500, 8 + len(payload), 0)
    frame = ethernet + ip + udp + payload
    header = struct.pack(order + "IIII", ticks // per_second, ticks % per_second, len(frame), len(frame))
    return header + frame


def pcap_header(magic: bytes = b"\xd4\xc3\xb2\xa1", order: str = "<", link: int = 1) -> bytes:
    return magic + struct.pack(order + "HHiIII", 2, 4, 0, 0, 65535, link)


def nexmon_file(csi: NDArray[np.complex64], **packet: object) -> bytes:
    """`csi` (packet, core, subcarrier) of a 43455c0 (int16); 100 packets a second."""
    records = [
        nexmon_packet(
            nexmon_words(c, None), 10_000 * n + 50 * core, core_stream=core, sequence=16 * n, **packet
        )  # type: ignore[arg-type]
        for n, frame in enumerate(csi)
        for core, c in enumerate(frame)
    ]
    return pcap_header() + b"".join(records)


ESP32_HEADER = (
    "type,role,mac,rssi,rate,sig_mode,mcs,bandwidth,smoothing,not_sounding,aggregation,stbc,fec_coding,sgi,"
    "noise_floor,ampdu_cnt,channel,secondary_channel,local_timestamp,ant,sig_len,rx_state,real_time_set,"
    "real_timestamp,len,CSI_DATA"
)


def esp32_row(
    pairs: NDArray[np.complex64],
    timestamp: int,
    *,
    channel: int = 6,
    secondary: int = 0,
    wide: int = 0,
    mac: str = "AA:BB:CC:DD:EE:FF",
    length: int | None = None,
) -> str:
    """`pairs` (position in the list,): CSI in the order of the chip."""
    values = _parts(pairs, imaginary_first=True).ravel().tolist()
    return (
        f"CSI_DATA,AP,{mac},-60,11,1,0,{wide},1,1,0,0,0,0,-95,0,{channel},{secondary},{timestamp},0,101,0,0,1.5,"
        f"{length or len(values)},[{' '.join(map(str, values))} ]"
    )


def esp32_file(pairs: NDArray[np.complex64], *, header: bool = True, start: int = 7_000) -> bytes:
    """`pairs` (packet, 64)."""
    rows = [esp32_row(p, (start + 10_000 * n) % 2**32) for n, p in enumerate(pairs)]
    return ("\n".join([ESP32_HEADER] * header + rows) + "\n").encode()


def picoscenes_frame(
    csi: NDArray[np.complex64],
    timestamp: int,
    device: int = 0x5300,
    *,
    basic: int = 1,
    version: int = 2,
    antennas: int = 0b100100,
    packet_format: int = 1,
    mhz: int = 20,
) -> bytes:
    """`csi` (tones, rx, tx) of an Intel 5300 or AX210, or of a USRP; `basic`, `version`: of RxSBasic and CSI."""
    tones, nrx, ntx = csi.shape
    behind = b""
    if device == 0x5300:
        raw = intel_csi_bytes(csi)
    elif device == 0x2100:
        parts = np.stack([csi.imag, csi.real], -1).transpose(1, 2, 0, 3)
        raw = parts.astype("<i2").tobytes()
    else:
        numbers = np.r_[-26:0, 1:27].astype("<i2").tobytes()
        kind, type_ = (b"CD@C", "<c16") if version < 6 else (b"CF C", "<c8")
        matrix = b"BBv2\x03" + struct.pack("<QQQ", tones, ntx, nrx) + kind
        matrix += csi.swapaxes(1, 2).astype(type_).tobytes(order="F")
        raw, behind = (
            (matrix, numbers + struct.pack("<HI", 1, 640)) if version == 7 else (numbers + matrix, b"")
        )
    header = struct.pack("<H", device) + (b"\x53" if version >= 4 else b"")
    header += struct.pack("<bHQ", packet_format, mhz, 2437000000)
    header += struct.pack("<Q?", 2437000000, False) if version >= 5 else b""
    header += struct.pack("<QIHBBB", 20000000, 312500, tones, ntx, nrx, 0)
    header += struct.pack("<H", 1) if version >= 3 else b""
    header += struct.pack("<B", antennas) + (struct.pack("<h", 0) if version >= 2 else b"")
    header += struct.pack("<I", len(raw))
    rx_basic = struct.pack("<HQ", device, timestamp) + (struct.pack("<Q", 0) if basic >= 4 else b"")
    channels = {1: "<hbH", 2: "<hbH", 3: "<hhHBH", 4: "<hhHBH"}.get(basic, "<hhhHBH")
    fields = {1: (2437, 1, 20), 3: (2437, 2437, 20, 1, 20), 5: (2437, 2437, 2437, 20, 1, 20)}
    rx_basic += struct.pack(channels, *fields[basic - (basic % 2 == 0)])
    rx_basic += struct.pack("<HBBBB", 400, 0, ntx, 0, nrx) + (b"\1\0" if basic >= 2 else b"")
    powers = (-95, 40, 38, 37, 36) if basic < 3 else (-95, -55, -57, -58, -59)
    more = 0 if basic < 5 else 5
    rx_basic += struct.pack(f"<{5 + more}{'f' if basic == 6 else 'b'}", *powers, *([0] * more))

    def segment(name: bytes, version: int, content: bytes) -> bytes:
        body = bytes([len(name)]) + name + struct.pack("<H", version) + content
        return struct.pack("<I", len(body)) + body

    body = (
        segment(b"RxSBasic", basic, rx_basic) + segment(b"CSI", version, header + raw + behind) + b"\x88" * 40
    )
    return struct.pack("<IIHB", 7 + len(body), 0x20150315, 1, 2) + body


def picoscenes_file(csi: NDArray[np.complex64], device: int = 0x5300) -> bytes:
    """`csi` (packet, tones, rx, tx); 100 packets a second."""
    step = 10_000 if device == 0x5300 else 10_000_000
    return b"".join(picoscenes_frame(c, 10**6 + step * n, device) for n, c in enumerate(csi))


def synthetic_files(packets: int = 8) -> dict[str, bytes]:
    """One valid file of each format."""
    rng, n = np.random.default_rng(20), packets
    return {
        "intel5300": intel_file(integers(rng, 120, n, 30, 3, 1)),
        "atheros": atheros_file(integers(rng, 500, n, 56, 2, 1), ">"),
        "nexmon": nexmon_file(integers(rng, 1000, n, 2, 64), chanspec=0x1006),
        "picoscenes": picoscenes_file(integers(rng, 120, n, 30, 2, 1)),
        "esp32": esp32_file(integers(rng, 60, n, 64)),
    }
