"""A run reproduced: each of its stages executed again on its recorded inputs, compared, and the causes named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import attrs

from jupyter_mlops.pipelines.reproduction.comparing import File, Files, Outputs, Predictions
from jupyter_mlops.pipelines.reproduction.differing import (
    DIFFERENT,
    NOT_EXECUTABLE,
    OutputDifference,
    Tolerance,
    verdict,
)
from jupyter_mlops.pipelines.reproduction.factors import Sighting
from jupyter_mlops.pipelines.reproduction.investigating import Findings, Investigation, Record
from jupyter_mlops.pipelines.reproduction.recorded import Pair, Revival
from jupyter_mlops.pipelines.reproduction.rerun import Attempt, Reruns
from jupyter_mlops.pipelines.reproduction.verdicts import StageVerdict
from jupyter_mlops.pipelines.stages.specs import StageSpec
from jupyter_mlops.pipelines.standing.pipeline import Pipeline
from jupyter_mlops.records import StageRecord
from jupyter_mlops.versioning.datasets import Datasets

GONE = "its bytes differ, and the recorded ones are kept no more"
FEW = 5


@attrs.frozen
class Choice:
    """How to reproduce.

    Attributes
    ----------
    tolerance
        How far numbers may be apart.
    causes
        Whether to look for the causes of what differs.
    predictions
        Compares models.
    is_fresh
        Whether it runs in an environment built from the lock: then no package has changed.
    """

    tolerance: Tolerance
    predictions: Predictions
    causes: bool = True
    is_fresh: bool = False


@attrs.frozen
class Reproduced:
    """What came of one stage."""

    verdict: StageVerdict
    differences: tuple[OutputDifference, ...]
    sightings: tuple[Sighting, ...]
    packages: Mapping[str, str]
    notes: tuple[str, ...] = ()


class Reproducing:
    """Reproduces the stages of one run, in a replica.

    Parameters
    ----------
    revival
        Brings back what the run had.
    pipeline
        That of the replica.
    reruns
        Executes there.
    choice
        How.
    """

    def __init__(self, revival: Revival, pipeline: Pipeline, reruns: Reruns, choice: Choice) -> None:
        self._revival = revival
        self._pipeline = pipeline
        self._reruns = reruns
        self._choice = choice

    def stage(self, recorded: StageRecord) -> Reproduced:
        """Execute one stage again, compare what it wrote, and look for the causes.

        Raises
        ------
        UsageError
            ``stage-gone``, ``code-gone``.
        EnvironmentFault
            ``data-let-go``, ``input-gone``.
        """
        stage = self._revival.stage(self._pipeline, recorded)
        self._revival.require_inputs(self._pipeline, recorded)
        attempt = self._reruns.run(stage, recorded.inputs, "executed again")
        where, digest = self._revival.surroundings, attempt.outcome.environment
        changed = {} if self._choice.is_fresh else where.packages(recorded, attempt.outcome.packages, digest)
        started = self._revival.record.started
        record = Record(recorded.inputs, started, changed, where.machine(recorded, digest))
        investigate = partial(Investigation, self._reruns, stage, record)
        if attempt.outcome.error:
            return self._failed(recorded, attempt, investigate)
        differences, outputs = self._differences(stage, recorded, attempt)
        state = verdict(differences)
        findings = Findings({})
        if state == DIFFERENT and self._choice.causes:
            findings = investigate(outputs, attempt.seconds).find(differences)
            differences = tuple(_explained(each, findings) for each in differences)
        return self._reproduced(
            recorded, attempt, state, differences, findings, (*findings.notes, *_told(changed, state))
        )

    def _failed(
        self, recorded: StageRecord, attempt: Attempt, investigate: Callable[[Outputs, float], Investigation]
    ) -> Reproduced:
        outcome = attempt.outcome
        findings = Findings({})
        if self._choice.causes:
            outputs = Outputs(self._choice.tolerance, self._choice.predictions)
            findings = investigate(outputs, attempt.seconds).explain_failure(outcome.error, outcome.cell)
        failed = OutputDifference(recorded.name, "failed", outcome.error, cell=outcome.cell)
        differences = (_explained(failed, findings),)
        return self._reproduced(recorded, attempt, NOT_EXECUTABLE, differences, findings)

    def _reproduced(  # noqa: PLR0913 - all that is known of one stage
        self,
        recorded: StageRecord,
        attempt: Attempt,
        state: str,
        differences: tuple[OutputDifference, ...],
        findings: Findings,
        notes: tuple[str, ...] = (),
    ) -> Reproduced:
        told = StageVerdict(
            recorded.name,
            state,
            round(attempt.seconds, 3),
            1 + findings.executions,
            dict(recorded.inputs),
            dict(recorded.outputs),
        )
        return Reproduced(told, differences, findings.sightings, attempt.outcome.packages, notes)

    def _differences(
        self, stage: StageSpec, recorded: StageRecord, attempt: Attempt
    ) -> tuple[tuple[OutputDifference, ...], Outputs]:
        """What differs from the record; outputs whose digest is the same are not even read."""
        home = self._revival.home
        others = {path: digest for path, digest in recorded.outputs.items() if attempt.digests.get(path) != digest}
        absent = [digest for digest in others.values() if not home.is_stored(digest)]
        if absent:
            self._revival.fetch(absent)
        before: dict[str, File] = {}
        gone = []
        notebook = stage.papermill.output if stage.papermill else None
        for path, digest in others.items():
            if home.is_stored(digest) and not home.tombstones.is_erased(digest):
                before |= _files(home, path, digest)
            elif path in attempt.digests:  # no executed notebook has the bytes of another: its cells would tell
                gone.append(OutputDifference(path, "file", GONE, within=path == notebook))
            else:
                gone.append(OutputDifference(path, "missing", "it was not written"))
        after = {name: file for name, file in attempt.files.items() if _belongs(name, others, gone)}
        outputs = self._outputs(stage)
        return (*outputs.compare(before, after), *gone), outputs

    def _outputs(self, stage: StageSpec) -> Outputs:
        notebook = stage.papermill.output if stage.papermill else None
        return Outputs(
            self._choice.tolerance,
            self._choice.predictions,
            {out.path: out.kind for out in stage.outs},
            frozenset(filter(None, (notebook,))),
            (str(self._reruns.root), str(self._revival.home.places.root)),
        )


def _files(datasets: Datasets, path: str, digest: str) -> Files:
    """The files of a recorded output, where they lie in the cache."""
    store = datasets.store
    return {
        f"{path}/{entry.path}" if entry.path else path: File(entry.md5, store.require(entry.md5))
        for entry in store.content(digest).entries
    }


def _belongs(name: str, others: Mapping[str, str], gone: list[OutputDifference]) -> bool:
    """Whether the file is of an output that has to be compared by its content."""
    lost = {each.output for each in gone}
    return any((name == path or name.startswith(f"{path}/")) and path not in lost for path in others)


def _explained(difference: OutputDifference, findings: Findings) -> OutputDifference:
    return attrs.evolve(difference, cause=", ".join(findings.causes.get(difference.place, ())))


def _told(changed: Mapping[str, Pair], state: str) -> tuple[str, ...]:
    """The packages that differ, in words, when the outputs do."""
    if state != DIFFERENT or not changed:
        return ()
    named = [f"{name} {before or 'absent'} → {after or 'absent'}" for name, (before, after) in changed.items()]
    more = f" and {len(named) - FEW} more" if len(named) > FEW else ""
    return (f"Not installed as it was: {', '.join(named[:FEW])}{more}.",)
