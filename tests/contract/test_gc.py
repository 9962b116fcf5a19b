"""Collections of plain dvc and of ours: neither takes what the other needs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import jupyter_mlops as mlops
from jupyter_mlops.errors import EnvironmentFault
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


WHO = "omar@example.ae"


@pytest.fixture
def erased(project) -> Path:
    """Three versions of a folder and of a file, a person erased from all."""
    root = project.root
    (root / "people").mkdir()
    for number in range(1, 4):
        (root / "people" / "same.txt").write_text("the same in all")
        (root / "people" / f"only{number}.txt").write_text(f"only in {number}")
        for path in (root / "people" / "list.csv", root / "alone.csv"):
            path.write_text(f"email,n\n{WHO},1\np@example.ae,{number}\n")
        mlops.commit(project=root, paths=["people", "alone.csv"])
        (root / "people" / f"only{number}.txt").unlink()
    mlops.checkout("people@HEAD", project=root)
    mlops.erase(subject=f"email={WHO}", reason="request 12", yes=True, project=root)
    return root


def bytes_below(root: Path) -> bytes:
    return b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file() and ".git" not in path.parts)


@pytest.mark.parametrize("scope", ["--all-commits", "--workspace"])
def test_dvc_collects_nothing_that_took_the_place_of_what_was_erased(erased, scope):
    names = {digest for digest, _ in Project(erased).datasets.store.sizes()}
    dvc(erased, "gc", scope, "--force", "--quiet")
    left = {path.parent.name + path.name for path in (erased / ".dvc/cache/files/md5").rglob("*") if path.is_file()}
    assert left < names  # else dvc would have learnt of tombstones, and nothing here would be needed
    for number in range(1, 4):
        mlops.checkout(f"people@v{number}", project=erased)
        mlops.checkout(f"alone.csv@v{number}", project=erased)
        assert (erased / "people" / f"only{number}.txt").read_text() == f"only in {number}"
        for path in (erased / "people" / "list.csv", erased / "alone.csv"):
            assert path.read_text() == f"email,n\np@example.ae,{number}\n"
    assert mlops.verify(all_versions=True, project=erased).gate == ""
    assert WHO.encode() not in bytes_below(erased)


def test_heirs_that_only_we_keep_are_pushed_and_collected_and_erased_again(erased, tmp_path):
    dvc(erased, "gc", "--all-commits", "--force", "--quiet")
    mlops.init(remote=str(tmp_path / "remote"), project=erased)
    mlops.push(all_versions=True, project=erased)
    assert mlops.push(check=True, all_versions=True, project=erased).gate is None
    assert mlops.gc(project=erased).objects == 0
    mlops.erase(subject="email=p@example.ae", reason="request 13", yes=True, project=erased)
    assert b"p@example.ae" not in bytes_below(erased) + bytes_below(tmp_path / "remote")
    mlops.checkout("people@v1", project=erased)
    assert (erased / "people" / "list.csv").read_text() == "email,n\n"


def test_a_damaged_heir_is_set_aside_and_fetched(erased, tmp_path):
    mlops.init(remote=str(tmp_path / "remote"), project=erased)
    mlops.push(all_versions=True, project=erased)
    datasets = Project(erased).datasets
    rows = next(one.location for one in datasets.files(datasets.resolve("people@v1")) if one.path == "list.csv")
    rows.chmod(0o644)
    rows.write_text("email,n\n")
    assert mlops.verify(all_versions=True, scrub=True, project=erased).gate == ""
    mlops.checkout("people@v1", project=erased)
    assert (erased / "people" / "list.csv").read_text() == "email,n\np@example.ae,1\n"


def test_heirs_whose_time_is_over_go_as_other_versions_do(erased):
    (erased / "mlops.toml").write_text("[retention]\nkeep_last = 1\n")
    planned = mlops.retain(["people"], dry_run=True, project=erased)
    assert [each.state for each in planned.versions] == ["kept", "kept", "expired", "expired"]
    done = mlops.retain(project=erased)
    assert done.objects > planned.objects > 0
    assert mlops.gc(project=erased).objects == 0
    datasets = Project(erased).datasets
    needed = {one for _, out in datasets.pointers() for one in datasets.store.objects(out.digest)}
    assert {digest for digest, _ in datasets.store.sizes()} == needed
    with pytest.raises(EnvironmentFault, match="data-let-go"):
        mlops.checkout("people@v1", project=erased)
    assert mlops.checkout("people@v3", project=erased).written == 0
