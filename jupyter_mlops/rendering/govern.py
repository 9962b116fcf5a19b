"""Renditions of the project's own affairs: init, doctor, demo; verify, gc, retain, erase."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_mlops.records import short
from jupyter_mlops.rendering.blocks import Cell, Code, Document, Mark, Section, Tone, facts, say, table
from jupyter_mlops.rendering.generic import MOST_ROWS, document, state
from jupyter_mlops.rendering.units import count, duration, moment, size

if TYPE_CHECKING:
    from jupyter_mlops.verbs.demonstration import Demo
    from jupyter_mlops.verbs.doctor import Diagnosis
    from jupyter_mlops.verbs.erasure import Erased
    from jupyter_mlops.verbs.keeping import Collected, Retained
    from jupyter_mlops.verbs.project import Initialised
    from jupyter_mlops.verbs.verification import Verified
    from jupyter_mlops.versioning.scrubbing import Trouble


@document.register
def _(result: Initialised) -> Document:
    words = f"{result.root} is a project." if result.files else f"{result.root} lacked nothing."
    commit = result.git_commit[:7] if result.git_commit else ""
    return Document(
        "Init", (say(Mark(words, Tone.GOOD)), *facts(("Wrote", ", ".join(result.files)), ("Commit", commit)))
    )


@document.register
def _(result: Diagnosis) -> Document:
    rows: list[tuple[Cell, ...]] = [
        (state(each.state), each.name, each.message, each.hint if each.hint.endswith(".") else Code(each.hint))
        for each in result.checks
    ]
    head = _verdict(result)
    versions = facts(*((name, version) for name, version in result.versions.items()), caption="Versions")
    return Document("Doctor", (say(head), *table("Checks", "State|Check|Found|Next", rows), *versions))


def _verdict(result: Diagnosis) -> Mark:
    """The one line above the checks."""
    failed, warned = (sum(each.state == word for each in result.checks) for word in ("failed", "warning"))
    if failed:
        return Mark(f"{failed} of {len(result.checks)} checks failed", Tone.BAD)
    return Mark(f"It works; {count(warned, 'warning')}.", Tone.STALE) if warned else Mark("All is well.", Tone.GOOD)


@document.register
def _(result: Demo) -> Document:
    rows: list[tuple[Cell, ...]] = [(Code(each.line), each.outcome, duration(each.seconds)) for each in result.steps]
    words = f"was built in {duration(result.seconds)}." if rows else "is there already; it was left as it is."
    done = say(Mark(f"{result.root} {words}", Tone.GOOD))
    next_ = () if result.opens else (say("Next:", Code(result.next), "opens it."),)
    return Document("Demo", (done, *table("Steps", "Line|Outcome|Time", rows, numeric="Time"), *next_))


@document.register
def _(result: Verified) -> Document:
    left = (*result.corrupt, *result.missing)
    rows: list[tuple[Cell, ...]] = [_trouble(each, each.kind, Tone.BAD) for each in left]
    rows += [_trouble(each, "fetched again", Tone.GOOD) for each in result.repaired]
    read = f"{count(result.objects, 'object')}, {size(result.bytes)} read"
    head = Mark(f"{result.gate}.", Tone.BAD) if result.gate else Mark("Every byte is what was saved.", Tone.GOOD)
    hint = (say(Mark(result.hint, Tone.QUIET)),) if result.hint else ()
    shown = table("Objects", "State|Dataset|Version|File|Digest", rows[:MOST_ROWS], more=len(rows[MOST_ROWS:]))
    return Document("Verify", (say(head), say(Mark(read, Tone.QUIET)), *shown, *hint))


def _trouble(each: Trouble, word: str, tone: Tone) -> tuple[Cell, ...]:
    return Mark(word, tone), each.dataset, each.version, each.path, Code(each.digest)


@document.register
def _(result: Collected) -> Document:
    word = "would go" if result.dry_run else "removed"
    freed = f"{count(result.objects, 'object')} {word}, {size(result.bytes)}"
    head = Mark(freed, Tone.GOOD) if result.objects else Mark("Everything in the cache is needed.", Tone.GOOD)
    return Document("Garbage collection", (say(head), say(Mark(f"{result.kept:,} stay", Tone.QUIET))))


@document.register
def _(result: Retained) -> Document:
    states = {"kept": Tone.GOOD, "expired": Tone.STALE, "gone": Tone.QUIET}
    rows: list[tuple[Cell, ...]] = [
        (
            each.dataset,
            each.label,
            Mark(each.state, states.get(each.state, Tone.QUIET)),
            each.reason,
            moment(each.time),
            size(each.bytes),
        )
        for each in result.versions
    ]
    word = "would go" if result.dry_run else "removed"
    freed = f"{count(result.objects, 'object')} {word}, {size(result.freed_bytes)}"
    head = Mark(freed, Tone.STALE) if result.objects else Mark("Nothing goes.", Tone.GOOD)
    note = (say(Mark(result.note, Tone.QUIET)),) if result.note else ()
    columns = "Dataset|Version|State|Why|Time|Size"
    shown = table("Versions", columns, rows[:MOST_ROWS], numeric="Size", more=len(rows[MOST_ROWS:]))
    return Document("Retention", (say(head), *shown, *note))


@document.register
def _(result: Erased) -> Document:
    rows: list[tuple[Cell, ...]] = [
        (
            each.dataset,
            each.label,
            f"{each.files:,}",
            f"{each.rows:,}" if each.rows else "",
            short(each.after) or "gone",
        )
        for each in result.versions
    ]
    used: list[tuple[Cell, ...]] = [(each.kind, each.name, each.fate) for each in result.consumers]
    left = (Section("Not reached", tuple(say(each) for each in result.unreached)),) if result.unreached else ()
    pairs = facts(
        ("Tombstone", result.erasure),
        ("Gone from the cache", f"{count(result.objects, 'object')}, {size(result.bytes)}" if result.erasure else ""),
        ("Gone from the remote", result.remote),
        ("Git commit", (result.git_commit or "")[:7]),
    )
    columns = "Dataset|Version|Files|Rows|Now"
    return Document(
        "Erasure",
        (
            say(_erased_words(result)),
            *pairs,
            *table("Versions", columns, rows[:MOST_ROWS], numeric="Files|Rows", more=len(rows[MOST_ROWS:])),
            *table("Made from it", "Kind|Name|What becomes of it", used),
            *left,
        ),
    )


def _erased_words(result: Erased) -> Mark:
    versions = count(len(result.versions), "version")
    if result.dry_run:
        return Mark(f"{versions} would be rewritten.", Tone.STALE) if result.versions else _nothing_found()
    return Mark(f"Erased from {versions}.", Tone.GOOD) if result.erasure else _nothing_found()


def _nothing_found() -> Mark:
    return Mark("No version holds it.", Tone.QUIET)
