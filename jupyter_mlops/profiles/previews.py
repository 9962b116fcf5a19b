"""A file that is no table, before beside after: a text line by line, a picture pixel by pixel."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

import attrs

from jupyter_mlops.profiles.pictures import Picture, differing, picture

MOST_BYTES = 2 * 10**6
MOST_LINES = 20_000
LISTED_LINES = 2_000
LISTED_CHARACTERS = 400_000
PROBE_BYTES = 8192


@attrs.frozen
class TextChange:
    """A text that changed.

    Attributes
    ----------
    path
        Below the dataset; empty when it is the dataset.
    added, removed
        Lines.
    diff
        As ``diff -u`` writes it, without the two names.
    is_cut
        Whether `diff` stops before its end, or is empty because the text is too long to be compared.
    """

    path: str
    added: int
    removed: int
    diff: str
    is_cut: bool = False


@attrs.frozen
class PictureChange:
    """A picture that came, went or changed.

    Attributes
    ----------
    before, after
        None where there is none.
    differing_ratio
        The share of pixels that differ, 0 to 1; None when the sizes do, or when a format cannot be decoded here.
    """

    path: str
    before: Picture | None
    after: Picture | None
    differing_ratio: float | None = None


def text_change(path: str, before: Path, after: Path) -> TextChange | None:
    """How two texts differ, or None when either is no text."""
    if max(before.stat().st_size, after.stat().st_size) > MOST_BYTES:
        both = _is_text(before) and _is_text(after)
        return TextChange(path, 0, 0, "", is_cut=True) if both else None
    old, new = _lines(before), _lines(after)
    if old is None or new is None:
        return None
    if max(len(old), len(new)) > MOST_LINES:
        return TextChange(path, 0, 0, "", is_cut=True)
    found = list(difflib.unified_diff(old, new, lineterm=""))[2:]
    added, removed = (sum(line.startswith(sign) for line in found) for sign in "+-")
    listed = "\n".join(found[:LISTED_LINES])
    is_cut = len(found) > LISTED_LINES or len(listed) > LISTED_CHARACTERS
    return TextChange(path, added, removed, listed[:LISTED_CHARACTERS], is_cut=is_cut)


def picture_change(path: str, before: Path | None, after: Path | None) -> PictureChange | None:
    """How two pictures differ, or None when what is there is no picture that we know."""
    found = [picture(side) if side else None for side in (before, after)]
    if any(side and not one for side, one in zip((before, after), found, strict=True)):
        return None
    ratio = differing(before, after) if before and after else None
    return PictureChange(path, found[0], found[1], ratio)


def _lines(path: Path) -> Sequence[str] | None:
    """The lines of a text, each with what ended it when that is no plain line feed; None when it is no text."""
    data = path.read_bytes()
    if b"\0" in data:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    lines = text.split("\n")
    return lines[:-1] if not lines[-1] else [*lines[:-1], f"{lines[-1]}⏎ missing"]


def _is_text(path: Path) -> bool:
    with path.open("rb") as file:
        return b"\0" not in file.read(PROBE_BYTES)
