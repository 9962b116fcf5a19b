"""Pictures are measured in every usual format, PNG are decoded whatever their filters, and nothing damaged harms."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_mlops.profiles.pictures import differing, picture, pixels
from jupyter_mlops.profiles.previews import picture_change, text_change

relaxed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SAMPLES = {0: 1, 2: 3, 4: 2, 6: 4}


def predicted(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 4:
        guess = left + up - corner
        return min((left, up, corner), key=lambda each: abs(guess - each))
    return (0, left, up, (left + up) // 2)[kind]


def png(raw: np.ndarray, colour: int, depth: int, kinds: list[int], *, extra: bytes = b"") -> bytes:
    """A PNG of bytes `raw`, shape (height, bytes a line); line i has the filter kinds[i]."""
    step = max(1, SAMPLES.get(colour, 1) * depth // 8)
    lines = []
    for y, kind in enumerate(kinds):
        line = bytearray([kind])
        for x in range(raw.shape[1]):
            left = int(raw[y, x - step]) if x >= step else 0
            up = int(raw[y - 1, x]) if y else 0
            corner = int(raw[y - 1, x - step]) if y and x >= step else 0
            line.append((int(raw[y, x]) - predicted(kind, left, up, corner)) % 256)
        lines.append(bytes(line))
    width = raw.shape[1] * 8 // (SAMPLES.get(colour, 1) * depth)
    head = struct.pack(">IIBBBBB", width, len(raw), depth, colour, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"".join(lines))), (b"IEND", b""))
    return (
        b"\x89PNG\r\n\x1a\n"
        + b"".join(struct.pack(">I", len(body)) + kind + body + b"\0\0\0\0" for kind, body in chunks)
        + extra
    )


@relaxed
@given(data=st.data(), colour=st.sampled_from([*SAMPLES]), depth=st.sampled_from([8, 16]))
def test_every_filter_is_undone(tmp_path, data, colour, depth):
    height, width = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    samples = SAMPLES[colour]
    line = width * samples * depth // 8
    raw = np.array(data.draw(st.lists(st.integers(0, 255), min_size=height * line, max_size=height * line)), np.uint8)
    raw = raw.reshape(height, line)
    kinds = data.draw(st.lists(st.integers(0, 4), min_size=height, max_size=height))
    (tmp_path / "a.png").write_bytes(png(raw, colour, depth, kinds))
    found = pixels(tmp_path / "a.png")
    wide = raw.view(">u2").astype(int) if depth == 16 else raw.astype(int) * 257
    wanted = wide.reshape(height, width, samples)
    assert (found[..., 0] == wanted[..., 0]).all()
    assert (found[..., 2] == wanted[..., 2 if samples > 2 else 0]).all()
    assert (found[..., 3] == (wanted[..., -1] if colour in (4, 6) else 65535)).all()


def test_sizes_are_read_off_every_usual_format(tmp_path):
    jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc4\0\x02\xff\xc2\0\x0b\x08" + struct.pack(">HH", 20, 30) + b"\0" * 9
    webp = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0" + (29).to_bytes(3, "little") + (19).to_bytes(3, "little")
    lossless = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + (29 | 19 << 14).to_bytes(4, "little")
    gif = b"GIF89a" + struct.pack("<HH", 30, 20)
    for name, data in (("jpeg", jpeg), ("webp", webp), ("webp", lossless), ("gif", gif)):
        (tmp_path / "x").write_bytes(data)
        found = picture(tmp_path / "x")
        assert (found.format, found.width, found.height, found.bytes) == (name, 30, 20, len(data))


@relaxed
@given(cut=st.integers(0, 60), flip=st.integers(8, 60))
def test_damage_is_no_picture_or_no_pixels_but_never_an_error(tmp_path, cut, flip):
    whole = bytearray(png(np.zeros((3, 3), np.uint8), 0, 8, [0, 1, 4]))
    (tmp_path / "good").write_bytes(whole)
    whole[min(flip, len(whole) - 1)] ^= 0xFF
    (tmp_path / "bad").write_bytes(whole[: len(whole) - cut])
    assert differing(tmp_path / "good", tmp_path / "bad") in (None, *(n / 9 for n in range(10)))


def test_a_small_file_cannot_unpack_to_a_large_one(tmp_path):
    bomb = png(np.zeros((2, 1), np.uint8), 0, 8, [0, 0])
    packed = zlib.compress(bytes(50_000_000))
    at = bomb.index(b"IDAT")
    bomb = bomb[: at - 4] + struct.pack(">I", len(packed)) + b"IDAT" + packed + b"\0" * 4
    (tmp_path / "bomb.png").write_bytes(bomb)
    assert pixels(tmp_path / "bomb.png").shape == (2, 1, 4)


@pytest.mark.parametrize("data", [b"\0\1", b"\xff\xfe", b"caf\xe9"])
def test_what_is_neither_text_nor_picture_has_no_view(tmp_path, data):
    (tmp_path / "a").write_bytes(data)
    (tmp_path / "b").write_bytes(b"text\n")
    assert text_change("x", tmp_path / "a", tmp_path / "b") is None
    assert picture_change("x", Path(tmp_path / "a"), None) is None


def test_a_long_text_is_told_but_not_shown(tmp_path):
    (tmp_path / "a").write_text("line\n" * 30_000)
    (tmp_path / "b").write_text("line\n" * 30_001)
    assert text_change("x", tmp_path / "a", tmp_path / "b").is_cut
    (tmp_path / "a").write_text("x" * 900_000)
    (tmp_path / "b").write_text("y" * 900_000)
    change = text_change("x", tmp_path / "a", tmp_path / "b")
    assert (change.is_cut, change.added, change.removed, len(change.diff)) == (True, 1, 1, 400_000)
