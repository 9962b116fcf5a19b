"""Renditions of models and deployments."""

from __future__ import annotations

from typing import Any

from jupyter_mlops.rendering.blocks import (
    Block,
    Cell,
    Code,
    Document,
    Mark,
    Section,
    Share,
    Strong,
    Tone,
    facts,
    say,
    table,
)
from jupyter_mlops.rendering.generic import document, state
from jupyter_mlops.rendering.units import count, duration, label, moment, scalar
from jupyter_mlops.verbs.deployments import Deployment, Deployments, Prediction, Undeployed
from jupyter_mlops.verbs.models import Aliased, Model, Models, Registered

MOST_PREDICTIONS = 20


@document.register
def _(result: Registered) -> Document:
    head = f"{result.model} {label(result.version, result.digest)}"
    pairs = facts(("Tag", Code(result.tag)), ("File", result.path), ("Git commit", Code(result.git_commit[:7])))
    same = (say(Mark(f"The same file as {result.same_as}.", Tone.CHANGED)),) if result.same_as else ()
    return Document("Register", (say(Mark(head, Tone.GOOD)), *same, *pairs))


@document.register
def _(result: Models) -> Document:
    if not result.models:
        return Document("Models", (say("No models. Type", Code("%mlops register PATH --name NAME")),))
    return Document("Models", tuple(Section(each.name, _versions(each)) for each in result.models))


@document.register
def _(result: Model) -> Document:
    return Document(f"Model {result.name}", _versions(result))


def _versions(model: Model) -> tuple[Block, ...]:
    metrics = list(dict.fromkeys(name for each in model.versions for name in each.metrics))[:5]
    rows: list[tuple[Cell, ...]] = [
        (
            Strong(label(each.version, each.digest)),
            ", ".join(each.aliases),
            *(scalar(each.metrics[name]) if name in each.metrics else "" for name in metrics),
            ", ".join(each.deployments),
            state(each.verdict) if each.verdict else "",
            each.message,
            each.author,
            moment(each.time),
        )
        for each in model.versions
    ]
    names = ["Version", "Alias", *metrics, "Deployments", "Reproduced", "Message", "Author", "Time"]
    return table("Newest first", names, rows, numeric=metrics)


@document.register
def _(result: Aliased) -> Document:
    now = f"{result.model}@{result.alias} is {result.version}" if result.version else f"{result.alias} was taken away"
    before = f"before: {result.previous}" if result.previous else ""
    return Document("Alias", (say(Mark(now, Tone.GOOD), before),))


@document.register
def _(result: Deployments) -> Document:
    if not result.deployments:
        return Document("Deployments", (say("Nothing is deployed. Type", Code("%mlops deploy MODEL")),))
    return Document("Deployments", tuple(Section(each.deployment, _deployment(each)) for each in result.deployments))


@document.register
def _(result: Deployment) -> Document:
    return Document(f"Deployment {result.deployment}", _deployment(result))


def _deployment(each: Deployment) -> tuple[Block, ...]:
    ready = "ready" if each.ready else "not ready"
    took = f"in {duration(each.seconds)}" if each.seconds else ""
    routes: list[tuple[Cell, ...]] = [
        (Strong(f"{each.model} {route.version}"), Share(route.weight), route.role) for route in each.routes
    ]
    history: list[tuple[Cell, ...]] = [
        (release.version, moment(release.since), release.author, release.reason) for release in each.history
    ]
    return (
        say(state(each.state), f"· {ready}", took),
        *((say(Mark(each.error, Tone.BAD)),) if each.error else ()),
        *table("Traffic", "Version|Traffic|Role", routes),
        *facts(("Address", Code(each.url)), ("Through Jupyter", Code(each.proxy_url)), caption="Addresses"),
        *table("Releases, newest first", "Version|Since|By|Why", history),
    )


@document.register
def _(result: Undeployed) -> Document:
    return Document("Undeploy", (say(Mark(f"{result.deployment} ({result.version}) was stopped.", Tone.GOOD)),))


@document.register
def _(result: Prediction) -> Document:
    names = list(result.outputs)
    shown = min(result.rows, MOST_PREDICTIONS)
    rows: list[tuple[Cell, ...]] = [
        (str(index + 1), *(_value(result.outputs[name], index) for name in names)) for index in range(shown)
    ]
    columns = ["Row", *names]
    caption = f"{count(result.rows, 'row')} in {duration(result.seconds)}"
    blocks = table(caption, columns, rows, numeric=columns, more=result.rows - shown)
    return Document(f"Prediction by {result.deployment} {result.version}", blocks or (say("No rows."),))


def _value(values: list[Any], index: int) -> str:
    return scalar(values[index]) if index < len(values) else ""
