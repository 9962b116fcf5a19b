"""Pictures without a picture library: sizes of all usual formats, pixels of PNG; with Pillow, pixels of all."""

from __future__ import annotations

import base64
import importlib
import importlib.util
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint16]

SHOWN_BYTES = 400_000
MOST_PIXELS = 4_000_000
PNG = b"\x89PNG\r\n\x1a\n"
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples a pixel by the colour type of a PNG."""
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
NAME_HEADER, WEBP_LOSSLESS = 30, 0x3FFF


@attrs.frozen
class Picture:
    """A picture.

    Attributes
    ----------
    format
        ``png``, ``jpeg``, ``gif`` or ``webp``.
    width, height
        Pixels.
    data
        The file in base64, so that it can be shown; empty above 400 kB.
    """

    format: str
    width: int
    height: int
    bytes: int
    data: str = ""


def picture(path: Path) -> Picture | None:
    """What the file says of itself, or None when it is no picture of a known format."""
    with path.open("rb") as file:
        head = file.read(SHOWN_BYTES + 1)
    try:
        found = _measured(head)
    except (struct.error, IndexError, ValueError):
        return None
    if found is None:
        return None
    data = base64.b64encode(head).decode() if len(head) <= SHOWN_BYTES else ""
    return Picture(*found, path.stat().st_size, data)


def differing(before: Path, after: Path) -> float | None:
    """The share of pixels that differ, 0 to 1; None when sizes differ or the pixels cannot be read."""
    old, new = pixels(before), pixels(after)
    if old is None or new is None or old.shape[:2] != new.shape[:2]:
        return None
    return float((old != new).any(axis=2).mean())


def pixels(path: Path) -> Pixels | None:
    """Red, green, blue and opacity of each pixel, 0 to 65535, shape (height, width, 4); None when unreadable here."""
    found = picture(path)
    if found is None or found.width * found.height > MOST_PIXELS:
        return None
    try:
        decoded = _png(path.read_bytes()) if found.format == "png" else None
    except (struct.error, zlib.error, ValueError, LookupError, ArithmeticError):
        return None
    return decoded if decoded is not None else _by_pillow(path)


def remarks(path: Path) -> dict[str, bytes]:
    """What a PNG says besides its pixels, by name: ``tEXt Software``, ``tIME``; nothing of other formats."""
    data = path.read_bytes()
    if not data.startswith(PNG):
        return {}
    try:
        kept = [(kind, body) for kind, body in _chunks(data) if kind not in (b"IHDR", b"PLTE", b"IDAT", b"IEND")]
    except struct.error:
        return {}
    found = {}
    for kind, body in kept:
        keyword = body.partition(b"\0")[0].decode("latin-1") if kind in (b"tEXt", b"zTXt", b"iTXt") else ""
        found[f"{kind.decode('latin-1')} {keyword}".strip()] = body
    return found


def _measured(head: bytes) -> tuple[str, int, int] | None:
    """Format, width and height."""
    if head.startswith(PNG):
        return ("png", *struct.unpack(">II", head[16:24]))
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return ("gif", *struct.unpack("<HH", head[6:10]))
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ("webp", *_webp(head))
    return ("jpeg", *_jpeg(head)) if head[:3] == b"\xff\xd8\xff" else None


def _jpeg(head: bytes) -> tuple[int, int]:
    """The size in the first frame; segments before it are passed by."""
    at = 2
    while head[at] == 0xFF:
        marker = head[at + 1]
        if marker in JPEG_FRAMES:
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    raise ValueError(at)


def _webp(head: bytes) -> tuple[int, int]:
    kind = head[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & WEBP_LOSSLESS), 1 + (bits >> 14 & WEBP_LOSSLESS)
    width, height = struct.unpack("<HH", head[26:NAME_HEADER])
    return width & WEBP_LOSSLESS, height & WEBP_LOSSLESS


def _by_pillow(path: Path) -> Pixels | None:
    """The first frame, where Pillow is installed."""
    if importlib.util.find_spec("PIL") is None:
        return None
    import numpy as np

    # By name: it is no requirement of ours, so nothing may need it to be there.
    opened = importlib.import_module("PIL.Image").open
    try:
        with opened(path) as image:
            return np.asarray(image.convert("RGBA"), dtype=np.uint16) * np.uint16(257)
    except (OSError, ValueError, SyntaxError):
        return None


def _png(data: bytes) -> Pixels | None:
    """The pixels of a PNG (W3C, 3rd edition); None when it is interlaced."""
    import numpy as np

    chunks = list(_chunks(data))
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", dict(chunks)[b"IHDR"])
    if interlaced:
        return None
    packed = b"".join(body for kind, body in chunks if kind == b"IDAT")
    line = (width * depth * SAMPLES[colour] + 7) // 8
    # Never more than the pixels take, whatever the file unpacks to.
    raw = np.frombuffer(zlib.decompressobj().decompress(packed, height * (line + 1)), dtype=np.uint8)
    lines = raw.reshape(height, line + 1)
    step = max(1, depth * SAMPLES[colour] // 8)
    plain = _unfiltered(lines[:, 0], lines[:, 1:].reshape(height, -1, step))
    samples = _samples(plain.reshape(height, line), depth)[:, : width * SAMPLES[colour]]
    return _coloured(samples.reshape(height, width, -1), depth, colour, dict(chunks))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(PNG)
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        yield kind, data[at + 8 : at + 8 + size]
        at += 12 + size


def _unfiltered(kinds: NDArray[np.uint8], lines: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Undo the filters along the anti-diagonals: all that a byte depends on lies on the two before its own.

    `lines` has the shape (height, steps, bytes a step).
    """
    import numpy as np

    height, steps, size = lines.shape
    plain = np.zeros((height + 1, steps + 1, size), dtype=np.int16)
    for diagonal in range(height + steps - 1):
        y = np.arange(max(0, diagonal - steps + 1), min(height, diagonal + 1))
        x = diagonal - y
        left, up, corner = plain[y + 1, x], plain[y, x + 1], plain[y, x]
        guess = left + up - corner
        near = [abs(guess - each) for each in (left, up, corner)]
        paeth = np.where((near[0] <= near[1]) & (near[0] <= near[2]), left, np.where(near[1] <= near[2], up, corner))
        predicted = np.stack([np.zeros_like(left), left, up, (left + up) // 2, paeth])[kinds[y], np.arange(len(y))]
        plain[y + 1, x + 1] = (lines[y, x] + predicted) & 0xFF
    return plain[1:, 1:].astype(np.uint8)


def _samples(lines: NDArray[np.uint8], depth: int) -> Pixels:
    """Whole numbers of `depth` bits, most significant first."""
    import numpy as np

    if depth == 16:
        return lines.view(">u2").astype(np.uint16)
    if depth == 8:
        return lines.astype(np.uint16)
    shifts = np.arange(8 - depth, -1, -depth)
    bits = (lines[:, :, None] >> shifts) & (2**depth - 1)
    return np.asarray(bits.reshape(len(lines), -1), dtype=np.uint16)


def _coloured(samples: Pixels, depth: int, colour: int, chunks: dict[bytes, bytes]) -> Pixels:
    """Samples of any colour type as red, green, blue and opacity."""
    import numpy as np

    full = np.full((*samples.shape[:2], 4), 65535, dtype=np.uint16)
    if colour == 3:
        palette = np.frombuffer(chunks[b"PLTE"], dtype=np.uint8).reshape(-1, 3).astype(np.uint16) * 257
        alpha = np.full(len(palette), 65535, dtype=np.uint16)
        given = np.frombuffer(chunks.get(b"tRNS", b""), dtype=np.uint8)[: len(palette)]
        alpha[: len(given)] = given.astype(np.uint16) * 257
        full[..., :3], full[..., 3] = palette[samples[..., 0]], alpha[samples[..., 0]]
        return full
    scaled = samples * np.uint16(65535 // (2**depth - 1))
    full[..., :3] = scaled[..., :3] if colour in (2, 6) else scaled[..., :1]
    if colour in (4, 6):
        full[..., 3] = scaled[..., -1]
    elif len(given_bytes := chunks.get(b"tRNS", b"")) >= 2:
        clear = np.frombuffer(given_bytes, dtype=">u2").astype(np.uint16)
        full[..., 3] = np.where((samples == clear).all(axis=2), 0, 65535)
    return full
