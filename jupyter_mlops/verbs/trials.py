"""A notebook run once under capture, and the stage that is proposed from it: what `run` and `stage add` share."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.records import Scalar
from jupyter_mlops.trust.identity import require_known
from jupyter_mlops.verbs.declaration import Call

if TYPE_CHECKING:
    from jupyter_mlops.pipelines.authoring.adoption import Adopted
    from jupyter_mlops.pipelines.authoring.draft import Draft
    from jupyter_mlops.pipelines.authoring.proposing import Proposal
    from jupyter_mlops.pipelines.running.planning import Plan
    from jupyter_mlops.pipelines.running.runner import Finished

MOST_METRICS_BYTES = 1 << 20


@attrs.frozen
class StageProposal:
    """The stage that a notebook which ran by itself could be.

    Attributes
    ----------
    notes
        What was left out, and why.
    line
        What makes it one.
    is_made
        Whether it was made one.
    """

    name: str
    notebook: str
    parameters: dict[str, Scalar | list[Scalar]]
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    metrics: tuple[str, ...]
    notes: tuple[str, ...]
    line: str
    is_made: bool = False

    @property
    def question(self) -> str:
        """What to ask before it is made one."""
        reads = ", ".join(self.deps) or "nothing"
        writes = ", ".join((*self.outs, *self.metrics)) or "nothing"
        return f"Make {self.notebook} the pipeline stage {self.name}? It reads {reads} and writes {writes}."


@attrs.frozen
class Trial:
    """One run of a notebook that is no stage.

    Attributes
    ----------
    source
        The bytes of the notebook before it ran.
    """

    call: Call
    notebook: str
    source: bytes
    done: Finished

    def proposal(self, named: Draft) -> Proposal:
        """The stage that it could be, with what the user `named`."""
        from jupyter_mlops.pipelines.authoring.proposing import propose
        from jupyter_mlops.pipelines.capturing.capture import Captured
        from jupyter_mlops.pipelines.stages.notebooks import Notebook

        project = self.call.project
        captured = next(iter(self.done.captured.values()), Captured())
        tracked = frozenset(path for path in captured.writes if project.git.is_tracked(path))
        metrics = {path for path in captured.writes if self._holds_metrics(path)}
        notebook = Notebook.parse(self.notebook, self.source)
        return propose(named, notebook, captured, metrics=metrics, tracked=tracked)

    def record(self, name: str, *, git: bool) -> Adopted:
        """Record it as the run of the stage `name`, which is there by now.

        Raises
        ------
        UsageError
            ``not-adopted``.
        """
        from jupyter_mlops.pipelines.authoring.adoption import Adoption, Done, not_adopted

        project, record, (stage,) = self.call.project, self.done.record, self.done.stages
        assert record is not None  # noqa: S101  # a notebook ran
        assert stage.notebook is not None  # noqa: S101  # and was kept
        if (project.root / self.notebook).read_bytes() != self.source:
            raise not_adopted(name, f"{self.notebook} changed while it ran")
        executed = (project.root / stage.notebook).read_bytes()
        since_s, reason = record.started.timestamp(), f"as {self.notebook} ran by itself"
        adoption = Adoption(project.pipeline, project.runs, project.git, require_known(self.call.actor))
        done = Done(self.source, executed, since_s, stage.seconds, reason, record.packages, stage.environment)
        return adoption.record(name, done, self.call.progress, git=git)

    def _holds_metrics(self, path: str) -> bool:
        """Whether a file holds named numbers and nothing longer."""
        from jupyter_mlops.pipelines.stages.yaml_files import load
        from jupyter_mlops.pipelines.standing.pipeline import flattened

        place = self.call.project.root / path
        if place.suffix != ".json" or place.stat().st_size > MOST_METRICS_BYTES:
            return False
        try:
            found = dict(flattened(load(place), lists=True))
        except UsageError:
            return False
        return bool(found) and all(isinstance(value, int | float) for value in found.values())


def attempt(call: Call, draft: Draft, *, git: bool) -> Trial:
    """Run the notebook of `draft`, which is no stage yet, once under capture.

    Raises
    ------
    UsageError
        ``trial-failed``, with the cell.
    """
    from jupyter_mlops.pipelines.running.choice import Choice
    from jupyter_mlops.pipelines.running.planning import alone
    from jupyter_mlops.verbs.run_reports import first_failure, stage_runs
    from jupyter_mlops.verbs.running import runner_of

    project = call.project
    source = (project.root / draft.notebook).read_bytes()
    command = draft.command

    def prepare() -> Plan:
        return alone(project.pipeline, command.notebook, command.parameters, command.files)

    done = runner_of(call).run(prepare, call.progress, Choice(git=git))
    trial = Trial(call, draft.notebook, source, done)
    if failure := first_failure(stage_runs(done.stages)):
        raise UsageError("trial-failed", failure, hint=f"{done.stages[0].notebook} holds the error.")
    return trial


def shown(proposal: Proposal, *, is_made: bool = False) -> StageProposal:
    """A proposal as the verbs show it."""
    from jupyter_mlops.verbs import find
    from jupyter_mlops.verbs.lines import line

    draft = proposal.draft
    values = dict(draft.parameters)
    named = {"dep": draft.deps, "out": draft.outs, "metrics": draft.metrics}
    arguments = {"name": draft.name, "notebook": draft.notebook, "parameters": values, **named}
    words = line(find("stage add"), arguments)
    return StageProposal(
        draft.name, draft.notebook, values, draft.deps, draft.outs, draft.metrics, proposal.notes, words, is_made
    )


def free_name(call: Call, notebook: str) -> str:
    """A name for the stage of `notebook` that no stage has yet."""
    from jupyter_mlops.pipelines.stages.key_stages import GROUP

    stem = PurePosixPath(notebook).stem
    base = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_") or "notebook"
    taken = {*call.project.pipeline.graph().by_name, GROUP}
    names = (base, *(f"{base}{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def make(call: Call, trial: Trial, draft: Draft, *, git: bool, force: bool = False) -> Adopted:
    """Write the stage `draft`, and record `trial` as its run."""
    from jupyter_mlops.pipelines.authoring.writing import Authoring
    from jupyter_mlops.pipelines.cluster.uncommitted import untracked

    project = call.project
    authoring = Authoring(project.pipeline, project.git)
    authoring.check(draft, force=force)
    written = (*authoring.add(draft), *untracked(project.git, [draft.notebook]))
    if git:
        project.git.commit_only(written, f"stage: add {draft.name}", require_known(call.actor))
    return trial.record(draft.name, git=git)
