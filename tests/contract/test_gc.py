"""Collections of plain dvc and of ours: neither takes what the other needs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import jupyter_mlops as mlops
from jupyter_mlops.project import Project

AROUND = (".in-use", ".damaged", ".incoming")


@pytest.fixture
def root(project, once) -> Path:
    """Four versions of a folder with a table."""
    return once(project.root, build)


def build(root: Path) -> None:
    (root / "data").mkdir()
    (root / "data" / "same.csv").write_text("x\n1\n")
    for number in range(1, 5):
        (root / "data" / "rows.csv").write_text("a\n" + "1\n" * number)
        mlops.commit("data", project=root)


def dvc(root: Path, *arguments: str) -> str:
    done = subprocess.run(["dvc", *arguments], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def kept(root: Path) -> dict[str, bytes]:
    """Every file that we keep in the cache beside DVC's objects, in git's folder, or in our own."""
    cache = root / ".dvc" / "cache"
    places = (
        *(cache / name for name in AROUND),
        root / ".git" / "mlops",
        root / ".git" / "refs" / "mlops",
        root / ".mlops",
    )
    files = (path for place in places for path in (place, *place.rglob("*")) if path.is_file())
    return {str(path): path.read_bytes() for path in files if path.suffix not in {".sqlite-shm", ".sqlite-wal"}}


@pytest.mark.parametrize("scope", ["--workspace", "--all-commits"])
def test_dvc_collects_nothing_of_ours(root, scope):
    mlops.init(project=root)
    mlops.profile("data/rows.csv", project=root)
    datasets = Project(root).datasets
    digest = mlops.log("data", project=root).versions[0].digest
    rows = next(one.location for one in datasets.files(datasets.resolve("data@v1")) if one.path == "rows.csv")
    datasets.store.quarantine(rows)
    mlops.gc(project=root)
    with datasets.store.incoming() as incoming:
        (incoming / "partial").write_bytes(b"half an obj")
        before = kept(root)
        assert {Path(path).name for path in before} >= {".in-use", "partial"}
        assert any(".damaged" in path for path in before)
        dvc(root, "gc", scope, "--force", "--quiet")
        assert kept(root) == before
    assert datasets.is_stored(digest)
    assert mlops.status(project=root).clean
    assert len(mlops.log("data", project=root).versions) == 4


def test_dvc_agrees_that_nothing_is_left_to_collect_after_us(root):
    (root / "stray.csv").write_text("stray\n")
    Project(root).datasets.save("stray.csv")
    (root / "stray.csv").unlink()
    assert mlops.gc(project=root).objects == 1
    before = {digest for digest, _ in Project(root).datasets.store.sizes()}
    dvc(root, "gc", "--all-commits", "--force", "--quiet")
    assert {digest for digest, _ in Project(root).datasets.store.sizes()} == before


def test_dvc_checks_out_every_version_that_retention_kept(root, git):
    (root / "mlops.toml").write_text("[retention]\nkeep_last = 2\n")
    assert mlops.retain(project=root).objects > 0
    mlops.gc(project=root)
    assert dvc(root, "status") == "Data and pipelines are up to date."
    for back, rows in ((1, 3), (0, 4)):
        git("checkout", "-q", f"HEAD~{back}", "--", "data.dvc")
        dvc(root, "checkout", "--quiet")
        assert (root / "data" / "rows.csv").read_text() == "a\n" + "1\n" * rows
        assert dvc(root, "status") == "Data and pipelines are up to date."
    git("checkout", "-q", "HEAD~3", "--", "data.dvc")
    gone = subprocess.run(["dvc", "checkout"], cwd=root, capture_output=True, text=True, check=False)
    assert gone.returncode != 0


def test_dvc_collects_and_adds_after_retention(root):
    (root / "mlops.toml").write_text("[retention]\nkeep_last = 2\n")
    mlops.retain(project=root)
    dvc(root, "gc", "--workspace", "--force", "--quiet")
    (root / "data" / "rows.csv").write_text("a\nnew\n")
    dvc(root, "add", "--quiet", "data")
    assert mlops.commit("data", project=root).versions[0].version == "v5"
    assert dvc(root, "status") == "Data and pipelines are up to date."
    assert mlops.gc(project=root, force=True).objects == 0
