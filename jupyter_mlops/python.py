"""Face: ``mlops.commit(["data"])``, each verb as a function."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jupyter_mlops.rendering import give_display
from jupyter_mlops.verbs import named, verbs
from jupyter_mlops.verbs.declaration import Verb
from jupyter_mlops.verbs.invoking import Origin, invoke


def names() -> Iterable[str]:
    """The Python names of all verbs; ``stage`` for ``stage add``."""
    return {verb.python_name.partition(".")[0] for verb in verbs().values()}


@functools.cache
def verb_as_function(name: str) -> Any:
    """The function, or the namespace of functions, called `name`.

    Raises
    ------
    AttributeError
        When no verb is called so.
    """
    found = list(named(name.removesuffix("_")).values())
    if not found:
        raise AttributeError(f"module 'jupyter_mlops' has no attribute {name!r}")
    words = {verb.python_name.partition(".")[2]: _function(verb) for verb in found}
    own = words.pop("", None) if found[0].python_name.partition(".")[0] == name else None
    if own is None:
        return SimpleNamespace(**words)
    vars(own).update(words)  # `sweep` is a verb, and so is `sweep apply`
    return own


def _function(verb: Verb) -> Any:
    give_display(verb.result)

    def call(*positional: Any, project: str | os.PathLike[str] = ".", **named: Any) -> Any:
        given = verb.signature.bind_partial(*positional, **named).arguments
        return invoke(verb, given, Origin("python", Path(project)))

    call.__name__ = call.__qualname__ = verb.python_name
    call.__doc__ = inspect.getdoc(verb.function)
    where = inspect.Parameter("project", inspect.Parameter.KEYWORD_ONLY, default=".", annotation=str)
    parameters = [*verb.signature.parameters.values(), where]
    call.__signature__ = verb.signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return call
