"""Renditions of reproductions: the verdict, what differs, why, and who signed."""

from __future__ import annotations

from jupyter_mlops.pipelines.reproduction.differing import OutputDifference
from jupyter_mlops.pipelines.reproduction.factors import Sighting
from jupyter_mlops.pipelines.reproduction.verdicts import StageVerdict
from jupyter_mlops.rendering.blocks import Block, Cell, Code, Document, Mark, Strong, Tone, facts, say, table
from jupyter_mlops.rendering.generic import document, state
from jupyter_mlops.rendering.units import count, duration
from jupyter_mlops.verbs.reproduction import Reproduction

MOST = 50
REMEDIES = {
    "unset seed": "Set a seed where numbers are drawn: random.seed(1), numpy.random.default_rng(1), random_state=1.",
    "clock": "Take the time as a parameter, or keep it out of the outputs.",
    "set order": "Sort what comes out of a set before it is used: sorted(names).",
    "threads": "Gather results in the order of the work, not of its end; or limit threads: OMP_NUM_THREADS=1.",
    "network": "Import what comes over the network as data (import URL PATH), and let the stage read that.",
    "undeclared input": "Declare what the notebook reads: stage add NAME NOTEBOOK -d PATH --force; commit it first.",
    "changed package": "reproduce --fresh-env runs it in the environment that was recorded.",
    "another machine": "Run it on a machine like the recorded one; the record tells which.",
}
SIGNATURES = {
    "signed": Tone.GOOD,
    "trusted": Tone.GOOD,
    "valid": Tone.STALE,
    "invalid": Tone.BAD,
    "missing": Tone.BAD,
}
SAID = {
    "identical": "Every output is the same.",
    "within-tolerance": "Every output is the same within what was allowed.",
}


@document.register
def _(result: Reproduction) -> Document:
    title = f"Reproduce run #{result.number}"
    if not result.verdict:
        rows: list[tuple[Cell, ...]] = [
            (Strong(each.name), str(len(each.inputs)), ", ".join(each.outputs)) for each in result.stages
        ]
        return Document(title, table("Would be executed again", "Stage|Inputs|Compared", rows, numeric="Inputs"))
    head = Mark(result.gate, Tone.BAD) if result.gate else Mark(SAID.get(result.verdict, result.verdict), Tone.GOOD)
    blocks: list[Block] = [say(head)]
    blocks += table(
        "Pipeline stages",
        "Stage|Verdict|Time|Executions",
        [_stage(each) for each in result.stages],
        numeric="Time|Executions",
    )
    blocks += _differences(result.differences)
    blocks += table("What the code does", "Stage|Cause|Used|Cell|Line", [_evidence(each) for each in result.evidence])
    blocks += [say(Mark(note, Tone.STALE)) for note in result.notes]
    blocks += [say(Strong(name), REMEDIES[name]) for name in _causes(result.differences) if name in REMEDIES]
    return Document(title, (*blocks, *_proof(result)))


def _stage(each: StageVerdict) -> tuple[Cell, ...]:
    return (Strong(each.name), state(each.state), duration(each.seconds), str(each.executions))


def _differences(differences: tuple[OutputDifference, ...]) -> tuple[Block, ...]:
    rows: list[tuple[Cell, ...]] = [
        (
            each.output,
            f"cell {each.cell}" if each.cell else "",
            each.kind.replace("-", " "),
            Mark(each.detail, Tone.QUIET if each.within else Tone.BAD),
            each.before,
            each.after,
            each.cause,
        )
        for each in differences[:MOST]
    ]
    return table("What differs", "Output|Where|Kind|How|Before|After|Cause", rows, more=len(differences) - len(rows))


def _causes(differences: tuple[OutputDifference, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for each in differences for name in each.cause.split(", ") if name))


def _evidence(each: Sighting) -> tuple[Cell, ...]:
    return (each.stage, each.factor, Code(each.what), f"{each.cell}" if each.cell else "", str(each.line))


def _proof(result: Reproduction) -> tuple[Block, ...]:
    """The environment it ran in, and whose word it is."""
    signature = Mark(result.signature, SIGNATURES.get(result.signature, Tone.QUIET))
    return facts(
        ("Tolerance", f"{result.tolerance:g}" if result.tolerance else ""),
        ("Environment", f"built from the lock {result.environment[:12]}" if result.environment else "as installed"),
        ("Signature", signature),
        ("Signer", result.signer),
        ("Executions", count(sum(each.executions for each in result.stages), "execution")),
    )
