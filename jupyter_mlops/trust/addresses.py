"""Addresses without their secrets: what may be recorded, shown and logged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

SECRET = re.compile(
    r"pass|pwd|secret|token|credential|signature|^sig$|^x-(amz|goog|ms)-|session|^auth|api-?_?key|access-?_?key|"
    r"^key$|^code$|^jwt$|^sas$|^s[ep]$|^skoid$",
    re.IGNORECASE,
)
"""Names of parameters that open doors: keys, tokens, and whatever signs an address."""
ADDRESS = re.compile(r"""[a-z][a-z0-9+.-]*://[^\s'"<>]+""", re.IGNORECASE)
SHARED_KEY = re.compile(r"(?i)\b(account_?key|password|secret|token|pwd)\s*=\s*[^\s;&'\"]+")
NAMED_HOST = frozenset({"abfs", "abfss", "wasb", "wasbs"})
"""Here the name in front of the ``@`` is a container's."""
NAMED_USER = frozenset({"ssh", "sftp", "postgresql", "postgres", "redshift", "mysql", "mariadb", "mssql", "oracle"})
"""Here the name in front of the ``@`` says whose files or tables are meant."""


def without_secrets(address: str) -> str:
    """`address` without password, key or token; what merely says where and what stays."""
    scheme, mark, _ = address.partition("://")
    if not mark:
        return address
    parts = urlsplit(address)
    kind = (
        scheme.lower().rpartition("+")[2]
        if scheme.startswith(("delta+", "iceberg+"))
        else scheme.lower().partition("+")[0]
    )
    user, at, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0] if kind in NAMED_HOST | NAMED_USER else ""
    netloc = f"{name}@{host}" if at and name else host
    kept = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if not SECRET.search(key)]
    untouched = len(kept) == len(parse_qsl(parts.query, keep_blank_values=True))
    query = parts.query if untouched else urlencode(kept)
    # put together by hand: urlunsplit drops the slashes in front of an empty host, as in sqlite:///x.db
    return f"{scheme}://{netloc}{parts.path}{'?' if query else ''}{query}"


def redacted(text: str) -> str:
    """`text` with every address in it without its secrets."""
    return SHARED_KEY.sub(r"\1=…", ADDRESS.sub(lambda found: without_secrets(found[0]), text))


def redacted_all(value: Any) -> Any:
    """`value` with every text redacted in the lists, tuples and mappings that it consists of."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {key: redacted_all(item) for key, item in value.items()}
    return type(value)(redacted_all(item) for item in value) if type(value) in {list, tuple} else value
