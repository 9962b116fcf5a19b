"""No input, however clumsy or hostile, ends in a traceback or in an error that nobody foresaw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.cli import main
from jupyter_mlops.errors import UsageError
from jupyter_mlops.governance.audit import AuditLog
from jupyter_mlops.records import Actor
from jupyter_mlops.versioning.pointers import load_yaml

PIPELINES = (
    "stages: [1]",
    "stages:\n  a:\n    cmd: x\n    outs: [{a: 5}, {b: [1]}, null]",
    "stages:\n  a:\n    cmd: x\n    params: [5, {x: 5}]",
    "stages:\n  a:\n    cmd: x\n    wdir: [1]",
    "stages:\n  a:\n    cmd: x\n    metrics: 5",
    "[" * 3000,
    "\0",
)
SETTINGS = ("roles = 'x'", "[roles]\na = 5", "project = 5", "[roles]\na = ['x']", "a = " + "[" * 3000)
NOTEBOOKS = (
    "",
    '{"cells": [5]}',
    '{"cells": [{"cell_type": "code", "source": [5]}]}',
    '{"cells": [{"cell_type": "code", "source": "", "metadata": {"tags": 5}}]}',
    '{"cells": [], "metadata": {"kernelspec": 5}}',
    "[" * 3000,
)
LOCKS = ("[1]", "5", "stages: [1]", "stages:\n  a: [1]", "stages:\n  a:\n    outs: 5", "[" * 3000)


def answer(capsys: pytest.CaptureFixture[str], root: Path, *words: str) -> tuple[int, Any]:
    """The exit code and the one JSON document of a line."""
    capsys.readouterr()
    code = main([*words, "--json", "--project", str(root)])
    return code, json.loads(capsys.readouterr().out)


def require_explained(capsys: pytest.CaptureFixture[str], root: Path, *lines: tuple[str, ...]) -> None:
    for words in lines:
        code, said = answer(capsys, root, *words)
        assert code in (0, 1, 2), (words, said)
        assert said.get("error", {}).get("reference") != "internal", said


@pytest.mark.parametrize("text", PIPELINES)
def test_a_spoilt_pipeline_is_named(project: Any, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (project.root / "dvc.yaml").write_text(text)
    require_explained(capsys, project.root, ("status",), ("lineage",), ("stage", "list"), ("run", "--dry-run"))


def test_a_pipeline_without_end_is_refused_before_it_is_read() -> None:
    """Each bracket costs the library more than the one before: some thousands take a verb many seconds."""
    with pytest.raises(UsageError, match="nested deeper than 200"):
        load_yaml("[" * 3000, "dvc.yaml")
    assert load_yaml(f"[{'[], ' * 300}{{}}]", "dvc.yaml") == [[]] * 300 + [{}]
    assert load_yaml(f"{'[' * 150}{']' * 150}", "dvc.yaml")


@pytest.mark.parametrize("text", SETTINGS)
def test_spoilt_settings_are_named(project: Any, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (project.root / "mlops.toml").write_text(text)
    require_explained(capsys, project.root, ("status",), ("view", "status"), ("doctor",))


@pytest.mark.parametrize("text", NOTEBOOKS)
def test_a_spoilt_notebook_is_named(project: Any, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (project.root / "a.ipynb").write_text(text)
    for words in (("stage", "add", "a", "a.ipynb", "-p", "x=1"), ("run", "a.ipynb", "-p", "x=1")):
        code, said = answer(capsys, project.root, *words)
        assert (code, said["error"]["reference"] == "internal") == (2, False), said


@pytest.mark.parametrize("text", LOCKS)
def test_a_spoilt_lock_is_named(project: Any, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (project.root / "dvc.yaml").write_text("stages:\n  a:\n    cmd: touch x\n    outs: [x]\n")
    (project.root / "dvc.lock").write_text(text)
    require_explained(capsys, project.root, ("status",), ("run", "--dry-run"), ("commit", "--dry-run"))


@pytest.mark.parametrize("data", [b"\xff\xfe", b"\\\n(((\n**["])
def test_a_spoilt_ignore_file_is_named(project: Any, capsys: pytest.CaptureFixture[str], data: bytes) -> None:
    (project.root / ".dvcignore").write_bytes(data)
    (project.root / "wages.csv").write_text("wage\n1\n")
    require_explained(capsys, project.root, ("commit", "wages.csv"), ("status",))


@pytest.mark.parametrize("text", ["a\0b", "\udcff"])
def test_what_is_no_text_is_refused(project: Any, capsys: pytest.CaptureFixture[str], text: str) -> None:
    lines = [("commit", "--", text), ("log", "--", text), ("init", f"--remote={text}"), ("run", "-p", f"k={text}")]
    for words in lines:
        capsys.readouterr()
        assert main([*words[:1], "--project", str(project.root), *words[1:]]) == 2
        assert "[bad-argument]" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["\x1b[31mred", "\u202eevil", "\x07", "\x9b31m"])
def test_no_name_steers_the_terminal(project: Any, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["log", "--project", str(project.root), "--", name]) == 2
    assert not {"\x1b", "\u202e", "\x07", "\x9b"} & set(capsys.readouterr().err)


@pytest.mark.parametrize("line", [b"\0\xff\n", b"5\n", b"[]\n", b"{}\n"])
def test_a_spoilt_audit_line_is_found_and_stops_nobody(tmp_path: Path, line: bytes) -> None:
    log = AuditLog(tmp_path)
    log.append(Actor("Sara"), "cli", "commit", "ok", {})
    with log.path.open("ab") as handle:
        handle.write(line)
    log.append(Actor("Sara"), "cli", "commit", "ok", {})
    assert log.first_broken() == 2


@pytest.mark.parametrize("port", ["-1", "65536", "99999"])
def test_a_port_that_is_none_is_refused(project: Any, capsys: pytest.CaptureFixture[str], port: str) -> None:
    code, said = answer(capsys, project.root, "deploy", "credit@v1", f"--port={port}")
    assert (code, said["error"]["reference"]) == (2, "bad-port")
