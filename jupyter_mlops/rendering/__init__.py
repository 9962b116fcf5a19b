"""One static rendition of each result: text for terminals, HTML for notebooks and files.

A rendition is a document of a few blocks (`blocks`); `plain` writes it as text, `markup`
as HTML, so both always say the same. Any result has the generic rendition at least.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.rendering import plain
from jupyter_mlops.rendering.blocks import MAGIC, Document, prompted

SHOWN = {
    "data": {"checkouts", "datasets", "history", "imports", "searching", "status", "transfers", "versions"},
    "differences": {"differences"},
    "govern": {"demonstration", "doctor", "erasure", "keeping", "project", "verification"},
    "models": {"deployments", "models"},
    "pipelines": {"checks", "environments", "exports", "run_reports", "runs", "stages", "trials"},
    "reproduction": {"reproduction"},
    "sweeps": {"boards", "sweeps"},
    "watch": {"drift", "lineage"},
}
"""The files here, and those of the verbs whose results each shows."""


def document(result: Any) -> Document:
    """The rendition of `result` as blocks; no more is loaded than shows it."""
    from jupyter_mlops.rendering import generic

    noun = type(result).__module__.rpartition(".")[2]
    for name in (name for name, nouns in SHOWN.items() if noun in nouns):
        import_module(f"jupyter_mlops.rendering.{name}")
    return generic.document(result)


def text(result: Any, prompt: str = MAGIC) -> str:
    """`result` as lines of text; what it says to type begins with `prompt`."""
    made = document(result)
    return plain.document(made if prompt == MAGIC else prompted(made, prompt))


def html(result: Any) -> str:
    """`result` as a fragment for a notebook's output."""
    from jupyter_mlops.rendering import markup

    return markup.fragment(document(result))


def page(result: Any, owner: str = "", footer: str = "") -> tuple[str, str]:
    """The heading of `result`, after the name of its `owner`, and the one HTML file that shows it."""
    from jupyter_mlops.rendering import markup

    made = document(result)
    heading = f"{owner}: {made.title}" if owner else made.title
    return heading, markup.whole_page(Document(heading, made.blocks), footer)


def error_text(error: MlopsError) -> str:
    """What happened, where, and what to do next; no name in it can steer a terminal."""
    return "\n".join(plain.clean(line) for line in str(error).splitlines())


def error_html(error: MlopsError) -> str:
    """The card of an error."""
    from jupyter_mlops.rendering import markup

    return markup.card(error)


def mimebundle(result: Any) -> dict[str, str]:
    """What a notebook shows for `result` anywhere, with a kernel or without."""
    return {"text/html": html(result), "text/plain": text(result)}


def give_display(result_type: type) -> None:
    """Let notebooks show results of this type in full, not as a ``repr``."""
    if not hasattr(result_type, "_repr_mimebundle_"):
        result_type._repr_mimebundle_ = lambda self, **_: mimebundle(self)  # type: ignore[attr-defined]
