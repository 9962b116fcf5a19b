"""Two branches that both ran: real merges, rebases and cherry-picks of ``dvc.lock``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from chains import states
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

import jupyter_mlops as mlops
from jupyter_mlops.pipelines.stages.merging import LockFile, merge
from jupyter_mlops.versioning.founding import ATTRIBUTE, merge_driver

STAGES = {
    "a": ("one.txt", "a.txt"),
    "b": ("two.txt", "b.txt"),
    "both": ("a.txt b.txt", "both.txt"),
}


def write_pipeline(root: Path, stages: dict[str, tuple[str, str]]) -> None:
    lines = ["stages:"]
    for name, (deps, out) in stages.items():
        lines += [f"  {name}:", f"    cmd: (cat {deps}; echo {name}) > {out}", "    deps:"]
        lines += [f"    - {dep}" for dep in deps.split()]
        lines += ["    outs:", f"    - {out}"]
    (root / "dvc.yaml").write_text("\n".join(lines) + "\n")


@pytest.fixture
def pipeline(project, git, tmp_path) -> Path:
    """Three stages that ran, on main."""
    root = project.root
    for name in ("one", "two"):
        (root / f"{name}.txt").write_text(f"{name}\n")
    write_pipeline(root, STAGES)
    git("add", ".")
    git("commit", "-qm", "pipeline")
    mlops.init(remote=str(tmp_path / "store"), project=root)
    run(root)
    return root


def run(root: Path) -> None:
    mlops.run(project=root, git=False)
    subprocess.run(["git", "add", "."], cwd=root, check=True)
    subprocess.run(["git", "commit", "-qm", "run"], cwd=root, check=True)


def on(branch: str, root: Path, git, **texts: str) -> None:
    """From main, write files on a new branch and run."""
    git("switch", "-q", "-c", branch, "main")
    for name, text in texts.items():
        (root / f"{name}.txt").write_text(text)
    run(root)


def attempt(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "GIT_EDITOR": "true"}
    command = ["git", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, env=environment)


def locked(root: Path) -> dict[str, dict[str, str]]:
    """Stage to the digests of its deps."""
    return locked_text((root / "dvc.lock").read_text())


def locked_text(text: str) -> dict[str, dict[str, str]]:
    document = YAML(typ="safe").load(text)
    return {name: {dep["path"]: dep["md5"] for dep in entry["deps"]} for name, entry in document["stages"].items()}


@pytest.mark.usefixtures("pipeline")
def test_init_sets_it_up_and_commits_the_attribute(git):
    assert ATTRIBUTE in git("show", "HEAD:.gitattributes").splitlines()
    assert git("config", "merge.mlops.driver").strip() == merge_driver()
    assert git("status", "--porcelain") == ""


@pytest.mark.parametrize("how", [("merge", "theirs"), ("rebase", "theirs"), ("cherry-pick", "main..theirs")])
def test_stages_that_one_side_ran_are_united(pipeline, git, dvc, how):
    smaller = {"a": STAGES["a"], "b": STAGES["b"]}
    git("switch", "-q", "main")
    write_pipeline(pipeline, smaller)
    git("rm", "-q", "--cached", "-f", "dvc.lock")
    (pipeline / "dvc.lock").unlink()
    run(pipeline)
    on("ours", pipeline, git, one="ours\n")
    on("theirs", pipeline, git, two="theirs\n")
    expected = locked(pipeline)["b"]
    git("switch", "-q", "ours")
    wanted = locked(pipeline)["a"]

    done = attempt(pipeline, *how)

    assert done.returncode == 0, done.stdout + done.stderr
    assert locked(pipeline) == {"a": wanted, "b": expected}
    dvc("checkout")
    assert "up to date" in dvc("status")
    assert git("status", "--porcelain") == ""


def test_a_stage_below_both_changes_is_the_only_conflict(pipeline, git, dvc):
    on("ours", pipeline, git, one="ours\n")
    on("theirs", pipeline, git, two="theirs\n")
    git("switch", "-q", "ours")

    done = attempt(pipeline, "merge", "theirs")

    assert done.returncode == 1
    assert "both sides ran both" in done.stderr
    text = (pipeline / "dvc.lock").read_text()
    assert text.count("<<<<<<<") == 1
    outside = text[: text.index("<<<<<<<")] + text[text.index(">>>>>>>") :].partition("\n")[2]
    assert list(YAML(typ="safe").load(outside)["stages"]) == ["a", "b"]
    assert "  both:\n" in text[text.index("<<<<<<<") : text.index("=======")]
    (pipeline / "dvc.lock").write_text(outside)
    git("add", ".")
    git("commit", "-qm", "merged")
    dvc("checkout", "a", "b")
    assert states(mlops.run(project=pipeline)) == {"a": "up-to-date", "b": "up-to-date", "both": "ran"}


def test_of_two_runs_the_one_with_the_merged_inputs_counts(pipeline, git):
    """Theirs changed the data and ran; ours ran the same stage again as it was."""
    on("theirs", pipeline, git, one="theirs\n")
    theirs = (pipeline / "dvc.lock").read_text()
    git("switch", "-q", "-c", "ours", "main")
    text = (pipeline / "dvc.lock").read_text()
    digest = locked(pipeline)["a"]["one.txt"]
    # A colleague's run of the same inputs gave other bytes, as a notebook without a seed does.
    made = next(line for line in text.splitlines() if "md5:" in line and digest not in line)
    (pipeline / "dvc.lock").write_text(text.replace(made, made[:-4] + "0000"))
    git("commit", "-qam", "another result")

    done = attempt(pipeline, "merge", "theirs")

    assert done.returncode == 0, done.stderr
    assert locked(pipeline)["a"] == locked_text(theirs)["a"]


def test_a_clone_without_the_command_merges_lines_and_is_told(pipeline, git, tmp_path):
    on("theirs", pipeline, git, two="theirs\n")
    git("switch", "-q", "main")
    mlops.push(project=pipeline)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "-b", "main", str(pipeline), str(clone)], check=True)
    checks = {check.name: check for check in mlops.doctor(project=clone).checks}
    assert checks["dvc.lock"].state == "warning"
    assert attempt(clone, "-c", "user.name=a", "-c", "user.email=b", "merge", "origin/theirs").returncode == 0
    attempt(clone, "reset", "-q", "--hard", "origin/main")

    mlops.pull(project=clone)

    checks = {check.name: check for check in mlops.doctor(project=clone).checks}
    assert checks["dvc.lock"].state == "ok"


def test_where_the_installation_is_gone_git_merges_lines(pipeline, git):
    git("config", "merge.mlops.driver", merge_driver().replace(sys.executable, "/nowhere/python"))
    on("ours", pipeline, git, one="ours\n")
    on("theirs", pipeline, git, two="theirs\n")
    git("switch", "-q", "ours")
    assert attempt(pipeline, "merge", "theirs").returncode == 1
    assert "<<<<<<<" in (pipeline / "dvc.lock").read_text()


def test_a_module_of_the_tree_is_never_taken_for_ours(pipeline, git):
    package = pipeline / "jupyter_mlops" / "pipelines"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").write_text(f"open({str(pipeline / 'taken')!r}, 'w')\n")
    on("ours", pipeline, git, one="ours\n")
    on("theirs", pipeline, git, two="theirs\n")
    git("switch", "-q", "ours")
    attempt(pipeline, "merge", "theirs")
    assert not (pipeline / "taken").exists()


def entry(name: str, dep: str, out: str, value: int = 0) -> str:
    return (
        f"  {name}:\n    cmd: run {name}\n    deps:\n    - path: {dep[0]}\n      hash: md5\n      md5: {dep}\n"
        f"      size: 1\n    params:\n      params.yaml:\n        {name}.C: {value}\n"
        f"    outs:\n    - path: out-{name}\n      hash: md5\n      md5: {out}\n      size: 1\n"
    )


def lock(**entries: str) -> LockFile:
    made = LockFile.read("schema: '2.0'\nstages:" + ("\n" + "".join(entries.values()) if entries else " {}\n"))
    assert made is not None
    return made


def test_deleted_and_new_stages():
    old, new = entry("a", "x1", "o1"), entry("b", "y1", "o2")
    base = lock(a=old)
    assert merge(base, lock(), lock(a=old)).text == "schema: '2.0'\nstages: {}\n"
    assert merge(base, lock(a=old, b=new), lock()).text == lock(b=new).head + new
    assert merge(base, lock(), lock(a=old, b=new)).text == "schema: '2.0'\nstages:\n" + new
    changed = merge(base, lock(), lock(a=entry("a", "x2", "o3")))
    assert changed.conflicts == ("a",)


def test_a_parameter_changed_on_one_side_decides():
    base = lock(a=entry("a", "x1", "o1", 1))
    ours, theirs = lock(a=entry("a", "x1", "o2", 2)), lock(a=entry("a", "x1", "o9", 1))
    assert merge(base, ours, theirs).text == "schema: '2.0'\nstages:\n" + entry("a", "x1", "o2", 2)
    assert merge(base, theirs, ours).text == "schema: '2.0'\nstages:\n" + entry("a", "x1", "o2", 2)
    both = lock(a=entry("a", "x1", "o3", 3))
    assert merge(base, ours, both).conflicts == ("a",)


@pytest.mark.parametrize(
    "text",
    [
        "- a list\n",
        "stages: [1]\n",
        "a: : b",
        "<<<<<<< x\n=======\n>>>>>>> y\n",
        "stages:\n    four: {}\n",
        "extra: 1\nstages: {}\n",
    ],
)
def test_what_dvc_did_not_write_is_left_to_git(text, tmp_path):
    assert LockFile.read(text) is None
    for name in ("o", "a", "b"):
        (tmp_path / name).write_text(text)
    command = [sys.executable, "-m", "jupyter_mlops.pipelines.stages.merging", "o", "a", "b"]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0
    assert (tmp_path / "a").read_text() == text


sides = st.dictionaries(
    st.sampled_from("abcd"), st.tuples(st.sampled_from(["x1", "x2"]), st.sampled_from(["o1", "o2"]))
)


@given(sides, sides, sides)
@settings(max_examples=200, deadline=None)
def test_a_merge_is_the_same_from_both_sides_and_invents_nothing(one, two, three):
    base, ours, theirs = (
        lock(**{name: entry(name, *pair) for name, pair in side.items()}) for side in (one, two, three)
    )
    forth, back = merge(base, ours, theirs), merge(base, theirs, ours)
    assert set(forth.conflicts) == set(back.conflicts)
    if forth.conflicts:
        return
    first, second = LockFile.read(forth.text), LockFile.read(back.text)
    assert first is not None
    assert second is not None
    assert dict(first.entries) == dict(second.entries)
    for name, found in first.entries.items():
        assert found in (ours.entries.get(name), theirs.entries.get(name))
    for name in {*one, *two, *three}:
        if ours.entries.get(name) == base.entries.get(name):
            assert first.entries.get(name) == theirs.entries.get(name)
