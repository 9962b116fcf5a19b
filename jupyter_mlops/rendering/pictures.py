"""Two pictures side by side in HTML; a text has what is said beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jupyter_mlops.profiles.pictures import Picture
from jupyter_mlops.rendering import markup, plain
from jupyter_mlops.rendering.blocks import Pictures

SHOWN = frozenset({"png", "jpeg", "gif", "webp"})
BASE64 = re.compile(r"[A-Za-z0-9+/]+=*")


@plain.lines.register
def _(_: Pictures) -> Iterator[str]:
    yield from ()


@markup.block.register
def _(value: Pictures) -> str:
    sides = (("Before", value.before), ("After", value.after))
    drawn = "".join(f"<td>{_drawn(word, side)}</td>" for word, side in sides)
    head = "".join(f'<th scope="col">{word}</th>' for word, _ in sides)
    caption = f"<caption>{markup.safe(value.caption)}</caption>"
    return (
        f'<div class="wide"><table>{caption}<thead><tr>{head}</tr></thead><tbody><tr>{drawn}</tr></tbody></table></div>'
    )


def _drawn(word: str, side: Picture | None) -> str:
    """The picture itself; what is no plain base64 of a known format is never written into the page."""
    if side is None or side.format not in SHOWN or not BASE64.fullmatch(side.data):
        return '<span class="quiet">not shown</span>' if side else '<span class="quiet">absent</span>'
    size = f'width="{min(int(side.width), 320)}"'
    return f'<img alt="{word}" {size} src="data:image/{side.format};base64,{side.data}">'
