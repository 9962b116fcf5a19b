"""Parameters that look like secrets: they would stand in files that everybody reads."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

from jupyter_mlops.errors import UsageError

REFERENCE = "secret://"
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# As the last word: ``token_count`` is none.
NAMES = frozenset({"password", "passwd", "passphrase", "pwd", "secret", "token", "apikey", "credential"})
PAIRS = frozenset((kind, "key") for kind in ("api", "access", "private", "secret", "account"))
# Tokens of texts, such as [PAD] and <eos>, are short or stand in brackets.
MARK = re.compile(r".{0,7}|[<\[{].*[>\]}]")
VALUES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_\w{30,}|\bgithub_pat_\w{20,}"
    r"|\bglpat-[\w-]{18,}|\bsk-[\w-]{20,}|\bxox[abprs]-[\w-]{10,}|\bhf_[A-Za-z]{30,}"
    r"|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+|://[^/\s:@]+:[^/\s:@]+@"
)


def require_none(given: Mapping[str, object]) -> None:
    """Refuse parameters that are secrets, by their name or their value; references to secrets may pass.

    Raises
    ------
    UsageError
        ``secret-parameter``; the value is not repeated.
    """
    for name, value in given.items():
        if is_secret(name, value):
            raise UsageError(
                "secret-parameter",
                f"{name} looks like a secret, and parameters are kept in files that everybody reads.",
                hint=f"-p {name}={REFERENCE}env/{name.upper()} is filled in inside the kernel, and kept nowhere.",
            )


def is_secret(name: str, value: object) -> bool:
    """Whether a parameter looks like a secret."""
    texts = value if isinstance(value, list) else [value]
    return any(isinstance(text, str) and _is_secret(name, text) for text in texts)


def _is_secret(name: str, text: str) -> bool:
    if not text or text.startswith(REFERENCE):
        return False
    words = [word.lower() for word in WORD.findall(name)]
    last = words[-1].removesuffix("s") if words else ""
    is_named = last in NAMES or any(pair in PAIRS for pair in itertools.pairwise(words))
    is_mark = last == "token" and MARK.fullmatch(text)
    return bool(VALUES.search(text)) or (is_named and not is_mark)
