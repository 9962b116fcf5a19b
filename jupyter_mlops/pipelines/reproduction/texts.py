"""Texts compared as people read them: numbers by value, layout and traces of the execution left out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jupyter_mlops.pipelines.reproduction.differing import Tolerance

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w])")
LAYOUT = re.compile(r"[ \t]+|-{3,}|={3,}|─{3,}|━{3,}")
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
TRACES = (
    (re.compile(r"\b0x[0-9a-f]{6,16}\b"), "0x…"),
    (re.compile(r"ipykernel_\d+[/\\]\d+\.py"), "ipykernel"),
    (re.compile(r"<ipython-input-\d+-[0-9a-f]+>"), "ipykernel"),
    (re.compile(r"\b(?:In|Cell In|Input In) ?\[\d+\]"), "In []"),
)
"""What no two executions share and no author means: addresses, the files of cells, execution counts."""
TIMINGS = (
    (re.compile(r"^(?:CPU times|Wall time|time):.*$", re.MULTILINE), "timing"),
    (re.compile(r"^.*\d+(?:\.\d+)?(?:it/s|s/it|B/s).*$", re.MULTILINE), "progress"),
    (re.compile(r"(?<![\w.])\d+(?:\.\d+)? ?(?:ns|µs|us|ms|s|secs?|seconds|mins?|minutes)\b(?!/)"), "a while"),
)
"""How long something took, in what is printed."""
SHOWN = 120


def same_numbers(before: str, after: str, tolerance: Tolerance) -> bool:
    """Whether two texts differ in numbers only, and in those no more than `tolerance` allows."""
    words = [NUMBER.split(LAYOUT.sub(" ", text)) for text in (before, after)]
    numbers = [NUMBER.findall(text) for text in (before, after)]
    if len(numbers[0]) != len(numbers[1]) or not _same_words(*words):
        return False
    return all(tolerance.allows(float(one), float(other)) for one, other in zip(*numbers, strict=True))


def _same_words(one: Sequence[str], other: Sequence[str]) -> bool:
    return [" ".join(text.split()) for text in one] == [" ".join(text.split()) for text in other]


def plain(text: str, roots: Sequence[str] = (), *, timings: bool = True) -> str:
    """`text` without colours and what no two executions share.

    Parameters
    ----------
    roots
        The folders in which it was executed.
    timings
        Whether how long something took is left as it is.
    """
    text = ANSI.sub("", text.replace("\r\n", "\n"))
    for root in roots:
        text = text.replace(root, ".")
    for pattern, instead in (*TRACES, *(() if timings else TIMINGS)):
        text = pattern.sub(instead, text)
    return text


def first_difference(before: str, after: str) -> tuple[int, str, str]:
    """The number of the first line that differs, from 1, and what both texts hold there."""
    old, new = before.splitlines(), after.splitlines()
    for number, (one, other) in enumerate(zip(old, new, strict=False), 1):
        if one != other:
            return number, one[:SHOWN], other[:SHOWN]
    at = min(len(old), len(new))
    return at + 1, "".join(old[at : at + 1])[:SHOWN], "".join(new[at : at + 1])[:SHOWN]
