"""`lineage`, from data committed by hand to what was made of it."""

from __future__ import annotations

import json

import pytest

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError


@pytest.fixture
def story(chain, once):
    """Two versions of the data, and a run of each."""
    return once(chain, tell)


def tell(root):
    for text in ("a\n1\n", "a\n1\n2\n"):
        (root / "data.csv").write_text(text)
        mlops.commit(["data.csv"], message="more", project=root)
        mlops.run(project=root)


def names(found) -> set[tuple[str, str]]:
    return {(node.name, node.version.partition("·")[0]) for node in found.nodes}


def test_up_and_down_from_a_data_version(story):
    assert names(mlops.lineage("data.csv@v1", down=True, project=story)) == {
        ("data", "v1"), ("prepare", "#1"), ("clean", "v1"), ("train", "#1"), ("model", "v1"),
    }  # fmt: skip
    assert names(mlops.lineage("model.txt@v2", up=True, project=story)) == {
        ("data", "v2"), ("prepare", "#2"), ("clean", "v2"), ("train", "#2"), ("model", "v2"),
    }  # fmt: skip


def test_references_of_every_form(story):
    by_number = mlops.lineage("data.csv@v2", project=story)

    assert mlops.lineage("data.csv@HEAD", project=story) == by_number
    assert ("train", "#2") in names(mlops.lineage("#2", project=story))
    assert ("train", "#2") in names(mlops.lineage("run:2", project=story))
    assert ("train", "#1") not in names(mlops.lineage("run:#2", up=True, project=story))
    with pytest.raises(MlopsError, match="not in the lineage graph"):
        mlops.lineage("dota.csv", project=story)


def test_each_node_leads_to_its_thing(story):
    targets = {(node.name, node.version.partition("·")[0]): node.target for node in mlops.lineage(project=story).nodes}

    assert targets["data", "v1"] == "data.csv@v1"
    assert targets["train", "#2"] == "executed/train.ipynb"


def test_the_other_formats(story):
    drawn = mlops.lineage(format="mermaid", project=story).text
    events = json.loads(mlops.lineage(format="openlineage", project=story).text)

    assert drawn.startswith("flowchart LR\n")
    assert drawn.count("-->|wrote|") == 4
    assert [event["job"]["name"] for event in events] == ["prepare", "train", "prepare", "train"]
    assert events[0]["inputs"][0]["name"] == "data.csv"


def test_a_project_of_plain_dvc_has_its_lineage_at_once(chain, dvc):
    mlops.commit(["data.csv"], message="data", project=chain)
    dvc("repro", "-q")

    found = mlops.lineage("data.csv@v1", down=True, project=chain)

    assert [node.version for node in found.nodes if node.kind == "run"] == ["dvc", "dvc"]
    assert {node.name for node in found.nodes} == {"data", "prepare", "clean.csv", "train"}
    mlops.run(force=True, project=chain)
    assert {node.version for node in mlops.lineage(project=chain).nodes if node.kind == "run"} == {"#1"}
