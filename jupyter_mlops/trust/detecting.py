"""Texts that look like a secret: what may not be typed as a parameter, nor kept with a record."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Mapping
from math import log2

from jupyter_mlops.errors import UsageError
from jupyter_mlops.trust.secrets import is_reference

FORMATS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"  # AWS
    r"|\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{30,}|\bglpat-[\w-]{20,}"  # GitHub, GitLab
    r"|\bxox[abeoprs]-[\w-]{10,}"  # Slack
    r"|\bsk-[\w-]{20,}|\bhf_[A-Za-z0-9]{30,}|\bAIza[\w-]{35}"  # OpenAI and its like, Hugging Face, Google
    r"|\bpypi-[\w-]{40,}|\bnpm_[A-Za-z0-9]{30,}|\bdapi[0-9a-f]{32}\b"  # registries, Databricks
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"  # a JSON web token
)
"""Keys and tokens that their makers gave a shape of their own."""
PASSWORD = re.compile(r"(?i)pass(?:word|wd|phrase)|(?:^|_)pwd(?:$|_)")
KEY = re.compile(
    r"(?i)secret|credential|(?:^|_|\b)token(?:$|_value)|(?:api|access|private|auth|account|signing|encryption)_?(?:key|token)"
)
"""Names of what opens doors; ``tokenizer``, ``max_tokens`` and ``key`` do not."""
ASSIGNED = re.compile(
    r"""(?P<name>[A-Za-z_][\w.-]*)["']?\]?\s*(?:=|:)\s*(?P<quote>\\?["'])(?P<value>[^"'\\\n]{4,})(?P=quote)"""
)
UNQUOTED = re.compile(r"^\s*(?:export\s+)?(?P<name>[A-Za-z_][\w.-]*)\s*[=:]\s*(?P<value>[^\s\"'{\[|>#]{4,})\s*$")
"""As settings files write it; in code, what stands there is rather a name than a text."""
URL_PASSWORD = re.compile(r"(?<=://)[^\s:/@\"']+:(?P<value>[^\s/@\"']{3,})(?=@)")
PLACEHOLDER = re.compile(r"(?i)^[<\[{(*x.…$%]|example|your|change|dummy|placeholder|^(?:none|null|true|false|test)$")
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
NAMES = frozenset({"password", "passwd", "passphrase", "pwd", "secret", "token", "apikey", "credential"})
"""As the last word of a name: ``token_count`` is none."""
PAIRS = frozenset((kind, "key") for kind in ("api", "access", "private", "secret", "account"))
MARK = re.compile(r".{0,7}|[<\[{].*[>\]}]")
"""Tokens of texts, such as [PAD] and <eos>, are short or stand in brackets."""
WEB_TOKEN = re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+")
LEAST = 8
ENTROPY_BITS = 2.5
"""Per character, of Shannon's kind: English words joined by dashes lie near 3.5, but hold no digits."""


def looks_secret(name: str, value: object) -> bool:
    """Whether `value`, given to `name`, is rather a secret than a setting; a reference to one is not.

    Parameters
    ----------
    name
        As its author called it.
    value
        Only texts can look like one.
    """
    if not isinstance(value, str) or is_reference(value) or not value.strip():
        return False
    if FORMATS.search(value) or URL_PASSWORD.search(value):
        return True
    if PASSWORD.search(name):
        return not PLACEHOLDER.search(value)
    return bool(KEY.search(name)) and _is_random(value)


def is_secret(name: str, given: object) -> bool:
    """Whether a parameter that a person gives looks like a secret: by its value, or because it is called like one."""
    texts = given if isinstance(given, list | tuple) else [given]
    return any(looks_secret(name, text) or (isinstance(text, str) and _is_called_so(name, text)) for text in texts)


def _is_called_so(name: str, text: str) -> bool:
    if not text or is_reference(text):
        return False
    words = [word.lower() for word in WORD.findall(name)]
    last = words[-1].removesuffix("s") if words else ""
    is_named = last in NAMES or any(pair in PAIRS for pair in itertools.pairwise(words))
    is_mark = last == "token" and MARK.fullmatch(text)
    return bool(WEB_TOKEN.search(text)) or (is_named and not is_mark)


def _is_random(value: str) -> bool:
    """Whether no person would choose `value` as a word."""
    if len(value) < LEAST or any(sign.isspace() for sign in value) or PLACEHOLDER.search(value):
        return False
    counts = [value.count(sign) / len(value) for sign in set(value)]
    entropy = -sum(share * log2(share) for share in counts)
    return entropy >= ENTROPY_BITS and any(sign.isdigit() for sign in value)


def require_no_secret(values: Mapping[str, object]) -> None:
    """Refuse parameters that look like secrets; the message names the parameter, never the value.

    Raises
    ------
    UsageError
        ``secret-in-the-open``.
    """
    for name, given in values.items():
        if is_secret(name, given):
            raise UsageError(
                "secret-in-the-open",
                f"The value of {name} looks like a secret, and would stand in git and in every record.",
                hint=f"Say where it is kept: -p {name}=secret://env/{_variable(name)}, or secret://keyring/SERVICE/USER,"
                " or secret://file/PATH. The notebook gets the value; nothing else does.",
            )


def _variable(name: str) -> str:
    return re.sub(r"\W+", "_", name).upper()


def blacked_out(text: str, known: Collection[str] = (), *, is_code: bool = False) -> tuple[str, int]:
    """`text` with what looks like secrets replaced by ``…``, and how many there were.

    Parameters
    ----------
    known
        Lines that are public already and stay as they are.
    is_code
        Whether a text without quotes is a name rather than a value.
    """
    count = 0
    lines = []
    in_key = False
    for line in text.splitlines(keepends=True):
        bare = line.rstrip("\r\n")
        if in_key or (bare not in known and "PRIVATE KEY-----" in bare and FORMATS.search(bare)):
            count += not in_key
            in_key = "-----END" not in bare
            lines.append("…" + line[len(bare) :])
            continue
        found = sorted(set(_spans(bare, is_code=is_code))) if bare not in known else []
        count += len(found)
        lines.append(_without(bare, found) + line[len(bare) :])
    return "".join(lines), count


def _spans(line: str, *, is_code: bool) -> Iterator[tuple[int, int]]:
    yield from (match.span() for match in FORMATS.finditer(line))
    yield from (match.span("value") for match in URL_PASSWORD.finditer(line))
    for match in (*ASSIGNED.finditer(line), *(() if is_code else UNQUOTED.finditer(line))):
        if looks_secret(match["name"].rpartition(".")[2], match["value"]):
            yield match.span("value")


def _without(line: str, spans: list[tuple[int, int]]) -> str:
    kept, end = [], 0
    for start, stop in spans:
        if start >= end:
            kept += [line[end:start], "…"]
        end = max(end, stop)
    return "".join([*kept, line[end:]])
