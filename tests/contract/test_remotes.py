"""What `push` sent is all that plain dvc and a clone need; what `pull` fetched is all that a registration needs."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import random
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from model_files import skops_bytes

import jupyter_mlops as mlops
from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.project import Project


@pytest.fixture
def root(project, git, tmp_path) -> Path:
    """A project with a stage out in a folder of its own, a DVC remote and a bare ``origin``."""
    folder = project.root
    (folder / "d").mkdir()
    (folder / "d" / "a.csv").write_text("a\n1\n")
    (folder / "dvc.yaml").write_text(
        "stages:\n  s:\n    cmd: mkdir -p m && cp d/a.csv m/o.csv && echo z >> m/o.csv\n    deps: [d]\n    outs: [m/o.csv]\n"
    )
    mlops.commit("d", project=folder)
    mlops.init(remote=str(tmp_path / "remote"), project=folder)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(tmp_path / "origin")], check=True)
    git("remote", "add", "origin", str(tmp_path / "origin"))
    git("add", ".")
    git("commit", "-qm", "stage")
    return folder


def share(git) -> None:
    git("add", ".")
    git("commit", "-qm", "all", "--allow-empty")
    git("push", "-q", "-u", "--follow-tags", "origin", "main")


def cloned(tmp_path: Path) -> Path:
    subprocess.run(["git", "clone", "-q", str(tmp_path / "origin"), str(tmp_path / "clone")], check=True)
    for key, value in (("user.name", "Tom"), ("user.email", "tom@example.org")):
        subprocess.run(["git", "config", key, value], cwd=tmp_path / "clone", check=True)
    return tmp_path / "clone"


def registered(root: Path, seed: int) -> None:
    (root / "model.skops").write_bytes(skops_bytes(seed))
    mlops.commit("model.skops", project=root)
    mlops.register("model.skops", name="churn", project=root)


def test_push_sends_the_outs_of_stages(root, dvc, git, tmp_path):
    dvc("repro", "-q")
    share(git)
    sent = mlops.push(project=root)
    assert (sent.files, sent.missing) == (2, 0)
    assert "in sync" in dvc("status", "-c")
    clone = cloned(tmp_path)
    assert mlops.pull(project=clone).files == 2
    assert (clone / "m" / "o.csv").read_text() == "a\n1\nz\n"


def test_one_out_is_pushed_and_pulled_by_its_name(root, dvc, git, tmp_path):
    (root / "d" / "b.csv").write_text("b\n")
    mlops.commit("d", project=root)
    dvc("repro", "-q")
    share(git)
    assert mlops.push("m/o.csv", project=root).files == 1
    clone = cloned(tmp_path)
    assert mlops.pull("m/o.csv", project=clone).files == 1
    assert not (clone / "d").exists()
    with pytest.raises(EnvironmentFault) as refused:
        mlops.pull(project=clone)
    assert refused.value.reference == "not-on-remote"


def test_a_stage_in_a_folder_below_is_pushed(root, dvc, git):
    (root / "deep").mkdir()
    (root / "deep" / "dvc.yaml").write_text("stages:\n  t:\n    cmd: echo 1 > o.csv\n    outs: [o.csv]\n")
    dvc("repro", "-q", "-P")
    share(git)
    mlops.push("deep/o.csv", project=root)
    mlops.push(project=root)
    assert "in sync" in dvc("status", "-c")


def test_every_registered_version_reaches_a_clone(root, dvc, git, tmp_path):
    dvc("repro", "-q")
    registered(root, 0)
    registered(root, 1)
    share(git)
    mlops.push(project=root)
    clone = cloned(tmp_path)
    mlops.pull(project=clone)
    models = Project.find(clone).models
    held = [models.location(models.resolve(f"churn@v{number}")).read_bytes() for number in (1, 2)]
    assert held == [skops_bytes(0), skops_bytes(1)]
    assert mlops.deploy("churn@v1", project=clone).state == "healthy"
    mlops.undeploy("churn", project=clone)


def test_tagged_versions_are_pushed_and_untagged_ones_are_not(root, dvc):
    mlops.tag("d", "gold", project=root)
    for text in ("a\n2\n", "a\n3\n"):
        (root / "d" / "a.csv").write_text(text)
        mlops.commit("d", project=root)
    mlops.push("d", project=root)
    assert mlops.push(project=root).files == 1
    subprocess.run(["rm", "-rf", ".dvc/cache/files"], cwd=root, check=True)
    dvc("fetch", "-q", "--all-commits")
    assert mlops.checkout("d@gold", project=root).written == 1


def test_a_registered_file_that_nobody_has_is_told(root, dvc):
    dvc("repro", "-q")
    registered(root, 0)
    lost = mlops.models("churn", project=root).models[0].versions[0].digest
    registered(root, 1)
    Project.find(root).datasets.store.path(lost).unlink()
    assert mlops.push(project=root).missing == 1
    assert mlops.pull(project=root).missing == 1


def test_what_a_folder_of_the_project_is_called_does_not_matter(root, dvc):
    dvc("repro", "-q")
    (root / "dvc.py").write_text("raise SystemExit('not the real one')")
    (root / "json.py").write_text("raise SystemExit('not the real one')")
    assert mlops.push(project=root).files == 2


@pytest.fixture
def site(tmp_path) -> str:
    """The address under which the folder of the remote can be read."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(tmp_path / "remote"))

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_web_server_is_a_remote_to_fetch_from(root, dvc, git, site, tmp_path):
    dvc("repro", "-q")
    share(git)
    mlops.push(project=root)
    clone = cloned(tmp_path)
    subprocess.run(["rm", "-rf", "d", "m"], cwd=root, check=True)
    (clone / ".dvc" / "config.local").write_text(f"['remote \"web\"']\n    url = {site}\n")
    pulled = mlops.pull(remote="web", run_cache=True, project=clone)
    assert (pulled.files, pulled.runs) == (2, 0)
    assert "cannot hold the run-cache" in pulled.note
    assert (clone / "m" / "o.csv").read_text() == "a\n1\nz\n"


def test_a_remote_that_dvc_2_filled_is_read(project, git, tmp_path):
    root, data = project.root, b"a\n1\n"
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    listing = json.dumps([{"md5": md5, "relpath": "a.csv"}]).encode()
    top = hashlib.md5(listing, usedforsecurity=False).hexdigest()
    for name, content in ((md5, data), (f"{top}.dir", listing)):
        (tmp_path / "old" / name[:2]).mkdir(parents=True, exist_ok=True)
        (tmp_path / "old" / name[:2] / name[2:]).write_bytes(content)
    (root / "d.dvc").write_text(f"outs:\n- md5: {top}.dir\n  size: 4\n  nfiles: 1\n  path: d\n")
    (root / ".dvc" / "config").write_text(f"[core]\n    remote = old\n['remote \"old\"']\n    url = {tmp_path}/old\n")
    git("add", ".")
    git("commit", "-qm", "from long ago")
    assert mlops.fetch(project=root, dry_run=True).files == 1
    assert mlops.pull(project=root).files == 1
    assert (root / "d" / "a.csv").read_bytes() == data
    assert mlops.push(project=root).files == 0


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system in memory that holds 200 kB."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a disk of its own")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def heavy(root: Path) -> None:
    for number in range(20):
        (root / "d" / f"{number}.bin").write_bytes(random.Random(number).randbytes(20_000))
    mlops.commit("d", project=root)


def whole_objects(store: Path) -> int:
    """How many objects lie below `store`; each must be what its name says."""
    found = [path for path in store.rglob("*") if path.is_file() and len(path.parent.name) == 2]
    for path in found:
        name = (path.parent.name + path.name).removesuffix(".dir")
        assert hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() == name
    return len(found)


def test_a_full_remote_is_told_and_holds_whole_objects_only(root, tmp_path):
    heavy(root)
    with small_disk(tmp_path / "remote"):
        with pytest.raises(EnvironmentFault) as told:
            mlops.push("d", project=root)
        assert told.value.reference == "disk-full"
        assert 0 < whole_objects(tmp_path / "remote") < 21
        subprocess.run(["mount", "-o", "remount,size=2m", str(tmp_path / "remote")], check=True)
        assert mlops.push("d", project=root).files < 21
        assert whole_objects(tmp_path / "remote") == 22


def test_a_full_cache_is_told_and_the_next_fetch_goes_on(root, git, tmp_path):
    heavy(root)
    share(git)
    mlops.push("d", project=root)
    clone = cloned(tmp_path)
    cache = clone / ".dvc" / "cache"
    with small_disk(cache):
        with pytest.raises(EnvironmentFault) as told:
            mlops.fetch("d", project=clone)
        assert told.value.reference == "disk-full"
        arrived = whole_objects(cache / "files")
        assert 0 < arrived < 21
        subprocess.run(["mount", "-o", "remount,size=2m", str(cache)], check=True)
        assert mlops.fetch("d", project=clone).files == 21 - arrived


def test_a_check_covers_the_commit_that_others_have(root, dvc, git, tmp_path):
    dvc("repro", "-q")
    share(git)
    mlops.push(project=root)
    shared = git("rev-parse", "HEAD")[:7]
    gone = mlops.log("d", project=root).versions[0].digest
    (root / "d" / "a.csv").write_text("a\n2\n")
    mlops.commit("d", project=root)
    mlops.push("d", project=root)
    assert mlops.push(check=True, project=root).gate is None
    (tmp_path / "remote" / "files" / "md5" / gone[:2] / gone[2:]).unlink()
    found = mlops.push(check=True, project=root)
    assert [one.version for one in found.lacking] == [f"d@{shared}"]
    assert shared in found.gate


def test_what_only_dvc_knows_the_way_to_is_pulled_by_it(root, dvc, git, tmp_path):
    other = tmp_path / "other"
    subprocess.run(["git", "clone", "-q", str(root), str(other)], check=True)
    (root / "dvc.yaml").write_text(
        "stages:\n  s:\n    cmd: echo 5 > o.csv\n    outs:\n    - o.csv:\n        remote: aside\n"
    )
    dvc("remote", "add", "aside", str(tmp_path / "aside"))
    dvc("repro", "-q")
    mlops.push(project=root)
    assert [path for path in (tmp_path / "aside").rglob("*") if path.is_file()]
    dvc("import", "-q", str(other), "d", "-o", "theirs")
    share(git)
    clone = cloned(tmp_path)
    mlops.pull(project=clone)
    assert (clone / "o.csv").read_text() == "5\n"
    assert (clone / "theirs" / "a.csv").read_text() == (root / "d" / "a.csv").read_text()
    assert mlops.push(check=True, project=root).gate is None
