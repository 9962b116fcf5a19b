"""What nothing needs goes, what a rule lets go goes, and nothing else ever does."""

from __future__ import annotations

import shutil
import subprocess
import threading
import tomllib
from pathlib import Path

import pytest

import jupyter_mlops as mlops
from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.project import Project


@pytest.fixture
def root(project, once) -> Path:
    """Four versions of a folder, one of them tagged; `same.csv` is in all."""
    return once(project.root, build)


def build(root: Path) -> None:
    folder = root / "data"
    folder.mkdir()
    (folder / "same.csv").write_text("x\n1\n")
    for number in range(1, 5):
        (folder / "rows.csv").write_text("a\n" + "1\n" * number)
        mlops.commit(["data"], project=root, tag="gold" if number == 2 else "")


def objects(root: Path) -> set[str]:
    return {digest for digest, _ in Project(root).datasets.store.sizes()}


def stray(root: Path) -> str:
    """An object that nothing names."""
    (root / "stray.csv").write_text("stray\n")
    digest = Project(root).datasets.save("stray.csv").md5
    (root / "stray.csv").unlink()
    return digest


def restorable(root: Path, *numbers: int) -> bool:
    for number in numbers:
        mlops.checkout(f"data@v{number}", project=root)
        assert (root / "data" / "rows.csv").read_text() == "a\n" + "1\n" * number
    mlops.checkout("data@HEAD", project=root)
    return True


def test_only_what_nothing_names_is_collected(root):
    before, digest = objects(root), stray(root)
    assert mlops.gc(project=root, dry_run=True).objects == 1
    assert digest in objects(root)
    done = mlops.gc(project=root)
    assert (done.objects, done.bytes, done.kept) == (1, 6, len(before))
    assert objects(root) == before
    assert restorable(root, 1, 2, 3, 4)


@pytest.mark.parametrize("place", ["branch", "stash", "staged", "workspace", "reflog", "worktree"])
def test_what_anything_names_stays(root, git, tmp_path, place):
    pointer = root / "data.dvc"
    (root / "data" / "rows.csv").write_text("a\nonly here\n")
    digest = mlops.commit(["data"], project=root, git=place == "branch", dry_run=False).versions[0].digest
    if place == "branch":
        git("branch", "aside")
        git("reset", "--hard", "-q", "HEAD~1")
        git("reflog", "expire", "--expire=now", "--all")
    elif place == "stash":
        git("stash", "-q")
    elif place == "staged":
        git("add", "data.dvc")
        pointer.write_text(git("show", "HEAD:data.dvc"))
    elif place == "reflog":
        git("commit", "-qam", "gone in a moment")
        git("reset", "--hard", "-q", "HEAD~1")
    elif place == "worktree":
        git("worktree", "add", "-q", str(tmp_path / "tree"))
        (tmp_path / "tree" / "data.dvc").write_bytes(pointer.read_bytes())
        git("checkout", "-q", "data.dvc")
    before = objects(root)
    assert digest in before
    assert mlops.gc(project=root).objects == 0
    assert objects(root) == before


def test_what_dvc_could_restore_stays(root):
    (root / "dvc.yaml").write_text(
        "stages:\n  copy:\n    cmd: cp data/rows.csv out.csv\n    deps: [data]\n    outs: [out.csv]\n"
    )
    subprocess.run(["dvc", "repro", "-q"], cwd=root, check=True, capture_output=True)
    (root / "dvc.lock").unlink()
    (root / "out.csv").unlink()
    assert mlops.gc(project=root).objects == 0
    subprocess.run(["dvc", "repro", "-q"], cwd=root, check=True, capture_output=True)
    assert (root / "out.csv").exists()


def test_plain_dvc_reads_everything_after_a_collection(root):
    stray(root)
    mlops.gc(project=root)
    done = subprocess.run(["dvc", "status"], cwd=root, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "Data and pipelines are up to date."


def test_a_collection_waits_for_whoever_is_saving(root):
    """An object is saved, its pointer not written yet: the collection starts, and must not take it."""
    store = Project(root).datasets.store
    done: list[object] = []
    with store.in_use():
        digest = stray(root)
        collecting = threading.Thread(target=lambda: done.append(mlops.gc(project=root)))
        collecting.start()
        collecting.join(0.5)
        assert collecting.is_alive()
        assert digest in objects(root)
    collecting.join(30)
    assert done
    assert digest not in objects(root)


def test_a_cache_that_others_may_share_is_not_cleaned_unasked(root, tmp_path, git):
    subprocess.run(["dvc", "cache", "dir", str(tmp_path / "shared")], cwd=root, check=True, capture_output=True)
    (root / "data" / "rows.csv").write_text("a\nshared\n")
    mlops.commit(["data"], project=root)
    other = tmp_path / "other"
    subprocess.run(["git", "clone", "-q", str(root), str(other)], check=True, capture_output=True)
    git("config", "user.name", "Omar", cwd=other)
    git("config", "user.email", "omar@example.org", cwd=other)
    subprocess.run(["dvc", "cache", "dir", str(tmp_path / "shared")], cwd=other, check=True, capture_output=True)
    (other / "theirs.csv").write_text("theirs\n")
    mlops.commit(["theirs.csv"], project=other)
    digest = stray(root)
    with pytest.raises(UsageError) as caught:
        mlops.gc(project=root)
    assert caught.value.reference == "shared-cache"
    (digest,) = [digest]
    assert mlops.gc(project=root, also=[str(other)], force=True).objects == 1
    assert digest not in objects(root)
    assert mlops.status(project=other).datasets[-1].state == "up-to-date"
    assert mlops.gc(project=root, alone=True, force=True).objects == 1


def test_a_lost_list_of_files_stops_the_collection(root):
    version = mlops.log("data", project=root).versions[-1]
    Project(root).datasets.store.remove(version.digest)
    before = objects(root)
    with pytest.raises(EnvironmentFault) as caught:
        mlops.gc(project=root)
    assert caught.value.reference == "listing-missing"
    assert objects(root) == before
    assert mlops.gc(project=root, force=True).objects == 1


def rules(root: Path, text: str) -> None:
    tomllib.loads(text)
    (root / "mlops.toml").write_text(text)


def states(result) -> dict[str, str]:
    return {each.version: each.state for each in result.versions}


def test_versions_beyond_the_rule_go_and_pinned_ones_stay(root):
    rules(root, "[retention]\nkeep_last = 1\n")
    planned = mlops.retain(project=root, dry_run=True)
    assert states(planned) == {"v4": "kept", "v3": "expired", "v2": "kept", "v1": "expired"}
    assert [each.reason for each in planned.versions if each.version == "v2"] == ["tag gold"]
    before = objects(root)
    done = mlops.retain(project=root)
    assert (done.objects, done.freed_bytes) == (planned.objects, planned.freed_bytes)
    assert len(objects(root)) == len(before) - done.objects
    assert states(mlops.retain(project=root)) == {"v4": "kept", "v3": "gone", "v2": "kept", "v1": "gone"}
    assert restorable(root, 2, 4)
    assert mlops.gc(project=root).objects == 0
    with pytest.raises(EnvironmentFault) as caught:
        mlops.checkout("data@v1", project=root)
    assert caught.value.reference == "data-let-go"


def test_a_version_is_kept_by_what_another_branch_ends_with(root, git):
    git("branch", "old", "HEAD~2")
    rules(root, "[retention]\nkeep_last = 1\n")
    mlops.tag("data@gold", "gold", remove=True, project=root)
    kept = {each.version: each.reason for each in mlops.retain(project=root).versions if each.state == "kept"}
    assert kept == {"v4": "in the workspace", "v2": "current on old"}
    git("checkout", "-q", "old")
    mlops.checkout("data@HEAD", project=root)
    assert (root / "data" / "rows.csv").read_text() == "a\n1\n1\n"


def test_its_own_time_ends_a_version(project, monkeypatch):
    (project.root / "people.csv").write_text("a\n1\n")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2020-01-01T00:00:00+00:00")
    mlops.commit(["people.csv"], retain="30d", project=project.root)
    monkeypatch.delenv("GIT_COMMITTER_DATE")
    (project.root / "people.csv").write_text("a\n2\n")
    mlops.commit(["people.csv"], project=project.root)
    found = {each.version: (each.state, each.reason) for each in mlops.retain(project=project.root).versions}
    assert found["v1"] == ("expired", "its time of 30 days is over")
    assert found["v2"][0] == "kept"


def test_without_rules_it_says_where_they_are_written(root):
    result = mlops.retain(project=root)
    assert (result.objects, states(result)) == (0, {f"v{number}": "kept" for number in range(1, 5)})
    assert "mlops.toml" in result.note


@pytest.mark.parametrize(
    "text", ["[retention]\nkeep = 3\n", "[retention]\nkeep_last = 0\n", "[retention.dta]\nkeep_last = 1\n"]
)
def test_a_rule_that_cannot_be_meant_is_refused(root, text):
    rules(root, text)
    before = objects(root)
    with pytest.raises(UsageError):
        mlops.retain(project=root)
    assert objects(root) == before


def test_a_version_that_another_dataset_has_as_well_stays(root):
    rules(root, '[retention."twin.csv"]\nkeep_last = 1\n')
    for number in (1, 2):
        for name in ("twin.csv", "other.csv"):
            (root / name).write_text(f"twin\n{number}\n")
        mlops.commit(["twin.csv", "other.csv"], project=root)
    mlops.retain(["twin.csv"], project=root)
    assert mlops.checkout("other.csv@v1", project=root).written == 1


def test_a_project_of_the_same_cache_keeps_what_it_needs(root, tmp_path, git):
    rules(root, "[retention]\nkeep_last = 1\n")
    shutil.copytree(root / ".dvc" / "cache", tmp_path / "shared")
    subprocess.run(["dvc", "cache", "dir", str(tmp_path / "shared")], cwd=root, check=True, capture_output=True)
    other = tmp_path / "other"
    subprocess.run(["git", "clone", "-q", str(root), str(other)], check=True, capture_output=True)
    subprocess.run(["dvc", "cache", "dir", str(tmp_path / "shared")], cwd=other, check=True, capture_output=True)
    for key, value in (("user.name", "Omar"), ("user.email", "omar@example.org")):
        git("config", key, value, cwd=other)
    for number in (1, 2):
        (root / "shared.csv").write_text(f"a\n{number}\n")
        mlops.commit(["shared.csv"], project=root)
        if number == 1:
            (other / "theirs.csv").write_text(f"a\n{number}\n")
            mlops.commit(["theirs.csv"], project=other)
    mlops.retain(["shared.csv"], also=[str(other)], project=root)
    (other / "theirs.csv").unlink()
    assert mlops.checkout("theirs.csv", project=other).written == 1


def test_what_took_the_place_of_data_erased_in_another_project_stays(root, tmp_path, git):
    subprocess.run(["dvc", "cache", "dir", str(tmp_path / "shared")], cwd=root, check=True, capture_output=True)
    other = tmp_path / "other"
    subprocess.run(["git", "clone", "-q", str(root), str(other)], check=True, capture_output=True)
    subprocess.run(["dvc", "cache", "dir", str(tmp_path / "shared")], cwd=other, check=True, capture_output=True)
    for key, value in (("user.name", "Omar"), ("user.email", "omar@example.org")):
        git("config", key, value, cwd=other)
    for number in (1, 2):
        (other / "people").mkdir(exist_ok=True)
        (other / "people" / "list.csv").write_text(f"who\nomar\np{number}\n")
        mlops.commit(["people"], project=other)
    mlops.erase(["people"], subject="who=omar", reason="r", yes=True, also=[str(root)], project=other)
    mlops.gc(project=root, also=[str(other)], force=True)
    mlops.checkout("people@v1", project=other)
    assert (other / "people" / "list.csv").read_text() == "who\np1\n"


def test_what_any_tag_or_worktree_stands_on_is_kept(root, git, tmp_path):
    rules(root, "[retention]\nkeep_last = 1\n")
    mlops.tag("data@gold", "gold", remove=True, project=root)
    git("tag", "v1.0", "HEAD~3")
    git("worktree", "add", "-q", "--detach", str(tmp_path / "tree"), "HEAD~2")
    kept = {
        each.version: each.reason for each in mlops.retain(project=root, dry_run=True).versions if each.state == "kept"
    }
    assert kept == {"v4": "in the workspace", "v2": "checked out", "v1": "tag v1.0"}


def test_nothing_is_removed_while_a_pointer_cannot_be_read(root, git):
    blob = git("rev-parse", "HEAD~2:data.dvc").strip()
    (root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    before = objects(root)
    with pytest.raises(EnvironmentFault):
        mlops.gc(project=root)
    assert objects(root) == before


def test_what_a_first_commit_names_stays_whatever_git_likes_to_show(root, git):
    git("checkout", "-q", "--orphan", "alone")
    (root / "data" / "rows.csv").write_text("a\nonly here\n")
    mlops.commit(["data"], project=root)
    git("checkout", "-qf", "main")
    git("reflog", "expire", "--expire=now", "--all")
    git("config", "log.showRoot", "false")
    git("config", "log.diffMerges", "off")
    assert mlops.gc(project=root).objects == 0


def test_what_is_staged_in_another_worktree_stays(root, git, tmp_path):
    subprocess.run(
        ["dvc", "cache", "dir", "--local", str(root / ".dvc" / "cache")], cwd=root, check=True, capture_output=True
    )
    tree = tmp_path / "tree"
    git("worktree", "add", "-q", str(tree))
    (tree / ".dvc" / "config.local").write_bytes((root / ".dvc" / "config.local").read_bytes())
    (tree / "data").mkdir(exist_ok=True)
    (tree / "data" / "rows.csv").write_text("a\nstaged\n")
    subprocess.run(["dvc", "add", "-q", "data"], cwd=tree, check=True, capture_output=True)
    git("add", "data.dvc", cwd=tree)
    (tree / "data.dvc").write_text(git("show", "HEAD:data.dvc", cwd=tree))
    assert mlops.gc(project=root).objects == 0
