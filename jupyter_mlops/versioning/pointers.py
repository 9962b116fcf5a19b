"""Pointers: the ``.dvc`` files and ``dvc.lock``, read and written as DVC does."""

from __future__ import annotations

import io
import posixpath
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.versioning.content import LEGACY_MD5, MD5, Content, is_reserved
from jupyter_mlops.versioning.nesting import require_shallow
from jupyter_mlops.versioning.plain import plain_lock, plain_notes, plain_pointer

LOCK_FILE = "dvc.lock"
PIPELINE_FILE = "dvc.yaml"
SUFFIX = ".dvc"
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")  # a colon alone may be part of a name: 2026-05-01T12:00.csv
NAME = re.compile(r"[0-9A-Za-z]+(?:\.dir)?")
"""A digest is a file name of the cache: never a path."""
ROWS = "rows"
COLUMNS = "columns"
ROWS_OF = "rows_of"  # the digest that was counted: plain dvc keeps `meta` while it replaces the data


@attrs.frozen
class Out:
    """One output that a pointer file names.

    Attributes
    ----------
    path
        As written, relative to the working folder of the pointer or stage.
    digest
        Md5, with ``.dir`` for a folder; empty when the pointer has none.
    size, nfiles
        As the pointer says; `nfiles` is None for a file.
    algorithm
        ``md5``, or ``md5-dos2unix`` for a pointer of DVC 2.
    stage
        The stage that makes it; None in a ``.dvc`` file.
    wdir
        Working folder relative to the pointer; only a ``.dvc`` file states its own.
    rows
        Of a table, as counted when this very content was committed.
    """

    path: str
    digest: str
    size: int = 0
    nfiles: int | None = None
    algorithm: str = MD5
    stage: str | None = None
    wdir: str = ""
    is_executable: bool = False
    rows: int | None = None


def load_yaml(data: bytes | str, name: str) -> Any:
    """The document in `data`.

    Raises
    ------
    UsageError
        ``bad-pointer``.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    text = data if isinstance(data, str) else data.decode(errors="surrogateescape")
    try:
        require_shallow(text)
        return YAML(typ="safe").load(data) or {}
    except (YAMLError, ValueError, RecursionError) as error:
        conflict = "<<<<<<<" in text
        raise UsageError(
            "bad-pointer",
            f"{name} cannot be read" + (": it holds the marks of a merge conflict." if conflict else "."),
            context=str(error).partition("\n")[0],
            hint=f"Choose a side: git checkout --ours {name}, or --theirs." if conflict else f"git log -p -- {name}",
        ) from error


def outs(data: bytes, name: str) -> tuple[Out, ...]:
    """The outputs that the pointer file `name` with the bytes `data` names.

    Raises
    ------
    UsageError
        ``bad-pointer``.
    """
    plain = plain_lock(data) if posixpath.basename(name) == LOCK_FILE else plain_pointer(data)
    if plain is not None:
        return tuple(Out(**fields) for fields in plain)
    document = load_yaml(data, name)
    try:
        if posixpath.basename(name) == LOCK_FILE:
            stages = document.get("stages", document) or {}
            return tuple(
                _out(item, stage=stage) for stage, body in stages.items() for item in (body or {}).get("outs") or ()
            )
        wdir = str(document.get("wdir") or "")
        meta = _mapping(document.get("meta"))
        return tuple(_out(item, wdir=wdir, meta=meta) for item in document.get("outs") or ())
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError("bad-pointer", f"{name} is no pointer that DVC wrote.", context=repr(error)) from error


def _out(
    item: Mapping[str, Any], stage: str | None = None, wdir: str = "", meta: Mapping[str, Any] | None = None
) -> Out:
    digest = str(item.get("md5") or "")
    if digest and not NAME.fullmatch(digest):
        raise ValueError(f"{digest!r} is no md5")
    return Out(
        path=str(item["path"]),
        digest=digest,
        size=int(item.get("size") or 0),
        nfiles=item.get("nfiles"),
        algorithm=MD5 if item.get("hash") == MD5 else LEGACY_MD5,
        stage=stage,
        wdir=wdir,
        is_executable=bool(item.get("isexec")),
        rows=_rows(meta or {}, digest),
    )


def _rows(meta: Mapping[str, Any], digest: str) -> int | None:
    """The rows that `meta` tells of the content `digest`."""
    rows = meta.get(ROWS)
    return rows if type(rows) is int and digest and meta.get(ROWS_OF) == digest else None


def _mapping(value: object) -> Mapping[str, Any]:
    """`value` when it is a mapping: DVC lets people write anything under ``meta``."""
    return value if isinstance(value, Mapping) else {}


def name_of(out: Out, pointer: str, wdir: str = "") -> str | None:
    """The path of an output below the root, None when it lies outside the project or among git's and DVC's own."""
    base = posixpath.dirname(pointer)
    name = posixpath.normpath(posixpath.join(base, wdir or out.wdir, out.path))
    if name.startswith(("../", "/")) or name in {".", ".."} or is_reserved(name.split("/")):
        return None
    return None if ADDRESS.match(out.path) else name


@attrs.frozen
class Described:
    """What the pointer says about a dataset: ``desc``, ``labels``, ``meta``; and its columns when it is a table."""

    text: str = ""
    labels: tuple[str, ...] = ()
    meta: Mapping[str, Any] = attrs.field(factory=dict)
    columns: Mapping[str, str] = attrs.field(factory=dict)


def described(data: bytes, name: str) -> Described:
    """What the ``.dvc`` file says about its data, at its top or at its output."""
    if plain := plain_notes(data):
        digest, counted, notes = plain
        document: Mapping[str, Any] = {"outs": [{"md5": digest}], "meta": {**_noted(notes, name), ROWS_OF: counted}}
    else:
        document = load_yaml(data, name)
        outs(data, name)  # refuses what is no pointer
    out: Mapping[str, Any] = next(iter(document.get("outs") or ()), {})
    meta = {**_mapping(out.get("meta")), **_mapping(document.get("meta"))}
    return Described(
        text=str(document.get("desc") or out.get("desc") or ""),
        labels=tuple(str(label) for label in _many(out.get("labels"))),
        meta={key: value for key, value in meta.items() if key not in {ROWS, ROWS_OF, COLUMNS}},
        columns=_columns(meta, str(out.get("md5"))),
    )


@lru_cache(maxsize=256)
def _noted(notes: bytes, name: str) -> Mapping[str, Any]:
    """The ``meta`` of a ``.dvc`` file: the versions of a dataset mostly have the same."""
    return _mapping(load_yaml(notes, name).get("meta"))


def _columns(meta: Mapping[str, Any], digest: str) -> dict[str, str]:
    """The columns that `meta` tells of the content `digest`."""
    told = _mapping(meta.get(COLUMNS)) if meta.get(ROWS_OF) == digest else {}
    return {str(name): str(dtype) for name, dtype in told.items()}


def _many(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def render(path: Path, data_name: str, content: Content, meta: Mapping[str, object]) -> bytes:
    """The bytes of the ``.dvc`` file at `path` for `content`, whatever else it says kept.

    Parameters
    ----------
    path
        The pointer; it need not exist yet.
    data_name
        The name of the data beside it.
    meta
        Entries to set under ``meta``; None takes one away.
    """
    from ruamel.yaml import YAML

    document = (YAML().load(path.read_bytes()) if path.exists() else None) or {}
    items = document.setdefault("outs", [{}])
    item = next((one for one in items if one.get("path") == data_name), items[0])
    _fill(item, data_name, content)
    document.pop("md5", None)
    _set_meta(document, meta)
    return _dumped(document)


def _set_meta(document: Any, meta: Mapping[str, object]) -> None:
    """Set the entries of `meta`, take away those that are None; what people wrote beside them stays."""
    merged = document.get("meta")
    if merged is None:
        merged = {}
    elif not isinstance(merged, Mapping):
        merged = {"note": merged}
    for key, value in meta.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = value
    document.pop("meta", None) if not merged else document.update(meta=merged)


def stage_of(data: bytes, stage: str) -> bytes:
    """A ``dvc.lock`` that holds only `stage` of `data`."""
    document = load_yaml(data, LOCK_FILE)
    return _dumped({"schema": "2.0", "stages": {stage: document.get("stages", {}).get(stage) or {}}})


def graft_stage(current: bytes, other: bytes, stage: str) -> bytes:
    """The ``dvc.lock`` in `current` with `stage` as `other` has it, the rest untouched."""
    from ruamel.yaml import YAML

    document = YAML().load(current) or {"schema": "2.0"}
    document.setdefault("stages", {})[stage] = YAML().load(other)["stages"][stage]
    return _dumped(document)


def repointed(data: bytes, heirs: Mapping[str, tuple[str, int, int | None]]) -> bytes:
    """A pointer file that names the digest, bytes and files in `heirs` in the place of a digest."""
    from ruamel.yaml import YAML

    document = YAML().load(data)
    stages = document.get("stages")
    for body in stages.values() if stages else (document,):
        for item in body.get("outs") or ():
            if heir := heirs.get(str(item.get("md5"))):
                item["md5"], item["size"] = heir[:2]
                if heir[2] is not None:
                    item["nfiles"] = heir[2]
    return _dumped(document)


def _dumped(document: Any) -> bytes:
    """`document` in the style of DVC."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.default_flow_style = False
    stream = io.BytesIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _fill(item: Any, data_name: str, content: Content) -> None:
    """Set the keys that DVC sets, in its order, and keep what people added."""
    kept = {key: item[key] for key in item if key not in {"md5", "size", "nfiles", "isexec", "hash", "path"}}
    item.clear()
    item["md5"] = content.digest
    item["size"] = content.size
    if content.nfiles is not None:
        item["nfiles"] = content.nfiles
    if content.is_executable:
        item["isexec"] = True
    item["hash"] = MD5
    item["path"] = data_name
    item.update(kept)
