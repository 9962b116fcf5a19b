"""Renditions of pipelines: stages, run reports, runs, the report of CI."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import unified_diff
from types import MappingProxyType
from typing import TYPE_CHECKING

from jupyter_mlops.pipelines.cluster.uncommitted import commit_line
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
from jupyter_mlops.rendering.generic import document, state
from jupyter_mlops.rendering.units import duration, moment, scalar

if TYPE_CHECKING:
    from jupyter_mlops.pipelines.records.contrasts import CodeChange, Contrast
    from jupyter_mlops.verbs.checks import CiReport
    from jupyter_mlops.verbs.environments import EnvironmentLock
    from jupyter_mlops.verbs.exports import Exported
    from jupyter_mlops.verbs.run_reports import RunReport, StageFiles, StageRun
    from jupyter_mlops.verbs.runs import Runs, RunSummary
    from jupyter_mlops.verbs.stages import Stages
    from jupyter_mlops.verbs.trials import StageProposal

DIGESTS = frozenset({"data", "code", "commit"})
SHOWN = 7
WOULD = {"ran": "would-run", "restored": "would-be-restored"}
"""Of a run that was only looked at, which has no name."""


@document.register
def _(result: Stages) -> Document:
    rows: list[tuple[Cell, ...]] = [
        (
            each.name,
            each.notebook or Code(each.command),
            ", ".join(each.deps),
            ", ".join(each.outs),
            ", ".join(each.metrics),
        )
        for each in result.stages
    ]
    empty = () if rows else (say("No stages. Type", Code("%mlops stage add NAME NOTEBOOK")),)
    blocks = table("In the order in which they run", "Stage|Notebook|Reads|Writes|Metrics", rows)
    blind = [each.name for each in result.stages if each.notebook and set(each.deps) <= {each.notebook}]
    words = (
        "no input is named, so no change of data makes it stale. Name inputs by -d, outputs by -o; --force replaces."
    )
    note = (say(Mark(f"{', '.join(blind)}: {words}", Tone.STALE)),) if blind else ()
    return Document("Pipeline stages", (*blocks, *empty, *note, *_proposed(result.proposal)))


@document.register
def _(result: RunReport) -> Document:
    if not result.run and any(each.state == "ran" for each in result.stages):
        return Document("What would run", stage_runs(result.stages, words=WOULD))
    head = Mark(result.gate, Tone.BAD) if result.gate else Mark(_outcome(result.stages), Tone.GOOD)
    blocks: list[Block] = [say(head), *stage_runs(result.stages)]
    blocks += facts(*((key, scalar(value)) for key, value in result.metrics.items()), caption="Metrics")
    blocks += [say("git commit", Code(result.git_commit[:7]))] if result.git_commit else []
    if result.note:
        blocks.append(say(result.note))
    if result.untracked:
        lacking = f"No commit holds {', '.join(result.untracked)}: a clone would lack it. In a terminal:"
        line = commit_line(result.untracked, "code of the pipeline")
        blocks.append(say(Mark(lacking, Tone.STALE), Code(line)))
    blocks += _undeclared(result.undeclared)
    blocks += _proposed(result.proposal)
    return Document(f"Run #{result.number}" if result.number else "Run", tuple(blocks))


def _undeclared(heard: tuple[StageFiles, ...]) -> list[Block]:
    """What stages do besides what they declare, and the line that declares it."""
    quiet = [each.stage for each in heard if not (each.line or each.unsure or each.outside)]
    blocks: list[Block] = []
    if quiet:
        verb = "declares" if len(quiet) == 1 else "declare"
        blocks.append(say(Mark(f"{', '.join(quiet)} {verb} all that was read and written.", Tone.GOOD)))
    for each in heard:
        both = (("reads", each.reads), ("writes", each.writes))
        if deeds := " and ".join(f"{word} {', '.join(paths)}" for word, paths in both if paths):
            words = f"{each.stage} {deeds}, which it does not declare:"
            blocks.append(say(Mark(words, Tone.STALE), Code(f"%mlops {each.line}")))
        if each.unsure:
            words = f"{each.stage}, or what ran beside it, opened {', '.join(each.unsure)}. Alone it tells:"
            blocks.append(say(Mark(words, Tone.STALE), Code(f"%mlops run {each.stage} --force --capture")))
        for place in each.outside:
            words = f"{each.stage} uses {place}, outside the project, where no change is seen: import brings it in."
            blocks.append(say(Mark(words, Tone.STALE)))
    return blocks


def _proposed(proposal: StageProposal | None) -> list[Block]:
    """What a notebook could be as a stage, or became."""
    if proposal is None:
        return []
    done = f"It is the pipeline stage {proposal.name} now." if proposal.is_made else "As a pipeline stage it would be:"
    line = () if proposal.is_made else (Code(f"%mlops {proposal.line}"),)
    return [say(done, *line), *(say(Mark(note, Tone.STALE)) for note in proposal.notes)]


def _outcome(stages: tuple[StageRun, ...]) -> str:
    ran = sum(each.state == "ran" for each in stages)
    took = duration(sum(each.seconds for each in stages))
    return f"{ran} of {len(stages)} pipeline stages ran in {took}." if ran else "All pipeline stages are up to date."


def stage_runs(stages: tuple[StageRun, ...], words: Mapping[str, str] = MappingProxyType({})) -> tuple[Block, ...]:
    """One row a stage, with the failed cell and where the executed notebook is."""
    rows: list[tuple[Cell, ...]] = [
        (
            each.name,
            state(words.get(each.state, each.state)),
            duration(each.seconds) if each.seconds else "",
            _why(each),
            each.notebook or "",
        )
        for each in stages
    ]
    return table("Pipeline stages", "Stage|State|Time|Why|Executed notebook", rows, numeric="Time")


def _why(each: StageRun) -> str:
    why = f"cell {each.cell}: {each.error}" if each.cell is not None else each.error or each.reason
    return f"{why} (on {each.host})" if each.host else why


@document.register
def _(result: Runs) -> Document:
    if not result.runs:
        words = (
            "No pipeline stages yet, so no runs." if result.start.startswith("stage add") else "Nothing was run yet."
        )
        return Document("Runs", (say(words, "Type", Code(f"%mlops {result.start or 'run'}")),))
    metrics = list(dict.fromkeys(name for each in result.runs for name in each.metrics))[:6]
    columns = ["Run", "State", "Started", "Time", "Stages", *metrics, "Author", "Commit", "Reproduced"]
    rows = [_run_row(each, metrics) for each in result.runs]
    is_wide = len(result.runs) > 2 and all(len(each.values) == len(result.runs) for each in result.compared)
    names = [f"#{each.number}" for each in result.runs] if is_wide else ["Before", "After"]
    compared: list[tuple[Cell, ...]] = [
        (
            each.kind,
            each.name,
            *(_side(each, value) for value in (each.values if is_wide else (each.before, each.after))),
        )
        for each in result.compared
    ]
    blocks = table("Before, after" if compared else "Newest first", columns, rows, numeric=["Time", *metrics])
    contrast: list[Block] = [*table("What differs", ["Kind", "Name", *names], compared)]
    contrast += map(_cell_change, result.cells)
    more = (say("Older runs:", Code(f"--cursor {result.next_cursor}")),) if result.next_cursor else ()
    return Document("Runs", (*contrast, *blocks, *more))


def _cell_change(each: CodeChange) -> Section:
    """The lines of a cell that differ, with a few around them."""
    lines = unified_diff(each.before.splitlines(), each.after.splitlines(), lineterm="", n=2)
    kept = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
    title = f"{each.notebook}, cell {each.cell}, {each.kind}"
    return Section(title, (Listing(title, "\n".join(kept)),))


def _side(each: Contrast, value: object) -> str:
    """One side of a difference; of a digest or a commit so much as tells them apart."""
    return str(value)[:SHOWN] if each.kind in DIGESTS and value else scalar(value)


def _run_row(each: RunSummary, metrics: list[str]) -> tuple[Cell, ...]:
    commit = f"{each.git_commit[:7]}{' + changes' if each.dirty else ''}" if each.git_commit else ""
    values = [scalar(each.metrics[name]) if name in each.metrics else "" for name in metrics]
    stages = ", ".join(stage.name for stage in each.stages if stage.state != "up-to-date")
    if "trial" in each.labels:
        stages = f"{stages} (trial {each.labels['trial']})"
    started = moment(each.started)
    return (
        Strong(f"#{each.number}"),
        state(each.state),
        started,
        duration(each.seconds),
        stages,
        *values,
        each.author,
        commit,
        state(each.verdict) if each.verdict else "",
    )


@document.register
def _(result: RunSummary) -> Document:
    blocks: list[Block] = [say(state(result.state), moment(result.started), duration(result.seconds))]
    blocks += stage_runs(result.stages)
    for caption, values in (("Parameters", result.parameters), ("Metrics", result.metrics)):
        blocks += facts(*((key, scalar(value)) for key, value in values.items()), caption=caption)
    blocks += facts(
        ("Commit", Code(result.git_commit or "")),
        ("Not committed", Code(result.patch or "")),
        ("Not kept", "; ".join(result.unkept)),
        ("Declared by", ", ".join(result.declared)),
        ("Environment", Code(f"%mlops environment run:{result.number}") if result.environments else ""),
        ("Executed again", state(result.verdict) if result.verdict else ""),
        caption="Ran with",
    )
    blocks += facts(*((key, scalar(value)) for key, value in result.seeds.items()), caption="Seeds")
    for caption, digests in (("Inputs", result.inputs), ("Outputs", result.outputs)):
        blocks += facts(*((key, Code(digest)) for key, digest in digests.items()), caption=caption)
    return Document(f"Run #{result.number}", tuple(blocks))


@document.register
def _(result: EnvironmentLock) -> Document:
    title = f"Environment of {result.reference}"
    if result.verbatim:
        return Document(title, (Listing("File", result.verbatim),))
    rows: list[tuple[Cell, ...]] = [(each.name, each.version, each.source, each.hash[:20]) for each in result.packages]
    blocks: list[Block] = [
        *facts(
            ("Interpreter", result.interpreter),
            ("Machine", result.machine),
            ("Processors", str(result.cpus)),
            ("Language", result.locale),
            ("Time zone", result.timezone),
            ("Declared by", ", ".join(result.declared)),
            ("Stages", ", ".join(result.stages)),
        ),
        *facts(*result.variables.items(), caption="Variables"),
        *table("Installed packages", "Package|Version|From|Hash", rows),
        say("A fresh build:", Code(f"%mlops environment {result.reference} --requirements")),
    ]
    return Document(title, tuple(blocks))


@document.register
def _(result: CiReport) -> Document:
    head = Mark(result.failures[0], Tone.BAD) if result.failures else Mark("The check is green.", Tone.GOOD)
    metrics: list[tuple[Cell, ...]] = [(each.name, scalar(each.before), scalar(each.after)) for each in result.metrics]
    drifted: list[tuple[Cell, ...]] = [
        (name, Mark("drifted", Tone.STALE) if moved else Mark("steady", Tone.GOOD))
        for name, moved in result.drifted.items()
    ]
    others = tuple(say(Mark(each, Tone.BAD)) for each in result.failures[1:])
    notes = tuple(say(Mark(each, Tone.STALE)) for each in result.notes)
    return Document(
        "CI",
        (
            say(head),
            *others,
            *notes,
            *stage_runs(result.stages),
            *table("Metrics", "Metric|Before|After", metrics, numeric="Before|After"),
            *table("Drift", "Dataset|State", drifted),
            *((say("To see it on your machine:", Code(result.opening)),) if result.opening else ()),
            *facts(
                ("Summary", result.summary_file),
                ("JUnit", result.junit_file),
                ("Notebooks", ", ".join(result.notebooks)),
                ("dvc.lock", f"on the branch {result.lock_branch}" if result.lock_branch else ""),
            ),
        ),
    )


@document.register
def _(result: Exported) -> Document:
    lacking = tuple(say(Mark(f"Its tasks need {need}", Tone.STALE)) for need in result.needs)
    head = say(f"{len(result.tasks)} tasks in", Code(result.file))
    return Document("Export", (head, *lacking, Listing(f"The workflow for {result.engine}", result.text)))
