"""References and histories, in repositories made by plain git and dvc."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import jupyter_mlops as mlops
from jupyter_mlops.errors import UnknownReference
from jupyter_mlops.project import Project
from jupyter_mlops.versioning.names import find, short_names
from jupyter_mlops.versioning.values import Dataset


@pytest.fixture
def three(project: Project, once) -> Project:
    """Three versions of ``data/prices.csv``; the first came back as the fourth commit."""
    once(project.root, build)
    return project


def build(root: Path) -> None:
    path = root / "data" / "prices.csv"
    path.parent.mkdir()
    for rows in (1, 2, 3, 1):
        path.write_text("a\n" + "1\n" * rows)
        mlops.commit("data/prices.csv", message=f"{rows} rows", project=root)


def test_versions_count_distinct_contents_oldest_first(three):
    found = three.datasets.history("data/prices.csv")
    assert [(version.version, version.message) for version in found] == [
        ("v3", "3 rows"),
        ("v2", "2 rows"),
        ("v1", "1 rows"),
    ]


def test_content_that_returns_is_its_old_version_again(three):
    now = three.datasets.resolve("data/prices.csv")
    assert (now.version, now.is_workspace) == ("v1", True)
    assert three.datasets.states()[0].version == three.datasets.resolve("prices@v1").label


@pytest.mark.parametrize(
    ("reference", "version"),
    [
        ("data/prices.csv@v2", "v2"),
        ("prices@v2", "v2"),
        ("data:prices@v2", "v2"),
        ("prices.csv@HEAD", "v1"),
        ("prices@HEAD~2", "v2"),
        ("prices@main~1", "v3"),
        ("prices@2100-01-01", "v1"),
        ("prices@2100-01-01T10:00:00+02:00", "v1"),
    ],
)
def test_every_form_of_reference(three, reference, version):
    assert three.datasets.resolve(reference).version == version


def test_digests_and_their_beginnings(three):
    third = three.datasets.resolve("prices@v3")
    for length in (4, 8, 32):
        assert three.datasets.resolve(f"prices@{third.digest[:length]}") == third


@pytest.mark.parametrize(
    ("reference", "hint"),
    [
        ("prises@v1", "Did you mean data/prices.csv?"),
        ("prices@v9", "Did you mean data/prices.csv@v"),
        ("prices@golf", "Did you mean data/prices.csv@gold?"),
        ("prices@1999-01-01", "log data/prices.csv"),
        ("nothing", "status"),
        ("prices@2026-99-99", "prices.csv@2026-05-01"),
        ("prices@--help", "Did you mean"),
    ],
)
def test_an_unknown_reference_names_the_nearest(three, reference, hint):
    mlops.tag("prices@v2", "gold", project=three.root)
    with pytest.raises(UnknownReference) as caught:
        three.datasets.resolve(reference)
    assert hint in caught.value.hint


def test_a_version_of_another_branch_resolves_without_a_number(three, git):
    git("switch", "-q", "-c", "side")
    (three.root / "data" / "prices.csv").write_text("side\n")
    mlops.commit("prices", project=three.root)
    git("switch", "-q", "main")
    found = three.datasets.resolve("prices@side")
    assert found.version is None
    assert found.label.startswith("new·")
    assert three.datasets.files(found)[0].location.read_text() == "side\n"


def test_a_merge_loses_no_version(three, git):
    git("switch", "-q", "-c", "side", "HEAD~1")
    for text in ("s1", "s2"):
        (three.root / "data" / "prices.csv").write_text(text)
        mlops.commit("prices", project=three.root)
    git("switch", "-q", "main")
    git("merge", "-q", "-s", "ours", "side", "-m", "merge")
    assert len(three.datasets.history("data/prices.csv")) == 5


def test_an_unborn_branch_has_no_history(tmp_path, git):
    root = tmp_path / "project"
    root.mkdir()
    git("init", "-q")
    (root / "x.csv").write_text("x")
    project = Project.find(root)
    assert project.datasets.all() == ()
    assert project.datasets.resolve("x.csv").label.startswith("new·")


def test_a_shallow_clone_knows_what_it_holds(three, tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{three.root}", str(clone)], check=True)
    datasets = Project.find(clone).datasets
    assert [version.version for version in datasets.history("data/prices.csv")] == ["v1"]
    subprocess.run(["git", "fetch", "-q", "--unshallow"], cwd=clone, check=True)
    assert len(datasets.history("data/prices.csv")) == 3


def test_a_rewritten_history_is_read_anew(three, git):
    three.datasets.history("data/prices.csv")
    git("reset", "-q", "--hard", "HEAD~2")
    assert [version.version for version in three.datasets.history("data/prices.csv")] == ["v2", "v1"]


def test_short_names_must_be_unique(three):
    (three.root / "other").mkdir()
    (three.root / "other" / "prices.csv").write_text("x")
    mlops.commit("other/prices.csv", project=three.root)
    with pytest.raises(UnknownReference) as caught:
        three.datasets.find("prices")
    assert caught.value.reference == "ambiguous-dataset"


def test_outs_of_stages_are_datasets_with_versions(project, git):
    (project.root / "dvc.yaml").write_text(
        "stages:\n  make:\n    cmd: echo hi > out.txt; echo 1 > m.json\n    outs: [out.txt]\n"
        "    metrics: [{m.json: {cache: false}}]\n"
    )
    subprocess.run([sys.executable, "-m", "dvc", "repro", "-q"], cwd=project.root, check=True)
    git("add", "dvc.yaml", "dvc.lock", ".gitignore")
    git("commit", "-qm", "made")
    assert [(one.name, one.kind, one.stage) for one in project.datasets.all()] == [("out.txt", "stage", "make")]
    assert project.datasets.resolve("out@v1").message == "made"


def stage_out(project: Project, path: str) -> None:
    """An out of a stage, as a lock file names it."""
    (project.root / "dvc.yaml").write_text(f"stages:\n  make:\n    cmd: x\n    outs: [{path}]\n")
    (project.root / "dvc.lock").write_text(
        f"schema: '2.0'\nstages:\n  make:\n    cmd: x\n    outs:\n    - {{path: {path}, hash: md5, md5: abc, size: 1}}\n"
    )


def test_data_comes_before_what_a_stage_makes_of_it(three):
    stage_out(three, "model/prices.pkl")
    assert three.datasets.find("prices").name == "data/prices.csv"
    assert three.datasets.resolve("prices@v2").dataset == "data/prices.csv"
    assert {one.path: one.name for one in three.datasets.states()} == {
        "data/prices.csv": "prices",
        "model/prices.pkl": "model/prices.pkl",
    }


def test_two_data_of_one_name_are_told_by_their_paths(three):
    (three.root / "old").mkdir()
    (three.root / "old" / "prices.csv").write_text("a\n")
    mlops.commit("old/prices.csv", project=three.root)
    assert {one.name for one in three.datasets.states()} == {"data/prices.csv", "old/prices.csv"}
    with pytest.raises(UnknownReference) as caught:
        three.datasets.find("prices")
    assert caught.value.reference == "ambiguous-dataset"


@given(st.lists(st.tuples(st.sampled_from(["a", "b/a", "c/a.csv", "a.csv", "b/x.y", "x"]), st.booleans()), max_size=6))
def test_the_name_shown_finds_its_dataset(listed):
    known = [Dataset(path, "data" if is_data else "stage", "p") for path, is_data in dict(listed).items()]
    for path, name in short_names(known).items():
        assert find(known, name).name == path
