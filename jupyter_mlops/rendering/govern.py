"""Renditions of the project's own affairs: init, doctor, demo, view."""

from __future__ import annotations

from jupyter_mlops.rendering.blocks import Cell, Code, Document, Mark, Tone, facts, say, table
from jupyter_mlops.rendering.generic import document, state
from jupyter_mlops.rendering.units import count, duration
from jupyter_mlops.verbs.demonstration import Demo
from jupyter_mlops.verbs.doctor import Diagnosis
from jupyter_mlops.verbs.project import Initialised


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
