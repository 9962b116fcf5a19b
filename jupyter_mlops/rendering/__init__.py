"""One static rendition of each result: text for terminals, HTML for notebooks and files.

A rendition is a document of a few blocks (`blocks`); `plain` writes it as text, `markup`
as HTML, so both always say the same. Any result has the generic rendition at least.
"""

from __future__ import annotations

from typing import Any

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.rendering import markup, plain
from jupyter_mlops.rendering.blocks import MAGIC, Document, prompted


def document(result: Any) -> Document:
    """The rendition of `result` as blocks."""
    from jupyter_mlops.rendering import (  # noqa: F401 (they register)
        data,
        differences,
        generic,
        govern,
        models,
        pipelines,
        reproduction,
        sweeps,
        watch,
    )

    return generic.document(result)


def text(result: Any, prompt: str = MAGIC) -> str:
    """`result` as lines of text; what it says to type begins with `prompt`."""
    made = document(result)
    return plain.document(made if prompt == MAGIC else prompted(made, prompt))


def html(result: Any) -> str:
    """`result` as a fragment for a notebook's output."""
    return markup.fragment(document(result))


def page(result: Any, owner: str = "", footer: str = "") -> tuple[str, str]:
    """The heading of `result`, after the name of its `owner`, and the one HTML file that shows it."""
    import attrs

    made = document(result)
    heading = f"{owner}: {made.title}" if owner else made.title
    return heading, markup.whole_page(attrs.evolve(made, title=heading), footer)


def error_text(error: MlopsError) -> str:
    """What happened, where, and what to do next; no name in it can steer a terminal."""
    return "\n".join(plain.clean(line) for line in str(error).splitlines())


def error_html(error: MlopsError) -> str:
    """The card of an error."""
    return markup.card(error)


def mimebundle(result: Any) -> dict[str, str]:
    """What a notebook shows for `result` anywhere, with a kernel or without."""
    return {"text/html": html(result), "text/plain": text(result)}


def give_display(result_type: type) -> None:
    """Let notebooks show results of this type in full, not as a ``repr``."""
    if not hasattr(result_type, "_repr_mimebundle_"):
        result_type._repr_mimebundle_ = lambda self, **_: mimebundle(self)  # type: ignore[attr-defined]
