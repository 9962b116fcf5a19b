"""A change of a stage: what it reads and writes besides, what no longer, and what it may take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from jupyter_mlops.errors import UnknownReference, did_you_mean
from jupyter_mlops.pipelines.stages.dvc_yaml import KINDS
from jupyter_mlops.pipelines.stages.limits import SECTION, Limits
from jupyter_mlops.pipelines.stages.specs import Out, StageSpec


@attrs.frozen
class Change:
    """What is to be different in a stage; paths are below the root.

    Attributes
    ----------
    deps, outs, metrics
        What it reads and writes from now on, too.
    without
        What it neither reads nor writes any more.
    limits
        None leaves them.
    """

    deps: tuple[str, ...] = ()
    outs: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    limits: Limits | None = None

    def applied(self, stage: StageSpec) -> StageSpec:
        """`stage` as it will be.

        Raises
        ------
        UnknownReference
            ``unknown-path`` for one to go that it does not name.
        """
        own = stage.papermill.output if stage.papermill else None
        known = [*stage.data, *(out.path for out in stage.outs if out.path != own)]
        for path in self.without:
            if path not in known:
                hint = did_you_mean(path, known, f"It names {', '.join(known) or 'none'}.")
                raise UnknownReference("unknown-path", f"{stage.name} names no {path} that could go.", hint=hint)
        gone = {*self.without, *self.outs, *self.metrics}
        outs = [out for out in stage.outs if out.path not in gone]
        outs += [Out(path) for path in self.outs]
        outs += [Out(path, cached=False, kind="metrics") for path in self.metrics]
        deps = [path for path in stage.deps if path not in self.without]
        limits = self.limits or stage.limits
        return attrs.evolve(stage, deps=(*dict.fromkeys((*deps, *self.deps)),), outs=(*outs,), limits=limits)

    def write(self, entry: Any) -> None:
        """Make the change in the `entry` of ``dvc.yaml``, which is being edited; what it does not touch stays."""
        gone = {*self.without, *self.outs, *self.metrics}
        _list(entry, "deps", self.without, [path for path in self.deps if path not in entry.get("deps", ())])
        for kind in KINDS:
            _list(entry, kind, gone, {"outs": self.outs, "metrics": _uncached(self.metrics)}.get(kind, ()))
        if self.limits is not None:
            meta = {**(entry.get("meta") or {}), **self.limits.entry()}
            if not self.limits.entry():
                meta.pop(SECTION, None)
            entry["meta"] = meta
            if not meta:
                del entry["meta"]


def _uncached(paths: Iterable[str]) -> tuple[Mapping[str, Any], ...]:
    return tuple({path: {"cache": False}} for path in paths)


def _list(entry: Any, kind: str, gone: Iterable[str], new: Iterable[Any]) -> None:
    """Take the paths `gone` out of the list `kind`, and put `new` at its end."""
    items = entry.get(kind, [])
    for item in [item for item in items if _path(item) in set(gone)]:
        items.remove(item)
    items.extend(new)
    if items:
        entry[kind] = items
    else:
        entry.pop(kind, None)


def _path(item: Any) -> str:
    return str(next(iter(item))) if isinstance(item, Mapping) else str(item)
