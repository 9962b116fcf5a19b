"""The lineage graph: data versions, runs, model versions, deployments, and what made what.

It is built from values, so that whatever lies above it can feed it: see `Sources`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

import attrs

from jupyter_mlops.errors import UnknownReference, did_you_mean
from jupyter_mlops.records import StageRecord, VersionRecord, short

WRITING = ("ran",)
PLAIN_DVC = "dvc"
"""Stands where a run of ours has its id and number."""


@attrs.frozen
class Node:
    """A thing: `kind` is ``data``, ``run``, ``model`` or ``deployment``.

    Attributes
    ----------
    id
        ``data:data/wages.csv@7f3a…`` (the whole digest), ``run:ID/STAGE``, ``model:credit@v2``, ``deployment:credit``.
    version
        As people see it: ``v3·7f3a``, ``#18``, ``v2``; ``dvc`` of a stage that no run of ours recorded.
    target
        What opens when it is clicked: a reference, or the path of an executed notebook.
    digest
        Of its content; empty for runs.
    """

    id: str
    kind: str
    name: str
    version: str
    target: str = ""
    detail: str = ""
    digest: str = ""


@attrs.frozen
class Edge:
    """`before` was needed for `after`: `kind` is ``read``, ``wrote``, ``registered`` or ``serves``."""

    before: str
    after: str
    kind: str


@attrs.frozen
class DataVersion:
    """A version of a dataset, by its path below the root."""

    path: str
    digest: str
    name: str
    label: str
    reference: str
    detail: str = ""


@attrs.frozen
class Registered:
    """A model version: the file it was registered from, and its digest."""

    model: str
    version: str
    path: str
    digest: str
    detail: str = ""
    time: datetime | None = None


@attrs.frozen
class Served:
    """A deployment and the model version it serves."""

    deployment: str
    model: str
    version: str
    detail: str = ""


@attrs.frozen
class Sources:
    """All that a graph is made from.

    Attributes
    ----------
    runs
        Numbered oldest first, from 1.
    locked
        What ``dvc.lock`` says of each stage; what no run of ours recorded was made by plain DVC.
    """

    data: tuple[DataVersion, ...] = ()
    runs: tuple[tuple[int, VersionRecord], ...] = ()
    models: tuple[Registered, ...] = ()
    deployments: tuple[Served, ...] = ()
    locked: tuple[StageRecord, ...] = ()


@attrs.frozen
class LineageGraph:
    """Nodes by id, in a stable order, and edges; `times` says when a run began or a model was registered."""

    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    times: Mapping[str, datetime] = attrs.field(factory=dict)

    @classmethod
    def of(cls, sources: Sources) -> LineageGraph:
        """The graph of everything in `sources`."""
        return _Drawing(sources).graph()

    def find(self, reference: str) -> tuple[str, ...]:
        """The ids that `reference` names: an id, a target, a run, a name with or without a version.

        Raises
        ------
        UnknownReference
            ``unknown-node``, with the nearest.
        """
        for matches in (_is, _is_run, _is_version, _is_name):
            if found := tuple(node.id for node in self.nodes.values() if matches(node, reference)):
                return found
        words = {node.target or node.id for node in self.nodes.values()} | {node.name for node in self.nodes.values()}
        hint = did_you_mean(reference, sorted(words), "lineage shows the whole graph.")
        raise UnknownReference("unknown-node", f"{reference} is not in the lineage graph.", hint=hint)

    def around(self, ids: Iterable[str], *, up: bool = True, down: bool = True) -> LineageGraph:
        """What `ids` were made from, and what was made from them.

        A content that several runs wrote leads from each of them only to what came later.
        """
        start = set(ids)
        kept = set(start)
        makers = _mapped((edge.after, edge.before) for edge in self.edges)
        if up:
            kept |= _closure(start, makers, lambda taker, content, maker: self._follows(maker, taker, makers[content]))
        if down:
            takers = _mapped((edge.before, edge.after) for edge in self.edges)
            kept |= _closure(start, takers, lambda maker, content, taker: self._follows(maker, taker, makers[content]))
        edges = tuple(edge for edge in self.edges if edge.before in kept and edge.after in kept)
        return LineageGraph({name: node for name, node in self.nodes.items() if name in kept}, edges, self.times)

    def _follows(self, maker: str, taker: str, makers: Iterable[str]) -> bool:
        """Whether `taker` may have got a content from `maker`: not when another of `makers` alone was in time.

        Clocks of two machines may differ: where nobody was in time, everybody may have been.
        """
        taken = self.times.get(taker)
        made = self.times.get(maker)
        if taken is None or made is None or made <= taken:
            return True
        known = [self.times.get(one) for one in makers]
        return not any(time is None or time <= taken for time in known)


class _Drawing:
    """Nodes and edges while they are gathered."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._nodes: dict[str, Node] = {}
        self._edges: dict[Edge, None] = {}
        self._times: dict[str, datetime] = {}
        self._by_dvc = _by_dvc(sources)
        self._stages = (*(stage for _, run in sources.runs for stage in run.stages), *self._by_dvc)
        read = {pair for stage in self._stages for pair in stage.inputs.items()}
        registered = {(model.path, model.digest) for model in sources.models}
        known = {(version.path, version.digest) for version in sources.data}
        self._worthy = read | registered | known

    def graph(self) -> LineageGraph:
        executed = {stage.notebook for stage in self._stages}
        for version in self._sources.data:
            if version.path in executed:
                continue  # the run's own node leads to it
            node_id = data_id(version.path, version.digest)
            self._nodes[node_id] = Node(
                node_id, "data", version.name, version.label, version.reference, version.detail, version.digest
            )
        for number, run in self._sources.runs:
            for stage in run.stages:
                if stage.state in WRITING:
                    detail = f"{run.author.name}, {run.started:%Y-%m-%d %H:%M} UTC"
                    self._run(run.run, f"#{number}", detail, stage)
                    self._times[f"run:{run.run}/{stage.name}"] = run.started.replace(microsecond=0)
        for stage in self._by_dvc:
            self._run(PLAIN_DVC, PLAIN_DVC, "dvc.lock", stage)
        for model in self._sources.models:
            self._model(model)
        for served in self._sources.deployments:
            self._deployment(served)
        return LineageGraph(self._nodes, tuple(self._edges), self._times)

    def _run(self, run: str, version: str, detail: str, stage: StageRecord) -> None:
        node_id = f"run:{run}/{stage.name}"
        self._nodes[node_id] = Node(node_id, "run", stage.name, version, stage.notebook or run, detail)
        for path, digest in stage.inputs.items():
            self._edge(self._data(path, digest), node_id, "read")
        for path, digest in stage.outputs.items():
            if (path, digest) in self._worthy and path != stage.notebook:
                self._edge(node_id, self._data(path, digest), "wrote")

    def _model(self, model: Registered) -> None:
        node_id = f"model:{model.model}@{model.version}"
        target = f"{model.model}@{model.version}"
        self._nodes[node_id] = Node(node_id, "model", model.model, model.version, target, model.detail, model.digest)
        self._edge(self._data(model.path, model.digest), node_id, "registered")
        if model.time:
            self._times[node_id] = model.time

    def _deployment(self, served: Served) -> None:
        node_id = f"deployment:{served.deployment}"
        self._nodes[node_id] = Node(
            node_id, "deployment", served.deployment, served.version, served.deployment, served.detail
        )
        model = f"model:{served.model}@{served.version}"
        if model in self._nodes:
            self._edge(model, node_id, "serves")

    def _data(self, path: str, digest: str) -> str:
        """The node of a content; one that no dataset version holds is known by its path and digest."""
        node_id = data_id(path, digest)
        if node_id not in self._nodes:
            name = path.rpartition("/")[2]
            self._nodes[node_id] = Node(node_id, "data", name, short(digest), path, "no dataset version", digest)
        return node_id

    def _edge(self, before: str, after: str, kind: str) -> None:
        self._edges[Edge(before, after, kind)] = None


def _by_dvc(sources: Sources) -> tuple[StageRecord, ...]:
    """The stages in ``dvc.lock`` whose outputs no run of ours wrote."""
    ours = [stage for _, run in sources.runs for stage in run.stages if stage.state in WRITING]
    written = {(stage.name, *sorted(stage.outputs.items())) for stage in ours}
    return tuple(stage for stage in sources.locked if (stage.name, *sorted(stage.outputs.items())) not in written)


def data_id(path: str, digest: str) -> str:
    """The id of a content of a path."""
    return f"data:{path}@{digest}"


def _is(node: Node, text: str) -> bool:
    return text in (node.id, node.target, f"{node.kind}:{node.target}")


def _is_run(node: Node, text: str) -> bool:
    run = node.id.removeprefix("run:").partition("/")[0]
    return node.kind == "run" and text.removeprefix("run:") in (run, node.version)


def _is_version(node: Node, text: str) -> bool:
    name, _, version = text.partition("@")
    if not version or node.kind == "run" or name.removeprefix(f"{node.kind}:") not in _names(node):
        return False
    return version == node.version.partition("·")[0] or (len(version) >= 4 and node.digest.startswith(version))


def _is_name(node: Node, text: str) -> bool:
    return text.removeprefix(f"{node.kind}:") in _names(node)


def _names(node: Node) -> tuple[str, ...]:
    path = node.id.removeprefix("data:").rpartition("@")[0] if node.kind == "data" else node.name
    return (node.name, path)


def _mapped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one, other in pairs:
        found.setdefault(one, []).append(other)
    return found


def _closure(start: Iterable[str], steps: Mapping[str, list[str]], leads: Callable[[str, str, str], bool]) -> set[str]:
    """Every node that `steps` reach; `leads` says whether a way goes on, from where it came and through what."""
    return {here for here, _ in _walk(start, steps, leads)}


def _walk(
    start: Iterable[str], steps: Mapping[str, list[str]], leads: Callable[[str, str, str], bool]
) -> Iterator[tuple[str, str]]:
    pending = [(here, "") for here in start]
    seen = set(pending)
    while pending:
        here, came_from = pending.pop()
        yield here, came_from
        for there in steps.get(here, ()):
            if came_from and not leads(came_from, here, there):
                continue
            step = (there, here if there.startswith("data:") else "")
            if step not in seen:
                seen.add(step)
                pending.append(step)
