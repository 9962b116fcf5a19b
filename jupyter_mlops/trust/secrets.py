"""References to secrets, and the scrubber that takes their values out of whatever is kept.

``secret://env/NAME``, ``secret://keyring/SERVICE/USER`` and ``secret://file/PATH`` say where a value is; it is looked
up where the notebook runs (`jupyter_mlops.pipelines.executing.resolving`) and nowhere else.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote

import attrs

from jupyter_mlops.errors import EnvironmentFault, UsageError

SCHEME = "secret://"
CHUNK_BYTES = 1 << 20
LEAST = 4
"""A shorter value cannot be told from ordinary text, so it could not be scrubbed."""
LINE = 12
"""Of a value of many lines, lines of this length are scrubbed on their own too."""
MASK = "[secret]"
HINT = "Write secret://env/NAME, secret://keyring/SERVICE/USER or secret://file/PATH."


def is_reference(value: object) -> bool:
    """Whether `value` says where a secret is, rather than being a setting."""
    return isinstance(value, str) and value.startswith(SCHEME)


@attrs.frozen
class Reference:
    """Where a secret is.

    Attributes
    ----------
    kind
        ``env``, ``keyring`` or ``file``.
    place
        The variable; service and user; the path, relative to the root of the project unless it begins with ``/``
        or ``~``.
    """

    kind: str
    place: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Reference:
        """The reference that `text` is.

        Raises
        ------
        UsageError
            ``bad-secret-reference``.
        """
        kind, _, rest = text.removeprefix(SCHEME).partition("/")
        words = {"env": (rest,), "keyring": tuple(map(unquote, rest.split("/"))), "file": (rest,)}.get(kind, ())
        counts = {"env": 1, "keyring": 2, "file": 1}
        if not is_reference(text) or len(words) != counts.get(kind) or not all(words):
            raise UsageError("bad-secret-reference", f"{text} names no place of a secret.", hint=HINT)
        if kind == "env" and not re.fullmatch(r"[A-Za-z_]\w*", rest):
            raise UsageError("bad-secret-reference", f"{rest} names no environment variable.", hint=HINT)
        return cls(kind, words)

    def __str__(self) -> str:
        return f"{SCHEME}{self.kind}/{'/'.join(self.place)}"


def references(values: Mapping[str, object]) -> dict[str, str]:
    """Those of `values` that are references, by name; a list may hold some too.

    Raises
    ------
    UsageError
        ``bad-secret-reference``.
    """
    found = {name: value for name, value in values.items() if isinstance(value, str) and is_reference(value)}
    for text in found.values():
        Reference.parse(text)
    for name, value in values.items():
        if isinstance(value, list | tuple) and any(map(is_reference, value)):
            raise UsageError(
                "bad-secret-reference",
                f"{name} is a list; a secret must be a parameter of its own.",
                hint="Give each secret a name.",
            )
    return found


def require_present(values: Mapping[str, object], root: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Check, before anything runs, that every secret which `values` name is there; no value is kept.

    Parameters
    ----------
    root
        Where relative paths begin.
    environment
        What the kernel will see of the environment.

    Raises
    ------
    EnvironmentFault
        ``secret-missing``, ``keyring-missing``.
    UsageError
        ``bad-secret-reference``.
    """
    for name, text in references(values).items():
        reference = Reference.parse(text)
        if not _is_there(reference, root, environment):
            raise EnvironmentFault(
                "secret-missing",
                f"The secret of {name} is not there, so nothing was run.",
                context=text,
                hint=_remedy(reference),
            )


def _is_there(reference: Reference, root: Path, environment: Mapping[str, str]) -> bool:
    if reference.kind == "env":
        return bool(environment.get(reference.place[0]))
    if reference.kind == "file":
        path = root / Path(reference.place[0]).expanduser()
        return path.is_file() and os.access(path, os.R_OK) and path.stat().st_size > 0
    try:
        import keyring
    except ImportError as error:
        hint = "pip install keyring, or name another place: secret://env/NAME, secret://file/PATH."
        raise EnvironmentFault("keyring-missing", "The package keyring is not installed.", hint=hint) from error
    return keyring.get_password(*reference.place) is not None


def _remedy(reference: Reference) -> str:
    if reference.kind == "env":
        return f"export {reference.place[0]}=…, in the shell that starts Jupyter or the run."
    if reference.kind == "file":
        return f"Write it to {reference.place[0]}, readable by you alone, and keep that file out of git."
    service, user = reference.place
    return f"keyring set {service} {user}"


class Scrubber:
    """Takes known values out of texts, in every form in which they usually show.

    It knows what it was told: a value that a notebook turns into something else (reversed, hashed, one letter a line)
    is not recognised.

    Parameters
    ----------
    values
        The secrets.

    Raises
    ------
    UsageError
        ``secret-too-short``.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._longest = 0
        self.add(values)

    def __bool__(self) -> bool:
        return self._pattern is not None

    def add(self, values: Iterable[str]) -> None:
        """Scrub `values` too, from now on."""
        for value in values:
            if len(value.strip()) < LEAST:
                raise UsageError(
                    "secret-too-short",
                    f"A secret has fewer than {LEAST} characters, so it could not be kept out of what is recorded.",
                    hint="Use a longer one.",
                )
            self._values.add(value)
        forms = {form for value in self._values for form in shapes(value)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None
        self._longest = len(longest_first[0].encode("utf-8", "surrogatepass")) if forms else 0

    def text(self, text: str) -> str:
        """`text` without them."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def holds(self, text: str) -> bool:
        """Whether one of them is in `text`."""
        return bool(self._pattern and self._pattern.search(text))

    def stands_in(self, path: Path) -> bool:
        """Whether one of them is in the file `path`, as plain bytes."""
        before = b""
        with path.open("rb") as file:
            while data := file.read(CHUNK_BYTES):
                if self.holds((before + data).decode("utf-8", "surrogateescape")):
                    return True
                before = (before + data)[-self._longest :]
        return False

    def document(self, value: Any) -> Any:
        """`value` without them: texts, bytes, lists and mappings of them; mappings and lists are changed in place."""
        if not self._pattern:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            self._mapping(value)
        elif isinstance(value, list):
            if all(isinstance(line, str) for line in value) and self.holds("".join(value)):
                value[:] = self.text("".join(value)).splitlines(keepends=True)  # nbformat splits texts into lines
            value[:] = [self.document(item) for item in value]
        elif isinstance(value, bytes):
            return self.text(value.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        return value

    def _mapping(self, value: dict[Any, Any]) -> None:
        for key in list(value):
            item = self.document(value[key])
            clean = self.text(key) if isinstance(key, str) else key
            if clean is not key and clean != key:
                del value[key]
            value[clean] = item


def shapes(value: str) -> Iterator[str]:
    """`value` as it may show: plain, and encoded for URLs, JSON, HTML, base64 and hexadecimal."""
    parts = [value, value.strip()]
    if "\n" in value:
        parts += [line.strip() for line in value.splitlines() if len(line.strip()) >= LINE]
    for part in dict.fromkeys(parts):
        yield from (part, quote(part), quote(part, safe=""), quote_plus(part), html.escape(part), repr(part)[1:-1])
        yield from (json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1])
        data = part.encode("utf-8", "surrogatepass")
        yield from (data.hex(), data.hex().upper())
        yield from _base64(data)


def _base64(data: bytes) -> Iterator[str]:
    """Base64 of `data` wherever it begins in a longer text: what does not depend on its neighbours."""
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + data).decode()
        start = (0, 2, 3)[offset]
        end = len(encoded) - (0, 3, 2)[(offset + len(data)) % 3]
        if end - start >= 2 * LEAST or offset == 0:
            core = encoded[start:end]
            yield from (core, core.replace("+", "-").replace("/", "_"))
