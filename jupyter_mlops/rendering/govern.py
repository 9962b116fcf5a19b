"""Renditions of the project's own affairs: init, doctor, demo, view."""

from __future__ import annotations

import shlex

from jupyter_mlops.rendering.blocks import MAGIC, Cell, Code, Document, Mark, Tone, facts, say, table
from jupyter_mlops.rendering.generic import document, state
from jupyter_mlops.rendering.units import duration
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
    rows: list[tuple[Cell, ...]] = [(state(each.state), each.name, each.message, each.hint) for each in result.checks]
    failed = sum(each.state == "failed" for each in result.checks)
    head = Mark(f"{failed} of {len(rows)} checks failed", Tone.BAD) if failed else Mark("All is well.", Tone.GOOD)
    versions = facts(*((name, version) for name, version in result.versions.items()), caption="Versions")
    return Document("Doctor", (say(head), *table("Checks", "State|Check|Found|Next", rows), *versions))


@document.register
def _(result: Demo) -> Document:
    rows: list[tuple[Cell, ...]] = [(Code(each.line), each.outcome, duration(each.seconds)) for each in result.steps]
    words = f"was built in {duration(result.seconds)}." if rows else "is there already; it was left as it is."
    done = say(Mark(f"{result.root} {words}", Tone.GOOD))
    next_ = () if result.opens else (say("Next:", Code(f"{MAGIC} demo --dir {shlex.quote(result.root)}"), "opens it."),)
    return Document("Demo", (done, *table("Steps", "Line|Outcome|Time", rows, numeric="Time"), *next_))
