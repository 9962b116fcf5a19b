"""The lineage graph from values."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import attrs
import pytest

from jupyter_mlops.errors import UnknownReference
from jupyter_mlops.provenance.formats import mermaid, openlineage
from jupyter_mlops.provenance.graph import DataVersion, LineageGraph, Registered, Served, Sources
from jupyter_mlops.records import Actor, StageRecord, VersionRecord


def run(name: str, *stages: StageRecord) -> VersionRecord:
    return VersionRecord(name, "succeeded", datetime(2026, 5, 1, tzinfo=UTC), 2.0, Actor("Sara"), None, False, stages)


def ran(name: str, inputs: dict[str, str], outputs: dict[str, str]) -> StageRecord:
    return StageRecord(name, "ran", notebook=f"executed/{name}.ipynb", inputs=inputs, outputs=outputs)


@pytest.fixture
def sources() -> Sources:
    first = run(
        "run-1", ran("train", {"a.csv": "aa11", "b.csv": "bb11"}, {"m.onnx": "mm11", "executed/train.ipynb": "ee"})
    )
    second = run("run-2", ran("train", {"a.csv": "aa22", "b.csv": "bb11"}, {"m.onnx": "mm22", "metrics.json": "jj"}))
    return Sources(
        data=(
            DataVersion("a.csv", "aa11", "a", "v1·aa11", "a.csv@v1"),
            DataVersion("a.csv", "aa22", "a", "v2·aa22", "a.csv@v2"),
        ),
        runs=((1, first), (2, second)),
        models=(Registered("credit", "v1", "m.onnx", "mm11"), Registered("credit", "v2", "m.onnx", "mm22")),
        deployments=(Served("live", "credit", "v2"),),
    )


def labels(graph: LineageGraph) -> set[str]:
    return {f"{node.name} {node.version}" for node in graph.nodes.values()}


def test_from_data_to_deployment(sources):
    graph = LineageGraph.of(sources)

    assert labels(graph.around(graph.find("a.csv@v2"), up=False)) == {
        "a v2·aa22", "train #2", "m.onnx mm22", "credit v2", "live v2",
    }  # fmt: skip
    assert labels(graph.around(graph.find("deployment:live"), down=False)) == {
        "a v2·aa22", "b.csv bb11", "train #2", "m.onnx mm22", "credit v2", "live v2",
    }  # fmt: skip


def test_metrics_and_executed_notebooks_are_no_data(sources):
    assert not any("metrics" in node or "ee" in node for node in LineageGraph.of(sources).nodes)


def test_a_stage_that_did_not_run_made_nothing():
    idle = run("run-3", StageRecord("train", "up-to-date", inputs={"a.csv": "aa22"}, outputs={"m.onnx": "mm22"}))

    assert LineageGraph.of(Sources(runs=((3, idle),))).nodes == {}


def test_unknown_names_get_the_nearest(sources):
    with pytest.raises(UnknownReference) as raised:
        LineageGraph.of(sources).find("credt")

    assert raised.value.hint == "Did you mean credit?"


def test_mermaid_shows_any_name_unchanged():
    graph = LineageGraph.of(Sources(data=(DataVersion('we"ird#<x>.csv', "aa", 'we"ird#<x>', "v1", "r"),)))

    assert 'n0[("we#34;ird#35;#60;x#62; v1")]' in mermaid(graph)


def test_openlineage_events_have_the_required_fields(sources):
    graph = LineageGraph.of(sources)
    events = json.loads(openlineage(graph, [record for _, record in sources.runs], "project"))

    assert len({event["run"]["runId"] for event in events}) == len(events) == 2
    for event in events:
        assert {"eventTime", "producer", "schemaURL", "run", "job"} <= event.keys()
        assert event["eventType"] == "COMPLETE"
        assert datetime.fromisoformat(event["eventTime"]).tzinfo
        assert {dataset["name"] for dataset in event["inputs"]} == {"a.csv", "b.csv"}
        assert all(dataset["facets"]["version"]["datasetVersion"] for dataset in event["outputs"])


def test_the_lock_tells_what_no_run_recorded(sources):
    locked = ran("train", {"a.csv": "aa22"}, {"m.onnx": "mm22", "metrics.json": "jj"})
    other = ran("clean", {"raw.csv": "rr"}, {"a.csv": "aa22"})

    graph = LineageGraph.of(attrs.evolve(sources, locked=(locked, other)))

    assert {label for label in labels(graph) if label.endswith(" dvc")} == {"clean dvc"}
    assert "raw.csv rr" in labels(graph.around(graph.find("deployment:live"), down=False))


def at(day: int, record: VersionRecord) -> VersionRecord:
    return attrs.evolve(record, started=datetime(2026, 5, day, 8, 30, 15, 400_000, tzinfo=UTC))


def test_what_was_made_earlier_was_not_made_by_a_later_version():
    """Two versions of the data give the very same file: the model registered first comes from the first alone."""
    first = at(1, run("run-1", ran("prepare", {"a.csv": "aa11"}, {"p": "pp"}), ran("train", {"p": "pp"}, {"m": "mm"})))
    later = at(9, run("run-2", ran("prepare", {"a.csv": "aa22"}, {"p": "pp"})))
    models = (
        Registered("credit", "v1", "m", "mm", time=datetime(2026, 5, 1, 8, 30, 15, tzinfo=UTC)),
        Registered("credit", "v2", "m", "mm", time=datetime(2026, 5, 10, tzinfo=UTC)),
    )

    graph = LineageGraph.of(Sources(runs=((1, first), (2, later)), models=models))

    assert labels(graph.around(graph.find("a.csv@aa22"), up=False)) == {"a.csv aa22", "prepare #2", "p pp"}
    assert labels(graph.around(graph.find("credit@v1"), down=False)) == {
        "a.csv aa11", "prepare #1", "p pp", "train #1", "m mm", "credit v1",
    }  # fmt: skip
    assert "credit v2" in labels(graph.around(graph.find("a.csv@aa11"), up=False))


def test_a_clock_that_is_wrong_hides_nothing():
    early = Registered("credit", "v1", "m", "mm", time=datetime(2026, 4, 1, tzinfo=UTC))
    graph = LineageGraph.of(
        Sources(runs=((1, run("run-1", ran("train", {"a.csv": "aa"}, {"m": "mm"}))),), models=(early,))
    )

    assert "a.csv aa" in labels(graph.around(graph.find("credit@v1"), down=False))
