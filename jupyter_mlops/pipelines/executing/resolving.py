"""The values of secrets, looked up where the notebook runs. This file is read as text and executed in the kernel.

So it uses the standard library (and keyring, when a reference asks for it), and binds nothing but the parameters.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import unquote

SCHEME = "secret://"


def resolve(space: dict[str, object], names: list[str], root: str) -> str:
    """Put values in the place of the references that `names` hold in `space`; the values, for the scrubber, as JSON.

    Raises
    ------
    LookupError
        A secret is not there.
    """
    found = {}
    for name in names:
        reference = space.get(name)
        if isinstance(reference, str) and reference.startswith(SCHEME):
            found[name] = _value(name, reference, Path(root))
    space.update(found)
    return json.dumps(found)


def _value(name: str, reference: str, root: Path) -> str:
    kind, _, place = reference[len(SCHEME) :].partition("/")
    value = None
    if kind == "env":
        value = os.environ.get(place)
    elif kind == "file":
        path = root / Path(place).expanduser()
        value = path.read_text(encoding="utf-8").rstrip("\r\n") if path.is_file() else None
    elif kind == "keyring":
        import keyring

        value = keyring.get_password(*map(unquote, place.split("/", 1)))
    if not value:
        raise LookupError(f"the secret of {name} is not there: {reference}")
    return value
