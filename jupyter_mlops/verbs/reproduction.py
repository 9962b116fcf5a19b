"""Pipelines: a run executed again, compared with its record, and the verdict on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import attrs
import msgspec

from jupyter_mlops.errors import UnknownReference
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.pipelines.records.runs import NumberedRun
from jupyter_mlops.pipelines.reproduction.differing import (
    DIFFERENT,
    IDENTICAL,
    NOT_EXECUTABLE,
    WITHIN,
    OutputDifference,
)
from jupyter_mlops.pipelines.reproduction.factors import Sighting
from jupyter_mlops.pipelines.reproduction.verdicts import Kept, StageVerdict, Verdict, speaks_of, statement
from jupyter_mlops.project import Project
from jupyter_mlops.records import new_id, now
from jupyter_mlops.trust.identity import require_known
from jupyter_mlops.trust.signing import check, require_key
from jupyter_mlops.trust.signing import sign as signed
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb
from jupyter_mlops.verbs.makers import chosen, maker

ORDER = (NOT_EXECUTABLE, DIFFERENT, WITHIN, IDENTICAL)
"""The verdict on a whole run is the worst of its stages."""
Tolerated = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]


@attrs.frozen
class Reproduction:
    """The verdict on a run.

    Attributes
    ----------
    reference, run, number
        What was asked for, and the run that made it.
    verdict
        ``identical``, ``within-tolerance``, ``different`` or ``not-executable``; empty for a dry run.
    evidence
        What code of the stages did that explains the differences.
    environment
        The digest of the lock of the fresh environment; empty for the installed one.
    attestation
        The verdict as an in-toto statement, canonical JSON.
    signature
        ``unsigned`` or ``signed``; of a verdict that was looked up ``trusted``, ``valid`` (by a key of which git's list
        of allowed signers does not tell whose it is), ``invalid`` or ``missing``.
    signer
        Whose signature it is, with the fingerprint of the key.
    """

    reference: str
    run: str
    number: int
    verdict: str
    stages: tuple[StageVerdict, ...]
    differences: tuple[OutputDifference, ...] = ()
    evidence: tuple[Sighting, ...] = ()
    tolerance: float = 0.0
    environment: str = ""
    notes: tuple[str, ...] = ()
    attestation: str = ""
    signature: str = "unsigned"
    signer: str = ""

    @property
    def gate(self) -> str | None:
        """Why it is no reproduction, or its signature no good."""
        if self.signature == "invalid":
            return f"The verdict on run #{self.number} is not what was signed."
        if self.signature == "missing":
            return f"The verdict on run #{self.number} is not signed."
        if self.verdict not in (DIFFERENT, NOT_EXECUTABLE):
            return None
        first = next((each for each in self.differences if not each.within), None)
        what = "could not be executed again" if self.verdict == NOT_EXECUTABLE else "is not reproduced"
        cell = f" in cell {first.cell}" if first and first.cell else ""
        told = f": {first.output}{cell}: {first.detail}" if first else ""
        cause = f" (cause: {first.cause})" if first and first.cause else ""
        return f"Run #{self.number} {what}{told}{cause}"


@verb(Group.PIPELINES, Action.RUN, stops=True, signs=True)
def reproduce(
    call: Call,
    reference: Annotated[str, Option(names=Names.REFERENCE)],
    *,
    fresh_env: bool = False,
    tolerance: Tolerated = 0.0,
    stages: Annotated[tuple[str, ...], Option(comma=True, names=Names.STAGE)] = (),
    sample: Count = 0,
    causes: bool = True,
    sign: bool = False,
    verify: bool = False,
    dry_run: bool = False,
) -> Reproduction:
    """Execute a run again in a clean checkout, compare every output, and name the cause of what differs.

    Nothing of the working tree changes, and the run-cache serves nothing. What differs is executed a few more times,
    with seeds, clock, set order and threads held still, one let go at a time.

    Parameters
    ----------
    reference
        A run (``run:18``), a version that a run made (``model@v2``, ``data@v3``), or a stage: its last run.
    fresh_env
        In a fresh environment, built from what the run recorded.
    tolerance
        How far numbers may be apart, absolutely or as a share: ``1e-6``.
    stages
        Only these stages of the run.
    sample
        Only so many stages, chosen by the run and the commit; 0 for all.
    causes
        Look for the causes of what differs.
    sign
        Sign the verdict with the SSH key of git.
    verify
        Execute nothing: show the last verdict, and check its signature.
    dry_run
        Say what would be executed; execute nothing.
    """
    from jupyter_mlops.verbs.reruns import executed_again

    run, names = maker(call, reference)
    if verify:
        return _last(call, reference, run)
    recorded = chosen(call.project, run, names, stages, sample)
    if dry_run:
        told = tuple(StageVerdict(one.name, "", 0, 0, dict(one.inputs), dict(one.outputs)) for one in recorded)
        return Reproduction(reference, run.record.run, run.number, "", told, tolerance=tolerance)
    who = require_known(call.actor)
    key = _setting(call.project, "user.signingkey") if sign else ""
    if sign:
        require_key(key)
    found, commit, environment = executed_again(call, run, recorded, tolerance, causes=causes, fresh_env=fresh_env)
    verdict = Verdict(
        id=new_id("verdict"),
        run=run.record.run,
        state=next(word for word in ORDER if any(each.verdict.state == word for each in found)),
        time=now(),
        author=who,
        git_commit=commit,
        tolerance=tolerance,
        stages=tuple(each.verdict for each in found),
        differences=tuple(_without_values(one) for each in found for one in each.differences),
        evidence=tuple(one for each in found for one in each.sightings),
        environment=environment,
        packages={name: version for each in found for name, version in each.packages.items()},
        notes=tuple(dict.fromkeys(note for each in found for note in each.notes)),
    )
    text = statement(verdict, run.record)
    signature = signed(text.encode(), key) if sign else ""
    kept = Kept(verdict, text, signature)
    call.project.verdicts.append(kept)
    shown = _shown(reference, run, kept, "signed" if signature else "unsigned")
    return attrs.evolve(shown, differences=tuple(one for each in found for one in each.differences))


def _without_values(difference: OutputDifference) -> OutputDifference:
    """As a record may hold it: verdicts are shared, and outputs may hold personal data."""
    return attrs.evolve(difference, before="", after="")


def _shown(reference: str, run: NumberedRun, kept: Kept, signature: str, signer: str = "") -> Reproduction:
    verdict = kept.verdict
    return Reproduction(
        reference=reference,
        run=run.record.run,
        number=run.number,
        verdict=verdict.state,
        stages=verdict.stages,
        differences=verdict.differences,
        evidence=verdict.evidence,
        tolerance=verdict.tolerance,
        environment=verdict.environment,
        notes=verdict.notes,
        attestation=kept.statement,
        signature=signature,
        signer=signer,
    )


def _last(call: Call, reference: str, run: NumberedRun) -> Reproduction:
    """The last verdict on the run, its signature checked.

    Raises
    ------
    UnknownReference
        ``no-verdict``.
    """
    kept = next(iter(call.project.verdicts.of(run.record.run)), None)
    if kept is None:
        hint = f"reproduce {reference} makes one; fetch brings those of colleagues."
        raise UnknownReference("no-verdict", f"There is no verdict on run #{run.number}.", hint=hint)
    if not kept.signature:
        return _shown(reference, run, kept, "missing")
    found = check(kept.statement.encode(), kept.signature, _allowed_signers(call.project))
    if not speaks_of(kept.statement, kept.verdict):
        return _shown(reference, run, kept, "invalid")
    return _shown(reference, run, kept, found.state, " ".join(filter(None, (found.signer, found.fingerprint))))


def _setting(project: Project, name: str) -> str:
    """A setting of git, of the user or of this repository; empty when it is not set."""
    return project.git.run("config", "--default", "", "--get", name).strip()


def _allowed_signers(project: Project) -> Path | None:
    """The list of allowed signers that git is told of, when it is there."""
    name = _setting(project, "gpg.ssh.allowedSignersFile")
    path = project.root / Path(name).expanduser()
    return path if name and path.is_file() else None
