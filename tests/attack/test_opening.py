"""Opening a stranger's repository runs nothing of it and writes nothing, whatever the face."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from live_server import Server

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError, UsageError

READING: Mapping[str, dict[str, Any]] = {
    "status": {},
    "log": {"name": "wages.csv"},
    "show": {"reference": "wages.csv@v1"},
    "diff": {"before": "wages.csv@v1", "after": "wages.csv@v2"},
    "runs": {},
    "models": {},
    "deployments": {},
    "lineage": {},
    "profile": {"reference": "wages.csv@v1"},
    "drift": {"reference": "wages.csv@v2", "against": "wages.csv@v1"},
    "stage list": {},
    "doctor": {},
}
HOOKS = ("post-checkout", "pre-commit", "post-index-change", "reference-transaction", "fsmonitor-watchman")
KEYS = (
    "core.fsmonitor",
    "core.pager",
    "core.editor",
    "core.sshCommand",
    "core.askPass",
    "core.gitProxy",
    "core.alternateRefsCommand",
    "credential.helper",
    "diff.external",
    "diff.trap.command",
    "diff.trap.textconv",
    "filter.trap.clean",
    "filter.trap.smudge",
    "filter.trap.process",
    "gpg.program",
    "interactive.diffFilter",
    "remote.origin.uploadpack",
)
SEAL = """
head -c 1 > /dev/null
echo '[GNUPG:] SIG_CREATED ' >&2
printf '%s\\n' '-----BEGIN PGP SIGNATURE-----' '' x '-----END PGP SIGNATURE-----'
"""
EVIL_STAGES = """
stages:
  trap:
    cmd: touch {sprung}/stage
    deps: [wages.csv]
    outs: [made]
  looped:
    foreach: [a, b]
    do:
      cmd: touch {sprung}/${{item}}
"""


class Bomb:
    """Springs when it is unpickled."""

    def __init__(self, sprung: Path) -> None:
        self.sprung = sprung

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.sprung / "pickle",))


@pytest.fixture
def sprung(tmp_path: Path) -> Path:
    """A folder into which every trap writes."""
    folder = tmp_path / "sprung"
    folder.mkdir()
    return folder


@pytest.fixture
def stranger(project: Any, git: Any, tmp_path: Path, sprung: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two versions of one dataset, in which all that git, DVC or Python could run is a trap."""
    for rows in (50, 60):
        (project.root / "wages.csv").write_text(table(rows))
        mlops.commit("wages.csv", project=project.root)
    first = git("cat-file", "blob", "HEAD~1:wages.csv.dvc")
    (project.root / "dvc.yaml").write_text(EVIL_STAGES.format(sprung=sprung))
    (project.root / ".gitattributes").write_text("* filter=trap diff=trap\n")
    git("add", "dvc.yaml", ".gitattributes")
    git("commit", "-qm", "\x1b]0;owned\x07 <script>alert(1)</script>")
    lay_git_traps(git, project.root, tmp_path / "trap", sprung)
    lay_pickles(project.root, sprung)
    (project.root / "wages.csv.dvc").write_text(first)
    (project.root / "wages.csv").write_text(table(50))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "fresh"))
    for trap in sprung.iterdir():
        trap.unlink()
    return project.root


def table(rows: int) -> str:
    return "wage\n" + "".join(f"{row}\n" for row in range(rows))


def lay_git_traps(git: Any, root: Path, script: Path, sprung: Path) -> None:
    """A command in every setting that may name one, a hook of every name, and a seal to be checked."""
    script.write_text(f"#!/bin/sh\necho \"$0 $@\" >> '{sprung}/git'\n{SEAL}")
    script.chmod(0o755)
    git("-c", f"gpg.program={script}", "commit", "-q", "--amend", "-S", "--no-edit")
    for hook in HOOKS:
        (root / ".git" / "hooks" / hook).write_bytes(script.read_bytes())
        (root / ".git" / "hooks" / hook).chmod(0o755)
    for verb in ("log", "status", "config", "rev-parse"):
        git("config", f"alias.{verb}", f"!{script}")
    git("config", "log.showSignature", "true")
    git("config", "remote.origin.url", str(root))
    git("config", "remote.origin.promisor", "true")
    for key in KEYS:
        git("config", key, str(script))


def lay_pickles(root: Path, sprung: Path) -> None:
    bomb = pickle.dumps(Bomb(sprung))
    for folder in (".dvc/tmp", ".mlops", ".mlops/profiles"):
        (root / folder).mkdir(exist_ok=True)
        for name in ("cache.db", "lock", "rwlock", "index.pkl", "history.sqlite"):
            (root / folder / name).write_bytes(bomb)
    (root / ".dvc" / "config.local").write_text(f"[core]\n    site_cache_dir = {root}/.dvc/tmp\n")
    (root / "sitecustomize.py").write_text(f"open({str(sprung / 'python')!r}, 'w')\n")
    (root / "numpy.py").write_text(f"open({str(sprung / 'python')!r}, 'w')\n")


def tree(folder: Path) -> dict[str, Any]:
    """Every file below `folder`: its bytes and when they were written."""
    return {str(path): (path.lstat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def read(verb: str, root: Path) -> Any:
    family, _, word = verb.partition(" ")
    function = getattr(mlops, family)
    return (getattr(function, word) if word else function)(**READING[verb], project=root)


@pytest.mark.parametrize("verb", READING)
def test_reading_runs_nothing_and_writes_nothing(
    stranger: Path, sprung: Path, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DVC_SITE_CACHE_DIR")
    before = tree(stranger)
    read(verb, stranger)
    assert not list(sprung.iterdir())
    assert tree(stranger) == before


def test_the_traps_work(stranger: Path, sprung: Path, git: Any) -> None:
    git("log")
    pickle.loads((stranger / ".dvc/tmp/lock").read_bytes())
    assert {path.name for path in sprung.iterdir()} == {"git", "pickle"}


def test_a_missing_object_is_not_fetched(stranger: Path, sprung: Path, git: Any) -> None:
    blob = git("rev-parse", "HEAD:wages.csv.dvc").strip()
    (stranger / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    for verb in READING:
        with contextlib.suppress(MlopsError):
            read(verb, stranger)
    assert not list(sprung.iterdir())


def test_a_server_over_it_runs_nothing(server: Server, stranger: Path, sprung: Path) -> None:
    before = tree(stranger)
    server.get("verbs", project="project")
    for verb, query in READING.items():
        server.get(verb.replace(" ", "/"), project="project", **query)
    assert not list(sprung.iterdir())
    assert tree(stranger) == before


def test_a_cache_that_came_with_the_clone_is_not_used(project: Any, git: Any, tmp_path: Path) -> None:
    (elsewhere := tmp_path / "elsewhere").mkdir()
    (project.root / ".mlops").symlink_to(elsewhere)
    git("add", "--force", ".mlops")
    (project.root / "wages.csv").write_text("wage\n1\n")
    mlops.commit("wages.csv", project=project.root)
    mlops.init(project=project.root)
    for verb in ("status", "runs"):
        read(verb, project.root)
    mlops.profile("wages.csv", project=project.root)
    assert not list(elsewhere.iterdir())


def test_a_link_leads_no_file_outside(project: Any, tmp_path: Path) -> None:
    (elsewhere := tmp_path / "elsewhere").mkdir()
    (project.root / "link").symlink_to(elsewhere)
    for verb, arguments in ((mlops.view, ("status",)), (mlops.ci, ())):
        with pytest.raises(UsageError, match="outside-project"):
            verb(*arguments, output="link/made.html", project=project.root)
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("name", ["wages", "wages/passwd.csv"])
def test_a_link_in_a_dataset_brings_no_file_of_this_machine_in(project: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / "passwd.csv").write_text("a\n1\n")
    (project.root / "wages").mkdir()
    (project.root / "wages" / "passwd.csv").symlink_to(tmp_path / "passwd.csv")
    with pytest.raises(UsageError, match="link-leads-outside"):
        mlops.commit(name, project=project.root)
    assert not [*project.root.rglob("*.csv.dvc"), *project.root.glob("wages.dvc")]


def test_a_link_to_a_file_of_the_project_is_followed(project: Any) -> None:
    (project.root / "wages").mkdir()
    (project.root / "one.csv").write_text("a\n1\n")
    (project.root / "wages" / "two.csv").symlink_to(project.root / "one.csv")
    assert mlops.commit("wages", project=project.root).versions[0].files == 1


def test_a_pipeline_names_no_file_of_this_machine(project: Any, tmp_path: Path, git: Any) -> None:
    (tmp_path / "secret.yaml").write_text("key: hunter2\nauc: 0.123456\n")
    (project.root / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (project.root / "dvc.yaml").write_text(
        "stages:\n  a:\n    cmd: 'true'\n    params:\n    - ../secret.yaml:\n      - key\n    - link.yaml:\n      - key\n"
        "    metrics:\n    - ../secret.yaml:\n        cache: false\n    - link.yaml:\n        cache: false\n"
    )
    git("add", "dvc.yaml")
    with pytest.raises(UsageError, match="link-leads-outside"):
        mlops.run(project=project.root)
    (project.root / "link.yaml").unlink()
    said = "".join(str(verb(project=project.root)) for verb in (mlops.status, mlops.stage.list, mlops.run, mlops.runs))
    assert "hunter2" not in said
    assert "0.123456" not in said
