"""Verdicts: what re-executions found, kept in the shared ledger, and as statements that can be signed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import msgspec

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.pipelines.reproduction.differing import OutputDifference
from jupyter_mlops.pipelines.reproduction.factors import Sighting
from jupyter_mlops.records import Actor, Instant, VersionRecord, canonical_json
from jupyter_mlops.versioning.ledger import Ledger

KIND = "verdicts"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://jupyter-mlops.readthedocs.io/reproduction/v1"


@attrs.frozen
class StageVerdict:
    """What came of one stage; `state` as for the whole.

    Attributes
    ----------
    executions
        How often it was executed, the search for causes included.
    """

    name: str
    state: str
    seconds: float = 0.0
    executions: int = 1
    inputs: dict[str, str] = attrs.field(factory=dict)
    outputs: dict[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Verdict:
    """What the re-execution of a run found.

    Attributes
    ----------
    id
        Sorts by time.
    state
        ``identical``, ``within-tolerance``, ``different`` or ``not-executable``.
    tolerance
        How far numbers could be apart, absolutely or as a share.
    environment
        The digest of the lock from which a fresh environment was built; empty when it ran in the installed one.
    packages
        What was installed where it ran again.
    """

    id: str
    run: str
    state: str
    time: Instant
    author: Actor
    git_commit: str
    tolerance: float
    stages: tuple[StageVerdict, ...]
    differences: tuple[OutputDifference, ...] = ()
    evidence: tuple[Sighting, ...] = ()
    environment: str = ""
    packages: dict[str, str] = attrs.field(factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def causes(self) -> tuple[str, ...]:
        """The names of the causes, each once."""
        return tuple(dict.fromkeys(name for each in self.differences for name in filter(None, each.cause.split(", "))))

    @property
    def outputs(self) -> dict[str, str]:
        """What was to be made again, path to digest."""
        return {path: digest for stage in self.stages for path, digest in stage.outputs.items()}


@attrs.frozen
class Kept:
    """A verdict as it is kept; `statement` holds the bytes that `signature` signs."""

    verdict: Verdict
    statement: str
    signature: str = ""


class Verdicts:
    """The verdicts of one project.

    Parameters
    ----------
    ledger
        Keeps them.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def append(self, kept: Kept) -> None:
        """Keep a verdict, beside those of the same run."""
        verdict = kept.verdict
        self._ledger.append(KIND, f"{verdict.run}.{verdict.id}", msgspec.json.encode(kept), verdict.author)

    def of(self, run: str) -> tuple[Kept, ...]:
        """The verdicts on a run, newest first."""
        return tuple(self._decoded(data) for key, data in self._ledger.read(KIND) if key.startswith(f"{run}."))

    def by_run(self) -> Mapping[str, str]:
        """Run to the newest verdict on it."""
        return {verdict.run: verdict.state for verdict in sorted(self._all(), key=lambda verdict: verdict.id)}

    def by_output(self) -> Mapping[str, str]:
        """Digest of an output to the newest verdict on the stage that made it."""
        oldest_first = sorted(self._all(), key=lambda verdict: verdict.id)
        stages = (stage for verdict in oldest_first for stage in verdict.stages)
        return {digest: stage.state for stage in stages for digest in stage.outputs.values()}

    def _all(self) -> Iterator[Verdict]:
        yield from (self._decoded(data).verdict for _, data in self._ledger.read(KIND))

    @staticmethod
    def _decoded(data: bytes) -> Kept:
        try:
            return msgspec.json.decode(data, type=Kept)
        except msgspec.DecodeError as error:
            raise EnvironmentFault("record-corrupt", "A verdict is damaged.", context=str(error)) from error


def statement(verdict: Verdict, record: VersionRecord) -> str:
    """The verdict as an in-toto statement (v1): canonical JSON, equal verdicts give equal bytes.

    A digest whose name ends in ``Dir`` is that of DVC's listing of a folder.
    """
    predicate: dict[str, Any] = {
        "run": verdict.run,
        "verdict": verdict.state,
        "tolerance": verdict.tolerance,
        "time": verdict.time.isoformat(),
        "by": str(verdict.author),
        "executedAt": {"gitCommit": verdict.git_commit},
        "ranAt": record.started.isoformat(),
        "parameters": record.parameters,
        "materials": _subjects(_materials(verdict)),
        "environment": {"lock": verdict.environment, "packages": verdict.packages},
        "stages": [
            {"name": each.name, "verdict": each.state, "executions": each.executions} for each in verdict.stages
        ],
        "differences": msgspec.to_builtins(verdict.differences),
        "evidence": msgspec.to_builtins(verdict.evidence),
    }
    document = {
        "_type": STATEMENT,
        "subject": _subjects(verdict.outputs),
        "predicateType": PREDICATE,
        "predicate": predicate,
    }
    return canonical_json(document).decode()


def speaks_of(text: str, verdict: Verdict) -> bool:
    """Whether a statement says what `verdict` says, of the same run and the same outputs."""
    try:
        document = json.loads(text)
        predicate = document["predicate"]
        said = (predicate["run"], predicate["verdict"], predicate["tolerance"], document["subject"])
    except (ValueError, KeyError, TypeError):
        return False
    return said == (verdict.run, verdict.state, verdict.tolerance, _subjects(verdict.outputs))


def _subjects(contents: Mapping[str, str]) -> list[dict[str, Any]]:
    return [_subject(path, digest) for path, digest in sorted(contents.items())]


def _materials(verdict: Verdict) -> dict[str, str]:
    return {path: digest for stage in verdict.stages for path, digest in stage.inputs.items()}


def _subject(path: str, digest: str) -> dict[str, Any]:
    bare, is_folder = digest.removesuffix(".dir"), digest.endswith(".dir")
    return {"name": path, "digest": {"md5Dir" if is_folder else "md5": bare}}
