"""Pictures for tests, written without a picture library."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

Pixel = tuple[int, int, int]


def write_png(path: Path, pixels: list[list[Pixel]]) -> None:
    """A PNG of 8 bits a colour and no filter."""
    raw = b"".join(b"\0" + bytes(value for pixel in line for value in pixel) for line in pixels)
    head = struct.pack(">IIBBBBB", len(pixels[0]), len(pixels), 8, 2, 0, 0, 0)
    framed = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", head), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + framed)
