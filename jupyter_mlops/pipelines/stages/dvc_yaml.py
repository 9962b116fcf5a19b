"""``dvc.yaml`` as stages: plain files are read here, templates of other kinds by DVC itself."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.stages import yaml_files
from jupyter_mlops.pipelines.stages.dvc_groups import GROUPS, NotPlain, members, text
from jupyter_mlops.pipelines.stages.limits import Limits
from jupyter_mlops.pipelines.stages.specs import Command, Out, StageSpec

PARAMS = "params.yaml"
TEMPLATE = re.compile(r"\$\{\s*([\w.\[\]-]+)\s*\}")
KINDS = ("outs", "metrics", "plots")


def read(root: Path) -> tuple[StageSpec, ...]:
    """The stages of the project's ``dvc.yaml``.

    Raises
    ------
    UsageError
        ``bad-pipeline``, ``bad-file``.
    """
    document = yaml_files.load(root / "dvc.yaml")
    stages = document.get("stages") if isinstance(document, Mapping) else None
    if not stages:
        return ()
    if not isinstance(stages, Mapping):
        raise _bad("`stages` must be a mapping of names to stages.")
    return tuple(_checked(str(name), raw, filled) for name, raw, filled in _filled(root, document, stages))


def _checked(name: str, raw: Mapping[str, Any], filled: Mapping[str, Any]) -> StageSpec:
    try:
        return _stage(name, raw, filled)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _bad(f"The stage {name} is not as DVC wants it.", context=str(error)) from error


def _filled(
    root: Path, document: Mapping[str, Any], stages: Mapping[str, Any]
) -> Iterable[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """Each stage as written and with its templates filled in."""
    context = yaml_files.load_mapping(root / PARAMS) if TEMPLATE.search(str(stages)) else {}
    try:
        if not _needs_dvc(document, stages):
            return [*_expanded(stages, context)]
    except NotPlain:
        pass
    from jupyter_mlops.pipelines.stages.dvc_templates import resolve

    return [(name, stages.get(name, filled), filled) for name, filled in resolve(root, dict(document)).items()]


def _expanded(
    stages: Mapping[str, Any], context: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    for name, raw in stages.items():
        is_stage = isinstance(raw, Mapping)
        if is_stage and not GROUPS.isdisjoint(raw):
            for member, filled in members(str(name), raw, context, _fill):
                if "cmd" not in filled:
                    raise _bad(f"The stage {name} has no `cmd`.")
                yield member, filled, filled
        elif is_stage and "cmd" in raw:
            yield name, raw, _fill(raw, context)
        else:
            raise _bad(f"The stage {name} has no `cmd`.")


def _needs_dvc(document: Mapping[str, Any], stages: Mapping[str, Any]) -> bool:
    """Whether the file uses more than ``${key}`` of ``params.yaml`` and groups of stages."""
    written = str(stages)
    special = "vars" in document or "\\${" in written or "${" in TEMPLATE.sub("", written)
    bodies = [raw.get("do", raw) for raw in stages.values() if isinstance(raw, Mapping)]
    return special or any(isinstance(body, Mapping) and not {"vars", "wdir"}.isdisjoint(body) for body in bodies)


def _fill(value: Any, context: Mapping[str, Any]) -> Any:
    """`value` with every ``${key}`` replaced from `context`.

    Raises
    ------
    NotPlain
        A key stands for a list or a mapping inside a text.
    """
    if isinstance(value, str):
        return _fill_text(value, context)
    if isinstance(value, Mapping):
        return {_fill(key, context): _fill(item, context) for key, item in value.items()}
    return [_fill(item, context) for item in value] if isinstance(value, list) else value


def _fill_text(template: str, context: Mapping[str, Any]) -> Any:
    if whole := TEMPLATE.fullmatch(template):
        return _looked_up(whole, context)

    def one(match: re.Match[str]) -> str:
        value = _looked_up(match, context)
        if isinstance(value, (dict, list)):
            raise NotPlain
        return text(value)

    return TEMPLATE.sub(one, template)


def _looked_up(match: re.Match[str], context: Mapping[str, Any]) -> Any:
    known, value = yaml_files.lookup(context, match[1])
    if not known:
        raise _bad(f"dvc.yaml asks for ${{{match[1]}}}, which is not there in {PARAMS}.")
    return value


def _stage(name: str, raw: Mapping[str, Any], filled: Mapping[str, Any]) -> StageSpec:
    folder = posixpath.normpath(str(filled.get("wdir", ".")))
    return StageSpec(
        name=name,
        command=_command(filled["cmd"]),
        template=raw.get("cmd", filled["cmd"]),
        deps=tuple(_below(folder, path) for path, _ in _entries(filled.get("deps"))),
        outs=tuple(_outs(folder, filled)),
        params=_params(filled.get("params")),
        folder=folder,
        frozen=bool(filled.get("frozen")),
        always_changed=bool(filled.get("always_changed")),
        limits=Limits.read(filled.get("meta")),
    )


def _command(command: object) -> Command:
    return tuple(str(line) for line in command) if isinstance(command, list) else str(command)


def _outs(folder: str, filled: Mapping[str, Any]) -> Iterator[Out]:
    for kind in KINDS:
        for path, flags in _entries(filled.get(kind)):
            cached, persist = bool(flags.get("cache", True)), bool(flags.get("persist"))
            yield Out(_below(folder, path), cached, kind, persist)


def _entries(items: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """``- path`` and ``- path: {flags}`` alike."""
    for item in items if isinstance(items, list) else []:
        if isinstance(item, Mapping):
            for path, flags in item.items():
                yield str(path), flags or {}
        else:
            yield str(item), {}


def _below(folder: str, path: str) -> str:
    return path if "://" in path else posixpath.normpath(posixpath.join(folder, path))


def _params(items: object) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for item in items if isinstance(items, list) else []:
        if isinstance(item, Mapping):
            for path, keys in item.items():
                found[str(path)] = (*found.get(str(path), ()), *(str(key) for key in keys or ()))
        else:
            found[PARAMS] = (*found.get(PARAMS, ()), str(item))
    return found


def _bad(message: str, *, context: str = "") -> UsageError:
    return UsageError("bad-pipeline", message, context=context, hint="dvc stage list shows what DVC makes of the file.")
