"""The verbs of data: what they do, and what they say to bad input."""

from __future__ import annotations

import http.server
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import jupyter_mlops as mlops
from jupyter_mlops.errors import EnvironmentFault, MlopsError, UsageError
from jupyter_mlops.rendering import text

TABLE = "id,wage\n1,10\n2,20\n"


@pytest.fixture
def root(project) -> Path:
    (project.root / "data").mkdir()
    (project.root / "data" / "jobs.csv").write_text(TABLE)
    return project.root


@pytest.fixture
def committed(root) -> Path:
    mlops.commit("data/jobs.csv", project=root)
    return root


def refusal(function, *arguments, **named) -> MlopsError:
    with pytest.raises(MlopsError) as caught:
        function(*arguments, **named)
    assert caught.value.message
    assert caught.value.hint
    return caught.value


def test_a_commit_saves_a_version_and_commits_only_its_own_files(root, git):
    (root / "mine.txt").write_text("staged by me")
    git("add", "mine.txt")
    done = mlops.commit("data/jobs.csv", project=root)
    assert (done.versions[0].version, done.versions[0].rows_added, done.message) == ("v1", 2, "jobs: 2 rows")
    assert git("show", "--name-only", "--format=", "HEAD").split() == ["data/.gitignore", "data/jobs.csv.dvc"]
    assert git("status", "--porcelain").strip() == "A  mine.txt"


def test_a_bare_commit_takes_all_that_changed_and_says_what(committed):
    (committed / "data" / "jobs.csv").write_text(TABLE + "3,30\n")
    (committed / "new.csv").write_text("not a dataset yet")
    done = mlops.commit(project=committed)
    assert [version.dataset for version in done.versions] == ["data/jobs.csv"]
    assert done.message == "jobs: +1 row"
    assert mlops.commit(project=committed).versions == ()


def test_nothing_new_makes_no_commit(committed, git):
    before = git("rev-parse", "HEAD")
    done = mlops.commit("data/jobs.csv", project=committed)
    assert done.versions[0].unchanged
    assert done.git_commit is None
    assert git("rev-parse", "HEAD") == before


def test_what_people_say_about_data_is_kept_in_the_pointer(committed):
    pointer = committed / "data" / "jobs.csv.dvc"
    pointer.write_text("desc: Who works  # a remark\n" + pointer.read_text() + "  labels: [survey]\n")
    facts = {"owner": "Ana", "licence": "CC0", "pii": ["id", "wage"], "retain": "90d", "purpose": "study"}
    mlops.commit("data/jobs.csv", project=committed, **facts)
    (committed / "data" / "jobs.csv").write_text(TABLE + "3,30\n")
    mlops.commit("data/jobs.csv", project=committed, owner="Omar")
    document = YAML(typ="safe").load(pointer.read_text())
    assert document["meta"].items() > {**facts, "owner": "Omar"}.items()
    assert document["desc"] == "Who works"
    assert "# a remark" in pointer.read_text()
    assert mlops.show("jobs@v2", project=committed).provenance["labels"] == ["survey"]
    assert mlops.show("jobs@v1", project=committed).provenance == {}


def test_a_folder_of_datasets_stands_for_them_and_names_the_rest(committed, git):
    (committed / "data" / "jobs.csv").write_text(TABLE + "3,30\n")
    for name in ("other.csv", "tracked.csv", "ignored.csv"):
        (committed / "data" / name).write_text(TABLE)
    (committed / ".dvcignore").write_text("ignored.csv\n")
    git("add", "data/tracked.csv")
    done = mlops.commit("data", project=committed)
    assert [(one.dataset, one.rows_added) for one in done.versions] == [("data/jobs.csv", 1)]
    assert "not saved: data/other.csv. `commit data/other.csv`" in done.note
    mlops.commit("data/other.csv", project=committed)
    assert mlops.commit("data", project=committed).note == ""
    assert mlops.commit(project=committed).note == ""


def test_rows_are_counted_once_and_kept_in_the_pointer(committed):
    (committed / "data" / "jobs.csv").write_text(TABLE + "3,30\n")
    shutil.rmtree(committed / ".dvc" / "cache")
    assert mlops.commit("jobs", project=committed).versions[0].rows_added == 1
    assert [version.rows for version in mlops.log("jobs", project=committed).versions] == [3, 2]


def test_rows_of_a_folder_are_those_of_its_files(root):
    (root / "data" / "more.csv").write_text("id,wage\n3,30\n")
    mlops.commit("data", project=root)
    (root / "data" / "more.csv").write_text("id,wage\n3,30\n4,40\n")
    (root / "data" / "jobs.csv").unlink()
    assert mlops.commit(project=root).message == "data: -1 row"
    (root / "data" / "more.csv").write_bytes(b"\xff no table")
    assert mlops.commit(project=root).versions[0].version == "v3"
    assert mlops.log("data", project=root).versions[1].rows == 2


def test_what_people_wrote_as_meta_stops_no_commit(committed):
    pointer = committed / "data" / "jobs.csv.dvc"
    pointer.write_text(pointer.read_text().partition("meta:")[0] + "meta: checked by Ana\n")
    (committed / "data" / "jobs.csv").write_text(TABLE + "3,30\n")
    mlops.commit("jobs", project=committed)
    assert mlops.show("jobs@v2", project=committed).provenance == {"note": "checked by Ana"}


def test_no_git_saves_without_a_commit(root, git):
    done = mlops.commit("data/jobs.csv", project=root, git=False)
    assert (done.git_commit, done.versions[0].version) == (None, "new")
    assert git("log", "--format=%s").splitlines()[0] == "dvc init"
    later = mlops.commit(project=root)
    assert (later.versions[0].version, later.message) == ("v1", "jobs: 2 rows")
    assert mlops.commit("jobs", owner="Ana", project=root).message == "jobs: description"


def test_a_dry_run_writes_nothing(root):
    assert mlops.commit("data/jobs.csv", project=root, dry_run=True).versions[0].added == 1
    assert not (root / "data" / "jobs.csv.dvc").exists()
    assert not list((root / ".dvc").glob("cache/files/md5/*"))


def test_an_author_may_be_given(root, git):
    mlops.commit("data/jobs.csv", project=root, author="Omar <omar@example.org>")
    assert git("log", "-1", "--format=%an %ae %cn").strip() == "Omar omar@example.org Sara"


def test_nobody_commits_without_a_name(root, git, monkeypatch):
    git("config", "--unset", "user.name")
    assert refusal(mlops.commit, "data/jobs.csv", project=root).reference == "identity-unknown"
    monkeypatch.setenv("JUPYTERHUB_USER", "hub-sara")
    assert mlops.commit("data/jobs.csv", project=root).git_commit


def test_a_plain_git_repository_becomes_a_dvc_project_on_the_way(repository, git):
    (repository / "x.csv").write_text(TABLE)
    mlops.commit("x.csv", project=repository)
    assert (repository / ".dvc" / "config").exists()
    assert git("status", "--porcelain") == ""


def test_a_bare_commit_without_datasets_does_nothing(repository):
    assert mlops.commit(project=repository).versions == ()
    assert not (repository / ".dvc").exists()


def test_data_tracked_by_git_moves_over_when_asked(root, git):
    git("add", "-f", "data/jobs.csv")
    git("commit", "-qm", "into git")
    assert refusal(mlops.commit, "data/jobs.csv", project=root).reference == "tracked-by-git"
    mlops.commit("data/jobs.csv", project=root, adopt=True)
    assert git("ls-files", "data").split() == ["data/.gitignore", "data/jobs.csv.dvc"]
    assert (root / "data" / "jobs.csv").read_text() == TABLE
    assert git("status", "--porcelain") == ""


def test_a_detached_head_and_a_merge_get_an_answer(committed, git):
    (committed / "data" / "jobs.csv").write_text("changed")
    git("checkout", "-q", "--detach")
    assert refusal(mlops.commit, project=committed).reference == "detached-head"
    git("switch", "-q", "main")
    (committed / ".git" / "MERGE_HEAD").write_text(git("rev-parse", "HEAD"))
    assert refusal(mlops.commit, project=committed).reference == "unfinished-merge"


def test_a_refusing_hook_loses_nothing(root):
    hook = root / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\necho no >&2\nexit 1\n")
    hook.chmod(0o755)
    assert "no" in refusal_without_hint(mlops.commit, "data/jobs.csv", project=root).context
    hook.unlink()
    assert mlops.commit(project=root).versions[0].version == "v1"


def refusal_without_hint(function, *arguments, **named) -> MlopsError:
    with pytest.raises(EnvironmentFault) as caught:
        function(*arguments, **named)
    return caught.value


@pytest.mark.parametrize(
    ("path", "reference"),
    [
        ("/etc/hostname", "outside-project"),
        ("nothing.csv", "no-such-file"),
        (".dvc", "not-data"),
        (".git/config", "not-data"),
        (".", "not-data"),
    ],
)
def test_what_cannot_be_committed_is_refused(project, path, reference):
    assert refusal(mlops.commit, path, project=project.root).reference == reference


def test_the_output_of_a_stage_is_not_committed_by_hand(project):
    (project.root / "dvc.yaml").write_text("stages:\n  make:\n    cmd: echo hi > out.txt\n    outs: [out.txt]\n")
    (project.root / "dvc.lock").write_text(
        "schema: '2.0'\nstages:\n  make:\n    cmd: x\n    outs:\n    - {path: out.txt, hash: md5, md5: '0', size: 1}\n"
    )
    (project.root / "out.txt").write_text("hi")
    error = refusal(mlops.commit, "out.txt", project=project.root)
    assert (error.reference, "run make" in error.hint) == ("stage-output", True)


def test_log_pages_newest_first(committed):
    for rows in range(3, 6):
        (committed / "data" / "jobs.csv").write_text(TABLE + "9,9\n" * rows)
        mlops.commit("jobs", project=committed)
    first = mlops.log("jobs", limit=3, project=committed)
    assert [version.version for version in first.versions] == ["v4", "v3", "v2"]
    assert [version.current for version in first.versions] == [True, False, False]
    rest = mlops.log("jobs", limit=3, cursor=first.next_cursor, project=committed)
    assert ([version.version for version in rest.versions], rest.next_cursor) == (["v1"], None)
    assert len(mlops.log(project=committed).versions) == 4


def test_show_tells_schema_and_rows(committed):
    shown = mlops.show("jobs@v1", project=committed)
    assert [column.name for column in shown.schema] == ["id", "wage"]
    assert (shown.version.rows, shown.name, shown.kind) == (2, "data/jobs.csv", "dataset")


def test_diff_compares_files_schema_rows_and_cells(committed):
    (committed / "data" / "jobs.csv").write_text("id,wage\n1,10\n2,25\n3,30\n")
    found = mlops.diff("jobs", key=["id"], project=committed)
    assert (found.before, found.after) == ("data/jobs.csv@v1", "data/jobs.csv@workspace")
    assert (found.rows.added, found.rows.removed, found.rows.modified) == (1, 0, 1)
    assert [(cell.column, cell.before, cell.after) for cell in found.cells] == [("wage", 20, 25)]
    assert mlops.diff("jobs@v1", "jobs@v1", project=committed).rows is None
    assert (found.note, "--key" in mlops.diff("jobs", project=committed).note) == ("", True)


def test_checkout_brings_data_and_pointer_back(committed, git):
    (committed / "data" / "jobs.csv").write_text("v2")
    mlops.commit("jobs", project=committed)
    done = mlops.checkout("jobs@v1", project=committed)
    assert (done.version, done.written) == ("v1", 1)
    assert (committed / "data" / "jobs.csv").read_text() == TABLE
    assert git("status", "--porcelain").strip() == "M data/jobs.csv.dvc"
    assert "at v1" in mlops.status(project=committed).note
    mlops.checkout("HEAD", all=True, project=committed)
    assert git("status", "--porcelain") == ""


def test_checkout_refuses_to_lose_work_and_names_it(committed):
    (committed / "data" / "jobs.csv").write_text("precious")
    error = refusal(mlops.checkout, "jobs@v1", project=committed)
    assert (error.reference, error.context) == ("would-lose-changes", "data/jobs.csv")
    assert (committed / "data" / "jobs.csv").read_text() == "precious"
    mlops.commit("jobs", project=committed, git=False)
    assert refusal(mlops.checkout, "jobs@v1", project=committed).context == "data/jobs.csv.dvc"


def test_a_tag_names_a_version(committed, git):
    mlops.tag("jobs", "gold", project=committed)
    assert mlops.log("jobs", project=committed).versions[0].tags == ("gold",)
    assert refusal(mlops.tag, "jobs", "v3", project=committed).reference == "bad-tag"
    assert refusal(mlops.tag, "jobs", "a b", project=committed).reference == "bad-tag"
    (committed / "data" / "jobs.csv").write_text("v2")
    assert refusal(mlops.tag, "jobs", "next", project=committed).reference == "not-committed"
    mlops.commit("jobs", project=committed, tag="next")
    assert refusal(mlops.tag, "jobs@v1", "next", project=committed).reference == "tag-exists"
    assert mlops.tag("jobs", "gold", remove=True, project=committed).removed
    assert git("tag").split() == ["data/jobs.csv@next"]
    subprocess.run([Path(sys.executable).parent / "gto", "show"], cwd=committed, check=True, capture_output=True)


def test_push_and_pull_move_data_and_records(committed, tmp_path, git):
    assert refusal(mlops.push, project=committed).reference == "no-remote"
    mlops.init(remote=str(tmp_path / "remote"), project=committed)
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "origin")], check=True)
    git("remote", "add", "origin", str(tmp_path / "origin"))
    git("push", "-q", "origin", "main")
    sent = mlops.push(project=committed)
    assert (sent.files, sent.direction, sent.note) == (1, "push", "")
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "-b", "main", str(tmp_path / "origin"), str(clone)], check=True)
    assert mlops.status(project=clone).datasets[0].state == "absent"
    assert mlops.pull(project=clone).files == 1
    assert (clone / "data" / "jobs.csv").read_text() == TABLE


def test_a_transfer_says_what_it_did_and_what_is_left(committed, tmp_path, git):
    assert "init --remote URL" in text(mlops.pull(project=committed))
    mlops.init(remote=str(tmp_path / "remote"), project=committed)
    assert "1 file, " in text(mlops.push(project=committed))
    again = mlops.push(project=committed)
    assert (again.files, again.bytes, again.note) == (0, 0, "")
    assert "Everything is there already" in text(again)
    assert "Everything is here already" in text(mlops.pull(project=committed))
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "origin")], check=True)
    git("remote", "add", "origin", str(tmp_path / "origin"))
    assert mlops.push(project=committed).note.endswith("only here: git push -u --follow-tags origin main")
    git("push", "-q", "-u", "origin", "main")
    assert mlops.push(project=committed).note == ""
    (committed / "data" / "jobs.csv").write_text("id\n1\n")
    mlops.commit("jobs", project=committed, tag="gold")
    assert mlops.push(project=committed).note == "1 commit and 1 tag only here: git push --follow-tags"
    git("push", "-q", "--follow-tags")
    assert mlops.push(project=committed).note == ""


def test_a_vanished_remote_is_a_clear_error(committed, tmp_path):
    (tmp_path / "file").write_text("in the way")
    mlops.init(remote=str(tmp_path / "file" / "remote"), project=committed)
    pointer = (committed / "data" / "jobs.csv.dvc").read_bytes()
    assert refusal(mlops.push, project=committed).reference == "remote-failed"
    assert (committed / "data" / "jobs.csv.dvc").read_bytes() == pointer


def test_import_copies_files_and_folders_in(project, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.csv").write_text(TABLE)
    assert mlops.import_(str(outside / "a.csv"), project=project.root).dataset == "data/a.csv"
    folder = mlops.import_(str(outside), "raw", project=project.root)
    assert (folder.version, folder.source) == ("v1", str(outside))
    assert mlops.show("raw", project=project.root).provenance["source"] == str(outside)
    assert refusal(mlops.import_, str(outside / "a.csv"), "raw", project=project.root).reference == "path-taken"
    assert refusal(mlops.import_, "ftp://x/y", project=project.root).reference == "bad-source"


@pytest.fixture
def address(tmp_path):
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "t.csv").write_text(TABLE)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(tmp_path / "web"))

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_import_downloads(project, address):
    done = mlops.import_(f"http://{address}/t.csv", project=project.root)
    assert (project.root / "data" / "t.csv").read_text() == TABLE
    assert done.source == f"http://{address}/t.csv"
    error = refusal(mlops.import_, f"http://{address}/none.csv", project=project.root)
    assert error.reference == "download-failed"
    assert not list((project.root / "data").glob("*none*"))


def test_words_of_the_user_never_become_options(project):
    (project.root / "--force.csv").write_text(TABLE)
    assert mlops.commit("--force.csv", project=project.root).versions[0].version == "v1"
    with pytest.raises(UsageError):
        mlops.checkout("--force.csv@--help", project=project.root)
