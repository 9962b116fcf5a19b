"""Completion of ``%mlops`` lines through IPython's own completer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

_MAGIC = re.compile(r"(?:^|=)\s*%{1,2}mlops\s+(?P<words>.*)$")


@context_matcher(identifier="jupyter_mlops")  # type: ignore[untyped-decorator]
def complete_line(context: CompletionContext) -> dict[str, Any]:
    """Verbs, flags and names that fit at the cursor; never an error, which would break all completion."""
    found = _MAGIC.search(context.line_with_cursor[: context.cursor_position])
    if not found:
        return {"completions": [], "suppress": False}
    try:
        return _completions(found["words"])
    except Exception:  # noqa: BLE001 (a broken project must not break the editor)
        return {"completions": [], "suppress": True}


def _completions(words: str) -> dict[str, Any]:
    from jupyter_mlops.verbs.completion import candidates
    from jupyter_mlops.verbs.vocabulary import vocabulary

    fragment, found = candidates(words, len(words), vocabulary(Path.cwd()))
    return {
        "completions": [SimpleCompletion(each.text, type=each.kind) for each in found],
        "matched_fragment": fragment,
        "ordered": True,
        "suppress": True,
    }
