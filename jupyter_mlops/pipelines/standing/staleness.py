"""Why a stage must run: a rule over values. It agrees with ``dvc status``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from jupyter_mlops.pipelines.stages.lock import Locked, Pin, Values
from jupyter_mlops.pipelines.stages.specs import StageSpec
from jupyter_mlops.trust.detecting import looks_secret

ABSENT = object()


@attrs.frozen
class Situation:
    """What the workspace holds now, for the deps, outs and parameters of one stage; None means missing."""

    deps: Mapping[str, Pin | None]
    outs: Mapping[str, Pin | None]
    params: Values


@attrs.frozen
class Verdict:
    """Whether a stage is up to date.

    Attributes
    ----------
    state
        ``up-to-date``, ``stale`` or ``never-run``.
    reasons
        Why, in words, most telling first.
    missing
        Outs that are gone; when they are all that is wrong, `restorable`: nothing has to run.
    """

    state: str
    reasons: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    restorable: bool = False

    @property
    def reason(self) -> str:
        """All reasons in one line."""
        return "; ".join(self.reasons)


def judge(stage: StageSpec, locked: Locked | None, now: Situation) -> Verdict:
    """Compare what a stage last ran with to what is there now."""
    if locked is None:
        return Verdict("never-run", ("never run",))
    causes = [] if stage.frozen else [*_causes(stage, locked, now)]
    missing = tuple(path for path, content in now.outs.items() if content is None)
    changed = [*_changed_outs(locked, now)]
    if not causes and not changed and not missing:
        return Verdict("up-to-date")
    words = (*causes, *changed, *(f"{path} is missing" for path in missing))
    known = all(path in locked.outs for path in missing)
    return Verdict("stale", words, missing, restorable=known and not causes and not changed)


def _causes(stage: StageSpec, locked: Locked, now: Situation) -> Iterator[str]:
    if stage.always_changed:
        yield "it runs every time"
    for path, content in now.deps.items():
        name = stage.notebook if path == stage.key else path
        if content is None:
            yield f"{name} is missing"
        elif path not in locked.deps:
            yield f"{name} is a new input"
        elif locked.deps[path].md5 != content.md5:
            yield f"{name} changed"
    changed_values = [*_changed_values(stage, locked.params, now.params)]
    yield from changed_values
    if locked.command != stage.command and not changed_values:
        yield "the command changed"


def _changed_values(stage: StageSpec, before: Values, after: Values) -> Iterator[str]:
    for file, keys in sorted(stage.params.items()):
        old, new = before.get(file, {}), after.get(file, {})
        for key in sorted(keys or {*old, *new}):
            yield from _change(key, old.get(key, ABSENT), new.get(key, ABSENT))


def _change(key: str, old: object, new: object) -> Iterator[str]:
    if old is not ABSENT and old == new and isinstance(old, bool) == isinstance(new, bool):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            yield from _change(f"{key}.{name}", old.get(name, ABSENT), new.get(name, ABSENT))
    elif old is ABSENT:
        yield f"{key} is new: {_told(key, new)}" if new is not ABSENT else f"{key} is missing"
    elif new is ABSENT:
        yield f"{key} was removed"
    else:
        yield f"{key} changed: {_told(key, old)} → {_told(key, new)}"


def _told(key: str, value: object) -> object:
    """`value` as people may see it: reasons are recorded."""
    return "…" if looks_secret(key.rpartition(".")[2], value) else value


def _changed_outs(locked: Locked, now: Situation) -> Iterator[str]:
    for path, content in now.outs.items():
        if content and (path not in locked.outs or locked.outs[path].md5 != content.md5):
            yield f"{path} was changed after the run"
