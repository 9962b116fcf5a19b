from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from model_files import commit_model

from jupyter_mlops.errors import EnvironmentFault, MlopsError, UnknownReference, UsageError
from jupyter_mlops.project import Project
from jupyter_mlops.records import Actor

SARA = Actor("Sara", "sara@example.org")


def register(project, name: str = "credit", path: str = "model.onnx", **more):
    return project.models.register(path, name, SARA, **more)


@pytest.fixture
def two(project, git, once):
    def build(_):
        for content in (b"one", b"two"):
            commit_model(project, git, content)
            register(project)

    once(project.root, build)
    return project


def refused(reference: str, kind: type[MlopsError] = UsageError):
    return pytest.raises(kind, match=reference)


def test_versions_count_up(two):
    model = two.models.get("credit")
    assert [version.label for version in model.versions] == ["v2", "v1"]
    assert model.versions[0].tag == "credit@v2.0.0"
    assert two.models.location(model.versions[1]).read_bytes() == b"one"


def test_a_model_that_dvc_keeps(project, git):
    (project.root / "model.onnx").write_bytes(b"kept by dvc")
    subprocess.run(["dvc", "add", "-q", "model.onnx"], cwd=project.root, check=True)
    git("add", ".")
    git("commit", "-qm", "model")
    done = register(project)
    version = project.models.resolve("credit@v1")
    assert (done.content.source, version.source) == ("dvc", "dvc")
    assert project.models.location(version).read_bytes() == b"kept by dvc"


def test_a_file_that_is_nowhere(project, git):
    test_a_model_that_dvc_keeps(project, git)
    version = project.models.resolve("credit")
    project.models.location(version).unlink()
    with refused("model-missing", EnvironmentFault):
        project.models.location(version)


def test_comments_in_dvc_yaml_stay_and_other_files_stay_staged(project, git):
    (project.root / "dvc.yaml").write_text("# mine\nstages: {}\n")
    git("add", "dvc.yaml")
    commit_model(project, git, b"one")
    (project.root / "other").write_text("x")
    git("add", "other")
    register(project)
    assert "# mine" in (project.root / "dvc.yaml").read_text()
    assert git("diff", "--cached", "--name-only").split() == ["other"]


def test_a_changed_file_is_not_registered(project, git):
    commit_model(project, git, b"one")
    (project.root / "model.onnx").write_bytes(b"changed")
    with refused("uncommitted-model"):
        register(project)


def test_a_file_never_committed_is_not_registered(project):
    (project.root / "model.onnx").write_bytes(b"new")
    with refused("uncommitted-model"):
        register(project)
    with refused("no-model-file"):
        register(project, path="absent.onnx")


def test_one_registration_one_commit(two):
    with refused("already-registered"):
        register(two)


def test_a_pipeline_with_open_changes_is_not_committed_along(project, git):
    commit_model(project, git, b"one")
    (project.root / "dvc.yaml").write_text("stages: {}\n")
    with refused("uncommitted-pipeline"):
        register(project)


def test_what_a_hook_refuses_leaves_nothing(project, git):
    commit_model(project, git, b"one")
    hook = project.root / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with refused("git-failed", EnvironmentFault):
        register(project)
    assert not (project.root / "dvc.yaml").exists()
    assert git("tag") == ""


def test_a_version_may_be_chosen_once(two, git):
    commit_model(two, git, b"three")
    with refused("version-exists"):
        register(two, version="2.0.0")
    assert register(two, version="2.1.0").label == "v2.1.0"
    assert two.models.resolve("credit@v2").label == "v2.1.0"
    assert two.models.get("credit").versions[1].label == "v2.0.0"


def test_planning_writes_nothing(project, git):
    commit_model(project, git, b"one")
    head = project.git.head()
    assert project.models.plan("model.onnx", "credit").label == "v1"
    assert (project.git.head(), git("tag")) == (head, "")


def test_an_alias_moves_and_tells_what_was_before(two):
    assert two.models.set_alias("credit", "champion", "v1", SARA).previous is None
    assert two.models.set_alias("credit", "champion", "", SARA).previous == "v1"
    assert two.models.resolve("credit@champion").label == "v2"
    assert two.models.get("credit").aliases == {"champion": "v2"}


def test_a_removed_alias_is_gone_from_every_version(two):
    for version in ("v1", "v2", "v1", "v2"):
        two.models.set_alias("credit", "champion", version, SARA)
    assert two.models.remove_alias("credit", "champion", SARA).previous == "v2"
    assert two.models.get("credit").aliases == {}
    with refused("unknown-alias", UnknownReference):
        two.models.remove_alias("credit", "champion", SARA)


def test_references(two):
    digest = two.models.resolve("credit@v1").digest
    assert two.models.resolve(f"credit@{digest[:8]}").label == "v1"
    assert two.models.resolve("model:credit").label == "v2"
    two.models.set_alias("credit", "champion", "v1", SARA)
    assert two.models.resolve("credit").label == "v1"
    assert two.models.resolve("credit@latest").label == "v2"


@pytest.mark.parametrize(
    ("reference", "hint"), [("credt", "credit"), ("credit@champin", "champion"), ("credit@v9", "v")]
)
def test_an_unknown_name_gets_the_nearest(two, reference, hint):
    two.models.set_alias("credit", "champion", "v1", SARA)
    with pytest.raises(UnknownReference) as caught:
        two.models.resolve(reference)
    assert hint in caught.value.hint


def test_registers_at_once_do_not_collide(project, git):
    commit_model(project, git, b"one")

    def attempt(_: int) -> str:
        try:
            return register(Project(project.root)).label
        except UsageError as error:
            return error.reference

    with ThreadPoolExecutor(4) as pool:
        found = sorted(pool.map(attempt, range(4)))
    assert found == ["already-registered"] * 3 + ["v1"]


def test_a_project_below_the_top_carries_its_folder(repository, git):
    from dvc.repo import Repo

    folder = repository / "risk"
    folder.mkdir()
    Repo.init(str(folder), subdir=True).close()
    git("add", ".")
    git("commit", "-qm", "dvc")
    below = Project(folder)
    (folder / "model.onnx").write_bytes(b"one")
    git("add", ".")
    git("commit", "-qm", "model")
    assert register(below).tag == "risk=credit@v1.0.0"
    assert below.models.resolve("credit@v1").path == "model.onnx"
    assert Project(repository).models.all() == ()


def test_tags_are_signed_when_git_is_told_so(two, git, tmp_path):
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    git("config", "gpg.format", "ssh")
    git("config", "user.signingkey", str(key))
    git("config", "tag.gpgsign", "true")
    two.models.set_alias("credit", "champion", "v1", SARA)
    assert "BEGIN SSH SIGNATURE" in git("cat-file", "tag", "credit#champion#1")
    assert two.models.resolve("credit@champion").label == "v1"
