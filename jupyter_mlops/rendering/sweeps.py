"""Renditions of sweeps: the leaderboard, what matters, and where the trials lie."""

from __future__ import annotations

import math

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.sweeps.boards import Sweep, Trial
from jupyter_mlops.pipelines.sweeps.space import Domain, Range, parse_all
from jupyter_mlops.rendering.blocks import (
    Axis,
    Block,
    Cell,
    Code,
    Document,
    Mark,
    Parallel,
    Section,
    Share,
    Strand,
    Strong,
    Tone,
    facts,
    say,
    table,
)
from jupyter_mlops.rendering.coordinates import scaled
from jupyter_mlops.rendering.generic import document, state
from jupyter_mlops.rendering.units import count, duration, number, scalar
from jupyter_mlops.verbs.sweeps import Sweeps

MOST_ROWS = 30
MOST_STRANDS = 200


@document.register
def _(result: Sweeps) -> Document:
    if not result.sweeps:
        line = Code('%mlops sweep STAGE -s "C=log(1e-3,10)" --metric auc --maximize')
        return Document("Sweeps", (say("Nothing was swept yet. Type", line),))
    if len(result.sweeps) == 1:
        return document(result.sweeps[0])
    sections = tuple(Section(_title(each), blocks(each), folded=place > 0) for place, each in enumerate(result.sweeps))
    return Document("Sweeps", sections)


@document.register
def _(result: Sweep) -> Document:
    return Document(_title(result), blocks(result))


def _title(result: Sweep) -> str:
    return f"Sweep #{result.number} of {result.stage}" if result.number else f"Sweep of {result.stage}"


def blocks(result: Sweep) -> tuple[Block, ...]:
    """All there is to see of one sweep."""
    ended = count(len(result.trials), "trial")
    most = "greatest" if result.maximize else "least"
    head: list[Block] = [say(state(result.state), f"{ended} of {result.planned}, the {most} {result.metric} is best.")]
    head += [say(Mark(result.gate, Tone.BAD))] if result.gate else []
    head += [say(Mark(note, Tone.STALE)) for note in result.notes]
    head += [say(Mark(f"Trial {result.applied} is in params.yaml.", Tone.GOOD))] if result.applied is not None else []
    shares = tuple((name, Share(100 * part)) for name, part in result.importance.items())
    ranges = tuple((name, Code(text)) for name, text in result.space.items())
    drawn = coordinates(result)
    return (
        *head,
        *_leaderboard(result),
        *((drawn,) if drawn else ()),
        *facts(*shares, caption=f"What matters to {result.metric}"),
        *facts(*ranges, ("Sampler", f"{result.sampler}, seed {result.seed}"), caption="What is tried"),
        *(say("Next:", Code(f"%mlops {line}")) for line in result.next),
    )


def _leaderboard(result: Sweep) -> tuple[Block, ...]:
    names = list(result.space)
    shown = result.trials[:MOST_ROWS]
    rows = [_row(place, each, names) for place, each in enumerate(shown, 1)]
    columns = ["", "Trial", result.metric, *names, "State", "Time", "Run", "Why"]
    more = len(result.trials) - len(shown)
    return table("The best first", columns, rows, numeric=["", "Trial", result.metric, "Time"], more=more)


def _row(place: int, each: Trial, names: list[str]) -> tuple[Cell, ...]:
    why = f"{each.error} {f'({each.notebook})' if each.notebook else ''}".strip()
    value = "" if each.value is None else number(each.value)
    return (
        str(place),
        Strong(str(each.trial)),
        value,
        *(scalar(each.parameters.get(name)) for name in names),
        state(each.state),
        duration(each.seconds),
        f"#{each.number}" if each.number else "",
        why,
    )


def coordinates(result: Sweep) -> Parallel | None:
    """The trials as lines through the parameters to the metric; None when fewer than two can be drawn."""
    try:
        space = parse_all(result.space)
    except UsageError:
        return None
    drawn = [(each, places) for each in result.trials if (places := _places(each, space)) is not None][:MOST_STRANDS]
    if len(drawn) < 2:
        return None
    values = [each.value or 0.0 for each, _ in drawn]
    heights = scaled(values)
    strands = tuple(
        Strand(
            f"Trial {each.trial}: {result.metric} {number(value)}",
            (*places, height),
            height if result.maximize else 1 - height,
            is_best=bool(result.best) and each.trial == result.best.trial,  # type: ignore[union-attr]
        )
        for (each, places), value, height in zip(drawn, values, heights, strict=True)
    )
    last = Axis(result.metric, ((0.0, number(min(values))), (1.0, number(max(values)))))
    axes = (*(Axis(name, _marks(domain)) for name, domain in space.items()), last)
    return Parallel(f"Trials by parameters and {result.metric}", axes, strands)


def _places(trial: Trial, space: dict[str, Domain]) -> tuple[float, ...] | None:
    """Where a trial meets each axis; None for one that has no value, or a parameter that is in no range."""
    if trial.value is None or not math.isfinite(trial.value):
        return None
    found = [place_of(domain, trial.parameters.get(name)) for name, domain in space.items()]
    known = tuple(place for place in found if place is not None)
    return known if len(known) == len(found) else None


def place_of(domain: Domain, value: object) -> float | None:
    """Where `value` lies in `domain`: 0 at its least, 1 at its greatest."""
    if not isinstance(domain, Range):
        place = domain.values.index(value) if value in domain.values else None
        return None if place is None else place / max(len(domain.values) - 1, 1)
    if isinstance(value, bool) or not isinstance(value, int | float) or (domain.is_log and value <= 0):
        return None
    low, high, at = (math.log(part) if domain.is_log else part for part in (domain.low, domain.high, value))
    return (at - low) / (high - low) if high > low else 0.5


def _marks(domain: Domain) -> tuple[tuple[float, str], ...]:
    if isinstance(domain, Range):
        return ((0.0, number(domain.low)), (1.0, number(domain.high)))
    return tuple((place_of(domain, value) or 0.0, scalar(value)) for value in domain.values[:8])
