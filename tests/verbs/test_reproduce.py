"""`reproduce`: what is executed again, what counts as the same, and the causes by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from chains import write_notebook

import jupyter_mlops as mlops
from jupyter_mlops.project import Project


def stage(
    root: Path, *cells: str, out: str = "out.txt", dep: tuple[str, ...] = (), metrics: tuple[str, ...] = ()
) -> None:
    """Run a notebook as the stage ``work``; its first cell sets nothing."""
    write_notebook(root / "work.ipynb", "x = 1", *cells)
    mlops.stage.add("work", "work.ipynb", dep=list(dep), out=[out] if out else [], metrics=list(metrics), project=root)
    report = mlops.run(project=root)
    assert report.gate is None, report.gate


def causes(found: mlops.verbs.reproduction.Reproduction, output: str = "out.txt") -> set[str]:
    return {each.cause for each in found.differences if each.output == output}


@pytest.fixture
def root(project: Project) -> Path:
    return project.root


def test_a_run_is_reproduced_bit_for_bit_and_the_tree_stays_as_it_is(chain, git):
    mlops.run(project=chain)
    (chain / "README.md").write_text("edited\n")
    before = git("status", "--porcelain"), (chain / "dvc.lock").read_bytes()

    found = mlops.reproduce("run:1", project=chain)

    assert (found.verdict, found.gate) == ("identical", None)
    assert [each.name for each in found.stages] == ["prepare", "train"]
    assert (git("status", "--porcelain"), (chain / "dvc.lock").read_bytes()) == before
    assert len(mlops.runs(project=chain).runs) == 1
    assert "worktrees" not in git("worktree", "list")
    assert len(git("worktree", "list").splitlines()) == 1


def test_an_unset_seed_is_named(root):
    stage(root, "import random", "y = random.random()\nopen('out.txt', 'w').write(str(y))")

    found = mlops.reproduce("work", project=root)

    assert found.verdict == "different"
    assert causes(found) == {"unset seed"}
    assert [(each.what, each.cell) for each in found.evidence] == [("random.random", 3)]
    assert "unset seed" in found.gate


def test_a_clock_is_named(root):
    stage(root, "from datetime import datetime", "open('out.txt', 'w').write(f'made {datetime.now()}')")

    found = mlops.reproduce("work", project=root)

    assert causes(found) == {"clock"}
    assert [(each.factor, each.what, each.cell) for each in found.evidence] == [("clock", "datetime.now", 3)]


def test_the_order_of_a_set_is_named(root):
    stage(root, "words = {f'word {n}' for n in range(200)}", "open('out.txt', 'w').write('\\n'.join(words))")

    assert causes(mlops.reproduce("work", project=root)) == {"set order"}


RACE = """
import threading, time, os
done = []
def work(number):
    time.sleep(int.from_bytes(open('/dev/urandom', 'rb').read(1), 'big') / 2000)
    done.append(number)
threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_threads_are_named(root):
    stage(root, RACE, "open('out.txt', 'w').write(str(done))")

    found = mlops.reproduce("work", project=root)

    assert causes(found) == {"threads"}
    assert {(each.what, each.cell) for each in found.evidence} == {("threading.Thread", 2)}


@pytest.fixture
def changing_server():
    """A service whose answer is another every time."""
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Answers(BaseHTTPRequestHandler):
        count = 0

        def do_GET(self):
            Answers.count += 1
            self.send_response(200)
            self.end_headers()
            self.wfile.write(str(Answers.count).encode())

        def log_message(self, *_):
            return

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_network_is_named(root, changing_server):
    ask = f"import urllib.request\ntext = urllib.request.urlopen('http://127.0.0.1:{changing_server}/').read()"
    stage(root, ask, "open('out.txt', 'wb').write(text)")

    found = mlops.reproduce("work", project=root)

    assert causes(found) == {"network"}
    assert [(each.what, each.cell) for each in found.evidence] == [(f"127.0.0.1:{changing_server}", 2)]


def test_an_undeclared_input_is_named(root, tmp_path):
    extra = tmp_path / "extra.csv"
    extra.write_text("1\n")
    stage(root, f"text = open({str(extra)!r}).read()", "open('out.txt', 'w').write(text)")
    extra.write_text("2\n")

    found = mlops.reproduce("work", project=root)

    assert causes(found) == {"undeclared input"}
    assert [(each.what, each.cell) for each in found.evidence] == [(str(extra), 2)]


def test_an_undeclared_input_that_no_commit_holds_makes_it_not_executable(root):
    (root / ".git" / "info" / "exclude").write_text("secret.csv\n")
    (root / "secret.csv").write_text("1\n")
    stage(root, "import time", "open('out.txt', 'w').write(open('secret.csv').read())")

    found = mlops.reproduce("work", project=root)

    assert (found.verdict, found.differences[0].cell, found.differences[0].cause) == (
        "not-executable",
        3,
        "undeclared input",
    )
    assert "secret.csv" in found.evidence[0].what
    assert "could not be executed again" in found.gate


def package(folder: Path, version: str) -> None:
    """An installed package whose answer depends on its version."""
    (folder / "tinypkg.py").write_text(f"ANSWER = {version!r}\n")
    for old in folder.glob("*.dist-info"):
        (old / "METADATA").unlink()
        old.rmdir()
    info = folder / f"tinypkg-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tinypkg\nVersion: {version}\n")


def test_a_changed_package_is_named(root, tmp_path, monkeypatch):
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.setenv("PYTHONPATH", f"{site}:{__import__('os').environ.get('PYTHONPATH', '')}")
    package(site, "1.0")
    stage(root, "import tinypkg", "open('out.txt', 'w').write(tinypkg.ANSWER)")
    package(site, "2.0")

    found = mlops.reproduce("work", project=root)

    assert causes(found) == {"changed package"}
    assert found.notes == ("Not installed as it was: tinypkg 1.0 → 2.0.",)
