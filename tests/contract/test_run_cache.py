"""The run-cache: what plain DVC made we restore, and what we made plain DVC restores."""

from __future__ import annotations

from pathlib import Path

import pytest
from chains import states

import jupyter_mlops as mlops


def entries(root: Path) -> set[str]:
    folder = root / ".dvc" / "cache" / "runs"
    return {path.relative_to(folder).as_posix() for path in folder.glob("*/*/*")} if folder.exists() else set()


@pytest.fixture
def command(project, git):
    """A stage of the shell with a parameter, and metrics that git keeps."""
    root = project.root
    (root / "in.txt").write_text("in")
    (root / "params.yaml").write_text("p: 1\nlist:\n- 1.5\n- text\n")
    (root / "dvc.yaml").write_text(
        "stages:\n  make:\n    cmd: cat in.txt params.yaml > out.txt && cp -r in.txt d.txt && echo '{\"a\":1}' > m.json\n"
        "    deps: [in.txt]\n    params: [p, list]\n    outs: [out.txt, d.txt]\n    metrics: [m.json: {cache: false}]\n"
    )
    (root / ".gitignore").write_text("/out.txt\n/d.txt\n/count\n")
    git("add", "-A")
    git("commit", "-qm", "stage")
    return root


def elsewhere_and_back(root: Path, run) -> None:
    """Run with another parameter, so that nothing in the workspace fits the first any more."""
    (root / "params.yaml").write_text("p: 2\nlist: []\n")
    run()
    (root / "params.yaml").write_text("p: 1\nlist:\n- 1.5\n- text\n")


def test_both_name_the_same_entry(command, dvc):
    mlops.run(project=command)
    ours = entries(command)
    assert len(ours) == 1
    dvc("repro", "-f")
    assert entries(command) == ours


def test_plain_dvc_restores_what_we_ran(command, dvc):
    mlops.run(project=command)
    elsewhere_and_back(command, lambda: mlops.run(project=command))
    assert "is cached - skipping run" in dvc("repro")
    assert "p: 1" in (command / "out.txt").read_text()
    assert (command / "m.json").exists()


def test_we_restore_what_plain_dvc_ran(command, dvc):
    dvc("repro")
    elsewhere_and_back(command, lambda: dvc("repro"))

    report = mlops.run(project=command)

    assert states(report) == {"make": "restored"}
    assert "p: 1" in (command / "out.txt").read_text()
    assert "up to date" in dvc("status")


def test_what_the_cache_lost_is_run_again(command):
    mlops.run(project=command)
    elsewhere_and_back(command, lambda: mlops.run(project=command))
    for path in (command / ".dvc" / "cache" / "files" / "md5").glob("*/*"):
        path.chmod(0o644)
        path.unlink()
    assert states(mlops.run(project=command)) == {"make": "ran"}


def test_an_entry_that_does_not_say_what_its_name_promises_is_not_used(command):
    mlops.run(project=command)
    folder = command / ".dvc" / "cache" / "runs"
    elsewhere_and_back(command, lambda: mlops.run(project=command))
    for name in entries(command):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace("in.txt", "evil.txt"))
    assert states(mlops.run(project=command)) == {"make": "ran"}


@pytest.mark.parametrize("line", ["    always_changed: true\n", "    outs: [out.txt: {persist: true}]\n"])
def test_what_plain_dvc_does_not_keep_we_do_not_keep(project, dvc, line):
    (project.root / "in.txt").write_text("in")
    outs = "" if "persist" in line else "    outs: [out.txt]\n"
    (project.root / "dvc.yaml").write_text(
        f"stages:\n  make:\n    cmd: cp in.txt out.txt\n    deps: [in.txt]\n{outs}{line}"
    )
    mlops.run(project=project.root, git=False)
    assert entries(project.root) == set()
    dvc("repro")
    assert entries(project.root) == set()


def test_force_runs_though_the_cache_knows(command):
    mlops.run(project=command)
    assert states(mlops.run(force=True, project=command)) == {"make": "ran"}
