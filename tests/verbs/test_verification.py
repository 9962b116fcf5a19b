"""A damaged or missing byte is found, set aside, and fetched again where somebody still has it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import jupyter_mlops as mlops
from jupyter_mlops.project import Project


@pytest.fixture
def root(project, once, tmp_path) -> Path:  # noqa: ARG001 (what is built begins with the project)
    """Two versions of a folder, and a remote that has both."""
    root = once(tmp_path, build) / "project"
    config = root / ".dvc" / "config"
    config.write_text(re.sub("url = .*", f"url = {tmp_path / 'remote'}", config.read_text()))
    return root


def build(folder: Path) -> None:
    root = folder / "project"
    mlops.init(remote=str(folder / "remote"), project=root)
    (root / "data").mkdir()
    for number in (1, 2):
        (root / "data" / "a.csv").write_text(f"a\n{number}\n")
        (root / "data" / "b.bin").write_bytes(bytes(1000) + bytes([number]))
        mlops.commit(["data"], project=root)
    subprocess.run(["dvc", "push", "-q", "--all-commits"], cwd=root, check=True, capture_output=True)


def object_of(root: Path, reference: str, name: str) -> Path:
    datasets = Project(root).datasets
    return next(file.location for file in datasets.files(datasets.resolve(reference)) if file.path == name)


def flip(path: Path) -> None:
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_sound_cache_is_said_to_be_sound(root):
    found = mlops.verify(all_versions=True, project=root)
    assert (found.objects, found.gate) == (6, "")
    assert found.bytes > 2000


@pytest.mark.parametrize("hurt", ["flipped", "cut", "empty", "gone", "listing"])
def test_what_is_wrong_is_named_and_mended(root, hurt):
    version = mlops.log("data", project=root).versions[0]
    path = object_of(root, "data@v2", "b.bin")
    if hurt == "listing":
        path = Project(root).datasets.store.path(version.digest)
    if hurt == "gone":
        path.unlink()
    elif hurt in ("flipped", "listing"):
        flip(path)
    else:
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[: 10 if hurt == "cut" else 0])
    found = mlops.verify(project=root)
    (trouble,) = (*found.corrupt, *found.missing)
    assert trouble.kind == ("missing" if hurt == "gone" else "damaged")
    assert (trouble.dataset, trouble.version) == ("data", version.label)
    assert trouble.path == ("" if hurt == "listing" else "b.bin")
    assert found.gate
    assert any(step.line == "verify --scrub" for step in mlops.status(project=root).next)
    mended = mlops.verify(scrub=True, project=root)
    assert (mended.gate, len(mended.repaired), mended.set_aside) == ("", 1, int(hurt != "gone"))
    assert mlops.verify(all_versions=True, project=root).gate == ""
    assert mlops.status(project=root).clean
    assert object_of(root, "data@v2", "b.bin").read_bytes() == bytes(1000) + b"\2"


def test_an_older_version_counts_when_all_are_asked_for(root):
    flip(object_of(root, "data@v1", "b.bin"))
    assert mlops.verify(project=root).gate == ""
    assert mlops.verify(all_versions=True, project=root).gate == "1 damaged"


def test_without_a_remote_damage_is_set_aside_and_stays_said(root, git):
    git("config", "--file", ".dvc/config", "--remove-section", "core")
    damaged = object_of(root, "data@v2", "b.bin")
    flip(damaged)
    found = mlops.verify(scrub=True, project=root)
    assert (found.gate, found.set_aside) == ("1 missing", 1)
    assert not damaged.exists()
    assert list((root / ".dvc" / "cache" / ".damaged").iterdir())


def test_one_dataset_may_be_asked_for_alone(root):
    (root / "other.csv").write_text("a\n1\n")
    mlops.commit(["other.csv"], project=root)
    flip(object_of(root, "data@v2", "b.bin"))
    assert mlops.verify(["other.csv"], project=root).gate == ""
    assert mlops.verify(["data"], project=root).gate == "1 damaged"


def test_the_exit_code_tells(root):
    assert subprocess.run(["jupyter-mlops", "verify"], cwd=root, capture_output=True, check=False).returncode == 0
    flip(object_of(root, "data@v2", "b.bin"))
    assert subprocess.run(["jupyter-mlops", "verify"], cwd=root, capture_output=True, check=False).returncode == 1


def test_what_was_let_go_on_purpose_is_not_missed(root):
    (root / "mlops.toml").write_text("[retention]\nkeep_last = 1\n")
    assert mlops.retain(project=root).objects > 0
    assert mlops.verify(all_versions=True, project=root).gate == ""


def test_what_dvc_2_stored_is_read_by_its_own_rule(project):
    legacy = project.root / ".dvc" / "cache" / "60" / "b725f10c9c85c70d97880dfe8191b3"
    legacy.parent.mkdir(parents=True)
    legacy.write_bytes(b"a\r\n")
    (project.root / "old.csv").write_bytes(b"a\r\n")
    (project.root / "old.csv.dvc").write_text(
        "outs:\n- md5: 60b725f10c9c85c70d97880dfe8191b3\n  size: 3\n  path: old.csv\n"
    )
    assert mlops.verify(project=project.root).gate == ""
    legacy.write_bytes(b"b\r\n")
    assert mlops.verify(project=project.root).gate == "1 damaged"
