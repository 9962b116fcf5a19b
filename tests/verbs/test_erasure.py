"""What is erased is in no version, no cache and no record; all else is as it was, and every verb finds its way."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import polars as pl
import pytest

import jupyter_mlops as mlops
from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.project import Project
from jupyter_mlops.versioning.journal import Journal

WHO = "omar.farouq@example.ae"


@pytest.fixture
def root(project, once) -> Path:
    """Three versions of a folder with a person in a CSV and a parquet file, one of a single file without them."""
    return once(project.root, build)


def build(root: Path) -> None:
    folder = root / "people"
    folder.mkdir()
    for number in (1, 2, 3):
        rows = [f"p{each}@example.ae,{number}" for each in range(20 * number)]
        (folder / "list.csv").write_text("\n".join(["email,visits", *rows, f"{WHO},7", ""]))
        frame = pl.DataFrame({"email": [WHO, "p1@example.ae", WHO], "paid": [number, 2, 3]})
        frame.write_parquet(folder / "paid.parquet")
        (folder / "photo.txt").write_text("a face")
        mlops.commit(["people"], project=root, tag="gold" if number == 2 else "", pii=["email"] if number == 3 else [])
    (root / "other.csv").write_text("a\n1\n")
    mlops.commit(["other.csv"], project=root)


def holders(root: Path, text: str) -> list[str]:
    """Every file below the project that holds `text`, git's own objects unpacked."""
    found = [str(path) for path in root.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]
    for name in subprocess.check_output(
        ["git", "cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)"], cwd=root, text=True
    ).splitlines():
        digest, kind = name.split()
        if kind != "tree" and text.encode() in subprocess.check_output(["git", "cat-file", kind, digest], cwd=root):
            found.append(name)
    return found


def emails(root: Path, reference: str) -> set[str]:
    mlops.checkout(reference, project=root)
    listed = pl.read_csv(root / "people" / "list.csv")["email"]
    paid = pl.read_parquet(root / "people" / "paid.parquet")["email"]
    return {*listed, *paid}


def erase(root: Path, **arguments):
    return mlops.erase(project=root, reason="request 12", yes=True, **arguments)


def test_a_person_is_nowhere_and_everybody_else_is(root):
    # Parquet compresses and encodes; what the file says is asked of its reader.
    mlops.diff("people@v1", "people@v2", project=root)
    assert holders(root, WHO)
    done = erase(root, subject=f"email={WHO}")
    assert [(each.dataset, each.files, each.rows) for each in done.versions] == [("people", 2, 3)] * 3
    assert holders(root, WHO) == []
    for number in (1, 2, 3):
        assert emails(root, f"people@v{number}") == {f"p{each}@example.ae" for each in range(20 * number)}
    mlops.checkout("people@HEAD", project=root)
    assert mlops.status(project=root).clean
    assert mlops.verify(all_versions=True, project=root).gate == ""


def test_a_dry_run_says_it_all_and_changes_nothing(root):
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and "mlops" not in path.parts}
    planned = mlops.erase(subject=f"email={WHO}", project=root, dry_run=True)
    after = {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and "mlops" not in path.parts}
    assert after == before
    done = erase(root, subject=f"email={WHO}")
    assert planned.versions == done.versions


def test_the_tombstone_tells_what_why_who_and_when_and_names_nobody(root):
    done = erase(root, subject=f"email={WHO}")
    stone = Project(root).datasets.tombstones.of(done.versions[0].digest)
    assert (stone.id, stone.kind, stone.reason) == (done.erasure, "erased", "request 12")
    assert (stone.what, stone.actor.name) == ("3 rows by email", "Sara")
    assert WHO not in str(stone)
    assert WHO not in (Project(root).places.state / "audit.jsonl").read_text()


def test_old_names_lead_to_what_is_left(root):
    labels = {each.version: each.digest for each in mlops.log("people", project=root).versions}
    erase(root, subject=f"email={WHO}")
    assert emails(root, f"people@{labels['v1'][:8]}") == {f"p{each}@example.ae" for each in range(20)}
    assert emails(root, "people@gold") == {f"p{each}@example.ae" for each in range(40)}
    assert mlops.status(project=root).datasets[1].state == "up-to-date"
    difference = mlops.diff("people@v1", "people@v2", project=root)
    assert set(difference.files.modified) == {"list.csv"}
    assert mlops.show("people@v1", project=root).version.version == "v1"


def test_plain_dvc_fails_loudly_on_what_is_gone_and_works_on_what_is_there(root, git):
    erase(root, subject=f"email={WHO}")
    subprocess.run(["dvc", "checkout", "-q"], cwd=root, check=True, capture_output=True)
    done = subprocess.run(["dvc", "status"], cwd=root, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "Data and pipelines are up to date."
    git("checkout", "-q", "HEAD~2", "--", "people.dvc")
    gone = subprocess.run(["dvc", "checkout", "--force"], cwd=root, check=False, capture_output=True, text=True)
    assert gone.returncode != 0
    subprocess.run(["git", "fsck", "--strict"], cwd=root, check=True, capture_output=True)


def test_a_file_is_in_no_version_any_more(root):
    done = erase(root, path="people/photo.txt")
    assert len(done.versions) == 3
    assert not (root / "people" / "photo.txt").exists()
    assert holders(root, "a face") == []
    mlops.checkout("people@v1", project=root)
    assert sorted(path.name for path in (root / "people").iterdir()) == ["list.csv", "paid.parquet"]


def test_a_second_erasure_reaches_what_the_first_left(root):
    erase(root, subject=f"email={WHO}")
    assert len(erase(root, subject="email=p1@example.ae").versions) == 3
    assert holders(root, "p1@example.ae") == []
    assert emails(root, "people@v1") == {f"p{each}@example.ae" for each in range(20) if each != 1}


def test_a_whole_dataset_goes(root):
    done = erase(root, path="other.csv")
    assert done.versions[0].after == ""
    assert not (root / "other.csv").exists()
    assert not (root / "other.csv.dvc").exists()
    with pytest.raises(EnvironmentFault) as caught:
        mlops.checkout("other.csv@v1", project=root)
    assert caught.value.reference == "data-let-go"


def test_versions_of_other_branches_are_reached(root, git):
    git("checkout", "-q", "-b", "aside")
    (root / "people" / "list.csv").write_text(f"email,visits\n{WHO},1\nnew@example.ae,1\n")
    mlops.commit(["people"], project=root)
    git("checkout", "-q", "main")
    mlops.checkout("people@HEAD", project=root)
    assert len(erase(root, subject=f"email={WHO}").versions) == 4
    assert holders(root, WHO) == []
    git("checkout", "-q", "aside")
    mlops.checkout("people@HEAD", project=root)
    assert "new@example.ae" in (root / "people" / "list.csv").read_text()


def test_what_it_cannot_reach_is_said_beforehand(root, git):
    (root / "notes.txt").write_text(f"call {WHO}\n")
    mlops.commit(["notes.txt"], project=root)
    (root / "shown.ipynb").write_text('{"cells": [{"output": "' + WHO + '"}]}')
    git("add", "shown.ipynb")
    git("commit", "-qm", "a notebook")
    said = mlops.erase(subject=f"email={WHO}", project=root, dry_run=True).unreached
    assert any(line.startswith("notes.txt ") and "erase --path FILE" in line for line in said)
    assert any(
        "notebooks in git's history" in line and git("rev-parse", "--short", "HEAD").strip() in line for line in said
    )
    assert not any(WHO in line for line in said)


def test_whatever_remembers_it_is_told_and_forgets(root):
    store = Project(root).profiles
    version = Project(root).datasets.resolve("other.csv@v1")
    mlops.profile("other.csv@v1", project=root)
    store.publish(version.digest, Project(root).actor)
    planned = mlops.erase(path="other.csv", project=root, dry_run=True)
    (use,) = planned.consumers
    assert use.kind == "profile"
    assert use.fate.startswith("removed with it; git push --force origin refs/mlops/profiles/")
    erase(root, path="other.csv")
    assert Project(root).profiles.known(version.digest) is None
    assert not list(Project(root).places.scratch.rglob(f"{version.digest}*"))


def test_unsaved_work_stops_it(root):
    (root / "people" / "list.csv").write_text(f"email,visits\n{WHO},1\n")
    with pytest.raises(UsageError) as caught:
        erase(root, subject=f"email={WHO}")
    assert caught.value.reference == "uncommitted-changes"
    assert (root / "people" / "list.csv").read_text() == f"email,visits\n{WHO},1\n"


@pytest.mark.parametrize(
    ("arguments", "reference"),
    [
        ({}, "nothing-to-erase"),
        ({"path": "other.csv", "subject": "a=1"}, "nothing-to-erase"),
        ({"subject": "a"}, "nothing-to-erase"),
        ({"subject": "=1"}, "nothing-to-erase"),
        ({"subject": "a= "}, "nothing-to-erase"),
        ({"resume": True}, "nothing-to-resume"),
        ({"path": "../outside"}, "outside-project"),
    ],
)
def test_what_makes_no_sense_is_refused(root, arguments, reference):
    with pytest.raises(UsageError) as caught:
        erase(root, **arguments)
    assert caught.value.reference == reference


def test_nothing_goes_unless_somebody_says_yes(root):
    with pytest.raises(UsageError) as caught:
        mlops.erase(path="other.csv", project=root)
    assert caught.value.reference == "not-confirmed"
    assert (root / "other.csv").exists()
    assert mlops.erase(path="no/such", project=root).versions == ()


def cut_off(root: Path) -> Path:
    """Kill an erasure when nothing has gone yet: somebody is saving, and it waits for them. Where it is noted."""
    project = Project(root)
    journal = Journal.path(project.places)
    command = ["jupyter-mlops", "erase", "--subject", f"email={WHO}", "--yes"]
    with project.datasets.store.in_use():
        child = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while child.poll() is None and not journal.exists():
            time.sleep(0.01)
        time.sleep(0.2)
        child.kill()
        assert child.wait() < 0
    return journal


def test_an_erasure_that_was_cut_off_is_finished(root):
    journal = cut_off(root)
    assert WHO not in journal.read_text()
    for collect in (mlops.gc, mlops.retain):
        with pytest.raises(UsageError) as caught:
            collect(project=root)
        assert caught.value.reference == "erasure-cut-off"
    with pytest.raises(UsageError) as caught:
        erase(root, subject=f"email={WHO}")
    assert caught.value.reference == "erasure-cut-off"
    assert any(step.line == "erase --resume" for step in mlops.status(project=root).next)
    mlops.erase(resume=True, project=root)
    assert holders(root, WHO) == []
    assert mlops.status(project=root).clean
    assert emails(root, "people@v1") == {f"p{each}@example.ae" for each in range(20)}


def test_nothing_goes_while_what_takes_its_place_is_missing(root):
    project = Project(root)
    cut_off(root)
    heirs = [heir for heir in Journal.read(project.places).tombstone.contents.values() if heir]
    project.datasets.store.remove(heirs[0])
    before = {digest for digest, _ in project.datasets.store.sizes()}
    with pytest.raises(EnvironmentFault) as caught:
        mlops.erase(resume=True, project=root)
    assert caught.value.reference == "heir-missing"
    assert {digest for digest, _ in project.datasets.store.sizes()} == before


def test_the_remote_loses_it_too_and_gets_what_is_left(root, tmp_path):
    remote = tmp_path / "remote"
    mlops.init(remote=str(remote), project=root)
    mlops.push(all_versions=True, project=root)
    old = {each.digest for each in mlops.log("people", project=root).versions}
    subprocess.run(["rm", "-rf", ".dvc/cache"], cwd=root, check=True)
    assert erase(root, subject=f"email={WHO}").remote == "storage"
    there = {path.parent.name + path.name for path in remote.rglob("*") if path.is_file()}
    assert not old & there
    assert not any(WHO.encode() in path.read_bytes() for path in remote.rglob("*") if path.is_file())
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(root), str(clone)], check=True, capture_output=True)
    mlops.pull(project=clone)
    assert (clone / "people" / "list.csv").read_text() == (root / "people" / "list.csv").read_text()


def test_a_remote_that_is_gone_leaves_the_erasure_to_be_finished(root, tmp_path):
    remote = tmp_path / "remote"
    mlops.init(remote=str(remote), project=root)
    mlops.push(all_versions=True, project=root)
    remote.rename(tmp_path / "away")
    remote.write_text("no folder")
    with pytest.raises(EnvironmentFault):
        erase(root, subject=f"email={WHO}")
    remote.unlink()
    (tmp_path / "away").rename(remote)
    if Journal.path(Project(root).places).exists():
        assert mlops.erase(resume=True, project=root).remote == "storage"
    else:
        erase(root, subject=f"email={WHO}")
    assert holders(root, WHO) == []
    assert not any(WHO.encode() in path.read_bytes() for path in remote.rglob("*") if path.is_file())


def test_rows_that_a_comparison_kept_go_too(root):
    for number in (1, 2):
        (root / "alone.csv").write_text(f"email,visits\n{WHO},{number}\np@example.ae,1\n")
        mlops.commit(["alone.csv"], project=root)
    mlops.diff("alone.csv@v1", "alone.csv@v2", key=["email"], project=root)
    assert any(WHO.encode() in path.read_bytes() for path in Project(root).places.scratch.rglob("*") if path.is_file())
    erase(root, subject=f"email={WHO}")
    assert holders(root, WHO) == []


def test_a_value_typed_in_the_wrong_place_is_in_no_log(root):
    with pytest.raises(UsageError):
        mlops.erase([f"email={WHO}"], project=root)
    assert WHO not in (Project(root).places.state / "audit.jsonl").read_text()


def test_a_clone_neither_sends_nor_saves_again_what_was_erased(root, tmp_path, git):
    origin, remote, clone = tmp_path / "origin", tmp_path / "remote", tmp_path / "clone"
    subprocess.run(["git", "init", "-q", "--bare", str(origin)], check=True)
    mlops.init(remote=str(remote), project=root)
    git("remote", "add", "origin", str(origin))
    git("push", "-q", "-u", "origin", "main")
    mlops.push(all_versions=True, project=root)
    subprocess.run(["git", "clone", "-q", "-b", "main", str(origin), str(clone)], check=True, capture_output=True)
    for key, value in (("user.name", "Omar"), ("user.email", "omar@example.org")):
        git("config", key, value, cwd=clone)
    mlops.pull(all_versions=True, project=clone)
    erase(root, subject=f"email={WHO}")
    git("push", "-q", "origin", "main")
    mlops.push(project=root)
    mlops.fetch(project=clone)
    with pytest.raises(UsageError) as caught:
        mlops.commit(["people"], project=clone)
    assert caught.value.reference == "erased-data"
    mlops.push(all_versions=True, project=clone)
    assert not any(WHO.encode() in path.read_bytes() for path in remote.rglob("*") if path.is_file())
    git("pull", "-q", cwd=clone)
    mlops.fetch(all_versions=True, project=clone)
    assert mlops.gc(project=clone).objects > 0
    mlops.checkout("people@HEAD", project=clone)
    assert holders(clone, WHO) == []


def test_a_retired_version_on_the_remote_is_erased_as_well(root, tmp_path):
    remote = tmp_path / "remote"
    mlops.init(remote=str(remote), project=root)
    mlops.push(all_versions=True, project=root)
    (root / "mlops.toml").write_text("[retention]\nkeep_last = 1\n")
    assert mlops.retain(project=root).objects > 0
    assert len(erase(root, subject=f"email={WHO}").versions) == 3
    assert not any(WHO.encode() in path.read_bytes() for path in remote.rglob("*") if path.is_file())
