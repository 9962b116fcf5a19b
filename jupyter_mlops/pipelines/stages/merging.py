"""Git's merge driver for ``dvc.lock``: two branches are united stage by stage.

``python -m jupyter_mlops.pipelines.stages.merging BASE OURS THEIRS`` writes the union into OURS. A stage that only one
side ran again is taken from that side. A stage that both ran is taken from the side whose inputs are those of the
merged tree, when that is one side only; else this stage, and nothing else, is left as a conflict, and the exit code
is 1.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from jupyter_mlops.pipelines.stages.yaml_files import parse, yaml_error
from jupyter_mlops.records import write_atomically

STAGE = re.compile(r"^  (?! |#)(?P<name>'(?:[^']|'')+'|\"[^\"]+\"|[^\s:][^:]*(?::[^\s:][^:]*)*):\s*$")
MARKER = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)
Entry = Mapping[str, Any]
"""A stage as ``dvc.lock`` holds it."""


@attrs.frozen
class LockFile:
    """A ``dvc.lock`` in parts.

    Attributes
    ----------
    head
        The lines before the first stage.
    texts
        The lines of each stage, by name, in their order.
    entries
        What those lines say.
    """

    head: str = ""
    texts: Mapping[str, str] = attrs.field(factory=dict)
    entries: Mapping[str, Entry] = attrs.field(factory=dict)

    @classmethod
    def read(cls, text: str) -> LockFile | None:
        """`text` in parts; None when it is not as DVC writes it."""
        if MARKER.search(text):
            return None
        try:
            document = parse(text) or {}
            entries = {str(name): dict(entry) for name, entry in (document.get("stages") or {}).items()}
        except (yaml_error(), AttributeError, TypeError, ValueError, RecursionError):
            return None
        head, texts = _split(text)
        is_plain = set(document) <= {"schema", "stages"} and list(texts) == list(entries)
        return cls(head, texts, entries) if is_plain else None


def _split(text: str) -> tuple[str, dict[str, str]]:
    """The lines before the first stage, and those of each stage."""
    head: list[str] = []
    texts: dict[str, list[str]] = {}
    part = head
    for line in text.splitlines(keepends=True):
        if match := STAGE.match(line):
            part = texts.setdefault(str(parse(match["name"])), [])
        part.append(line if line.endswith("\n") else line + "\n")
    return "".join(head), {name: "".join(lines) for name, lines in texts.items()}


@attrs.frozen
class Merged:
    """The union of two lock files, and the stages on which a person has to decide."""

    text: str
    conflicts: tuple[str, ...] = ()


def merge(base: LockFile, ours: LockFile, theirs: LockFile, labels: tuple[str, str] = ("ours", "theirs")) -> Merged:
    """Unite `ours` and `theirs`, which both came from `base`.

    Parameters
    ----------
    labels
        What the sides are called where they conflict.
    """
    names = [*ours.texts, *(name for name in theirs.texts if name not in ours.texts)]
    taken: dict[str, LockFile] = {}
    disputed = []
    for name in names:
        side = _undisputed(name, base, ours, theirs)
        if side is None:
            disputed.append(name)
        else:
            taken[name] = side
    _settle(disputed, base, (ours, theirs), taken)
    parts = [
        taken[name].texts.get(name, "") if name in taken else _conflict(name, ours, theirs, labels) for name in names
    ]
    head = ours.head or theirs.head
    head = re.sub(r"(?m)^stages:.*$", "stages:" if any(parts) else "stages: {}", head)
    return Merged(head + "".join(parts), tuple(name for name in names if name not in taken))


def _undisputed(name: str, base: LockFile, ours: LockFile, theirs: LockFile) -> LockFile | None:
    """The side that counts for a stage which one side left as it was, or which both changed alike."""
    before, here, there = (side.entries.get(name) for side in (base, ours, theirs))
    if there in (here, before):
        return ours
    return theirs if here == before else None


def _settle(
    disputed: Sequence[str], base: LockFile, sides: tuple[LockFile, LockFile], taken: dict[str, LockFile]
) -> None:
    """Put into `taken` what can be decided, each stage after those whose outputs it reads."""
    waiting = list(disputed)
    while waiting:
        open_outs = {path for name in waiting for side in sides for path, _ in _digests(side.entries.get(name), "outs")}
        ready = [name for name in waiting if open_outs.isdisjoint(_reads(name, sides))]
        for name in ready:
            waiting.remove(name)
            if side := _fitting(name, base, sides, taken):
                taken[name] = side
        if not all(name in taken for name in ready) or not ready:
            return  # what reads the outputs of an open stage is open too


def _reads(name: str, sides: tuple[LockFile, LockFile]) -> set[str]:
    return {path for side in sides for path, _ in _digests(side.entries.get(name), "deps")}


def _fitting(
    name: str, base: LockFile, sides: tuple[LockFile, LockFile], taken: Mapping[str, LockFile]
) -> LockFile | None:
    """The one side that ran a stage with what the merged tree holds; None when both did, or neither."""
    entries = [side.entries.get(name) for side in sides]
    before = base.entries.get(name, {})
    if None in entries:
        return None
    made = {path: digest for stage, side in taken.items() for path, digest in _digests(side.entries.get(stage), "outs")}
    fits = [_fits(entry or {}, before, [each or {} for each in entries], made) for entry in entries]
    return sides[fits.index(True)] if fits.count(True) == 1 else None


def _fits(entry: Entry, before: Entry, both: Sequence[Entry], made: Mapping[str, str]) -> bool:
    """Whether `entry` ran with the inputs, parameters and command that a merge of both sides has."""
    for kind in (_inputs, _values):
        old, (here, there) = kind(before), map(kind, both)
        for key in {*here, *there, *old}:
            merged = _three_way(old.get(key), here.get(key), there.get(key))
            wanted = made.get(key, merged) if kind is _inputs else merged
            if wanted is CONFLICT or kind(entry).get(key) != wanted:
                return False
    return True


CONFLICT = object()


def _three_way(before: object, here: object, there: object) -> object:
    """What a merge holds: what changed on one side only; `CONFLICT` when both changed it, and differently."""
    if there in (here, before):
        return here
    return there if here == before else CONFLICT


def _inputs(entry: Entry) -> dict[str, object]:
    return dict(_digests(entry, "deps"))


def _values(entry: Entry) -> dict[str, object]:
    """The command and the parameters, by file and key."""
    pairs = {
        f"{file}\0{key}": value for file, keys in (entry.get("params") or {}).items() for key, value in keys.items()
    }
    return {"": entry.get("cmd"), **pairs}


def _digests(entry: Entry | None, kind: str) -> Iterable[tuple[str, str]]:
    return [(str(each.get("path")), str(each.get("md5"))) for each in (entry or {}).get(kind) or ()]


def _conflict(name: str, ours: LockFile, theirs: LockFile, labels: tuple[str, str]) -> str:
    here, there = labels
    return f"<<<<<<< {here}\n{ours.texts.get(name, '')}=======\n{theirs.texts.get(name, '')}>>>>>>> {there}\n"


def main(arguments: Sequence[str]) -> int:
    """What git runs: 0 when all is united, 1 when a conflict is left, in the file that stands for ours."""
    base, ours, theirs = map(Path, arguments[:3])
    files = [LockFile.read(path.read_text(encoding="utf-8")) for path in (base, ours, theirs)]
    if None in files:
        return _as_text(base, ours, theirs)
    merged = merge(*files)  # type: ignore[arg-type]  # none is None
    write_atomically(ours, merged.text.encode())
    for name in merged.conflicts:
        sys.stderr.write(
            f"dvc.lock: both sides ran {name}, with inputs that the merge does not have or with different results. "
            "Keep either side, then: jupyter mlops run\n"
        )
    return 1 if merged.conflicts else 0


def _as_text(base: Path, ours: Path, theirs: Path) -> int:
    """Leave to git what is not as DVC writes it."""
    done = subprocess.run(["git", "merge-file", str(ours), str(base), str(theirs)], check=False)
    return min(done.returncode, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
