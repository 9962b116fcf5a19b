"""Renditions of data verbs: status, commit, log, show, checkout, tag, push, pull, import, init."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_mlops.records import short
from jupyter_mlops.rendering.blocks import (
    Block,
    Cell,
    Code,
    Document,
    Listing,
    Mark,
    Section,
    Strong,
    Tone,
    facts,
    say,
    table,
)
from jupyter_mlops.rendering.generic import document, spaced, state
from jupyter_mlops.rendering.units import changes, count, duration, label, moment, scalar, size

if TYPE_CHECKING:
    from jupyter_mlops.pipelines.standing.stage_status import StageStatus
    from jupyter_mlops.verbs.checkouts import CheckedOut
    from jupyter_mlops.verbs.datasets import Committed, Tagged
    from jupyter_mlops.verbs.history import History, Shown
    from jupyter_mlops.verbs.imports import Imported
    from jupyter_mlops.verbs.searching import Found
    from jupyter_mlops.verbs.status import NextStep, Status
    from jupyter_mlops.verbs.transfers import Transferred
    from jupyter_mlops.verbs.versions import DatasetVersion
    from jupyter_mlops.versioning.datasets import DatasetState

MOST_PATHS = 50
WAITING = {
    "changed": Tone.CHANGED,
    "stale": Tone.STALE,
    "missing": Tone.STALE,
    "untracked": Tone.STALE,
    "failed": Tone.BAD,
    "running": Tone.BUSY,
}


@document.register
def _(result: Status) -> Document:
    branch = f"⎇ {result.branch}" if result.branch else f"detached at {short(result.head)}" if result.head else ""
    blocks: list[Block] = [say(Strong(result.name), branch, *([Mark(result.role, Tone.QUIET)] if result.role else []))]
    blocks += [say(result.note)] if result.note else []
    blocks += table(
        "Datasets",
        "Dataset|State|Version|Changes|Files|Size",
        [_dataset_row(each) for each in result.datasets],
        numeric="Files|Size",
    )
    blocks += table("Pipeline stages", "Stage|State|Why", [_stage_row(each) for each in result.stages])
    blocks.append(_next(result.next))
    return Document("Status", tuple(blocks))


def _dataset_row(each: DatasetState) -> tuple[Cell, ...]:
    rows = f"{each.rows_changed:+,} row{'s' * (abs(each.rows_changed) != 1)}" if each.rows_changed else ""
    changed = ", ".join(filter(None, [changes(each.added, each.modified, each.removed), rows]))
    moved = each.version and each.head_version and each.version != each.head_version
    version = f"at {each.version}, HEAD {each.head_version}" if moved else each.version or "not committed yet"
    version = f"{version}, not in git" if each.is_only_cached else version
    return each.path, state(each.state), version, changed, f"{each.files:,}", size(each.bytes)


def _stage_row(each: StageStatus) -> tuple[Cell, ...]:
    running = each.state == "running" and each.total
    left = f", ~{duration(each.eta_s)} left" if each.eta_s else ""
    return each.name, state(each.state), f"cell {each.done}/{each.total}{left}" if running else each.reason


def _next(steps: tuple[NextStep, ...]) -> Block:
    """What to do next: the last thing the eye meets."""
    if not steps:
        return say(Mark("All up to date.", Tone.GOOD))
    rows: list[tuple[Cell, ...]] = [
        (Mark(each.text, WAITING.get(each.kind, Tone.QUIET)), Code(_typed(each.line)) if each.line else "")
        for each in steps
    ]
    return table("To do next", "What waits|Type this", rows)[0]


def _typed(line: str) -> str:
    """A line for git is typed in a terminal as it is."""
    return line if line.startswith("git ") else f"%mlops {line}"


@document.register
def _(result: Committed) -> Document:
    rows: list[tuple[Cell, ...]] = [
        (
            each.dataset,
            label(each.version, each.digest),
            Mark("unchanged", Tone.QUIET) if each.unchanged else Mark("committed", Tone.GOOD),
            changes(each.added, each.modified, each.removed),
            f"{each.rows_added:+,}" if each.rows_added else "",
            f"{each.files:,}",
            size(each.bytes),
        )
        for each in result.versions
    ]
    blocks = table("Versions", "Dataset|Version|State|Changes|Rows|Files|Size", rows, numeric="Rows|Files|Size")
    committed = f"git commit {result.git_commit[:7]}" if result.git_commit else "no git commit was made"
    nothing = () if rows else (say(Mark("Nothing changed since the last version.", Tone.GOOD)),)
    message = (say(Strong(result.message)),) if result.message else ()
    note = (say(Mark(result.note, Tone.CHANGED)),) if result.note else ()
    return Document("Commit", (*message, *blocks, *(nothing or (say(Mark(committed, Tone.QUIET)),)), *note))


@document.register
def _(result: History) -> Document:
    several = len({each.dataset for each in result.versions}) > 1
    rows: list[tuple[Cell, ...]] = [
        (
            each.dataset if several else "",
            Strong(f"{each.label} (current)") if each.current else each.label,
            each.message,
            each.author,
            moment(each.time),
            f"{each.rows:,}" if each.rows is not None else "",
            size(each.bytes),
            ", ".join(each.tags),
            Mark(each.let_go, Tone.STALE) if each.let_go else "",
        )
        for each in result.versions
    ]
    name = "" if several or not result.versions else f" of {result.versions[0].dataset}"
    columns = "Dataset|Version|Message|Author|Time|Rows|Size|Tags|Data"
    if not rows:
        return Document("Versions", (say("No versions yet."), say("Type", Code("%mlops commit PATH"))))
    more = (say("Older versions:", Code(f"--cursor {result.next_cursor}")),) if result.next_cursor else ()
    return Document(f"Versions{name}", (*table("Newest first", columns, rows, numeric="Rows|Size"), *more))


@document.register
def _(result: Found) -> Document:
    rows: list[tuple[Cell, ...]] = [
        (
            each.version.dataset,
            each.version.label,
            ", ".join(f"{match.field} {match.value}" for match in each.matched),
            each.version.author,
            moment(each.version.time),
        )
        for each in result.hits
    ]
    if not rows:
        hint = say("Fields:", Code("column: owner: tag: purpose: pii: source: name:"))
        return Document("Search", (say(Mark(f"Nothing fits {result.query}.", Tone.QUIET)), hint))
    more = (say("More:", Code(f"--cursor {result.next_cursor}")),) if result.next_cursor else ()
    found = table("Versions", "Dataset|Version|Found in|Author|Time", rows)
    return Document(f"Search: {result.query}", (say(Mark(count(result.datasets, "dataset"), Tone.GOOD)), *found, *more))


@document.register
def _(result: DatasetVersion) -> Document:
    return Document(f"{result.dataset}@{result.version}", _version(result))


def _version(each: DatasetVersion) -> tuple[Block, ...]:
    return facts(
        ("Version", Strong(each.label)),
        ("Message", each.message),
        ("Author", each.author),
        ("Time", moment(each.time)),
        ("Content", f"{count(each.files, 'file')}, {size(each.bytes)}"),
        ("Rows", f"{each.rows:,}" if each.rows is not None else ""),
        ("Data", Mark(each.let_go, Tone.STALE) if each.let_go else ""),
        ("Digest", Code(each.digest)),
        ("Git commit", Code(each.git_commit[:12])),
        caption="Version",
    )


@document.register
def _(result: Shown) -> Document:
    if result.run:
        shown = document(result.run)
        texts = (("Not committed", result.changes), ("Log", result.log))
        parts = (Section(title, (Listing(title, text),)) for title, text in texts if text)
        return Document(shown.title, (*shown.blocks, *parts))
    schema: list[tuple[Cell, ...]] = [(each.name, each.type) for each in result.schema]
    blocks: list[Block] = list(_version(result.version)) if result.version else []
    blocks += facts(*((spaced(key), scalar(value)) for key, value in result.provenance.items()), caption="Provenance")
    blocks += facts(*((key, scalar(value)) for key, value in result.metrics.items()), caption="Metrics")
    blocks += facts(
        ("Tags", ", ".join(result.tags)),
        ("Made by", ", ".join(result.producers) or ("hand" if result.kind == "dataset" else "")),
        ("Used by", ", ".join(result.consumers)),
        ("Reproduced", state(result.verdict) if result.verdict else ""),
        caption="Lineage",
    )
    blocks += table("Schema", "Column|Type", schema)
    return Document(f"{result.kind.capitalize()} {result.reference}", tuple(blocks))


@document.register
def _(result: CheckedOut) -> Document:
    done = f"{count(result.written, 'file')} written, {result.removed:,} removed"
    at = f"{result.dataset} is at {result.version}" if result.dataset else f"{count(len(result.datasets), 'dataset')}"
    others = tuple(facts(("Datasets", ", ".join(result.datasets)))) if len(result.datasets) > 1 else ()
    return Document("Check out", (say(Mark(at, Tone.GOOD)), say(done), *others))


@document.register
def _(result: Tagged) -> Document:
    words = "no longer names" if result.removed else "names"
    line = f"{result.dataset}@{result.tag} {words} {result.version or 'a version'}."
    return Document("Tag", (say(Mark(line, Tone.GOOD)),))


@document.register
def _(result: Transferred) -> Document:
    is_push = result.direction == "push"
    shared = f"Records {'sent' if is_push else 'fetched'} through git" if result.refs else ""
    lacking = f"{count(result.missing, 'file')} not on {result.remote or 'this machine'}" if result.missing else ""
    lines: list[Block] = [say(Mark(lacking, Tone.STALE))] if lacking else []
    runs = f"{count(result.runs, 'earlier result')} of stages, from the run-cache" if result.runs else ""
    lines += [say(line) for line in (shared, runs, result.note) if line]
    rows: list[tuple[Cell, ...]] = [(each.version, f"{each.files:,}") for each in result.lacking]
    lines += table(
        "Incomplete",
        "Version|Files not there",
        rows[:MOST_PATHS],
        more=len(rows[MOST_PATHS:]),
        numeric="Files not there",
    )
    return Document(result.direction.capitalize(), (_moved(result, is_push=is_push), *lines))


def _moved(result: Transferred, *, is_push: bool) -> Block:
    if not result.remote:
        return say(Mark("No remote to pull from", Tone.QUIET), "· add one:", Code("init --remote URL"))
    if result.files and result.dry_run:
        weight = f", {size(result.bytes)}" if result.bytes else ""
        return say(
            Mark(f"{count(result.files, 'file')}{weight} to {result.direction}", Tone.CHANGED), "·", result.remote
        )
    if result.files:
        return say(Mark(f"{count(result.files, 'file')}, {size(result.bytes)}", Tone.GOOD), "·", result.remote)
    rest = " else" if result.missing else ""
    return say(Mark(f"Everything{rest} is {'there' if is_push else 'here'} already", Tone.GOOD), "·", result.remote)


@document.register
def _(result: Imported) -> Document:
    head = f"{result.dataset} {label(result.version, result.digest)}"
    state = Mark("unchanged at its source", Tone.QUIET) if result.unchanged else Mark(head, Tone.GOOD)
    commit = result.git_commit[:7] if result.git_commit else ""
    rows = f"{result.rows_added:+,}" if result.rows_added else ""
    pairs = facts(
        ("Source", result.source),
        ("Query", Code(result.query) if result.query else ""),
        ("Version there", result.source_version),
        ("Changes", changes(result.added, result.modified, result.removed)),
        ("Rows", rows),
        ("Size", size(result.bytes)),
        ("Git commit", commit),
    )
    return Document("Import", (say(state, *([head] if result.unchanged else [])), *pairs))
