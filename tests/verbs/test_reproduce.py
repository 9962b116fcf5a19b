"""`reproduce`: what is executed again, what counts as the same, and the causes by name."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from chains import write_notebook

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.pipelines.reproduction.verdicts import speaks_of
from jupyter_mlops.project import Project
from jupyter_mlops.records import canonical_json
from jupyter_mlops.rendering import text


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


@pytest.mark.slow
def test_a_number_of_threads_that_only_changes_the_result_is_no_race(root):
    both = "f\"{random.random()} {os.environ.get('OMP_NUM_THREADS')}\""
    stage(root, "import os, random, numpy", f"open('out.txt', 'w').write({both})")

    assert causes(mlops.reproduce("work", project=root)) == {"unset seed"}


def test_threads_are_named(root):
    stage(root, RACE, "open('out.txt', 'w').write(str(done))")

    found = mlops.reproduce("work", project=root)

    assert causes(found) == {"threads"}
    assert {(each.what, each.cell) for each in found.evidence} == {("threading.Thread", 2)}


@pytest.fixture
def changing_server():
    """A service whose answer is another every time."""

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


@pytest.mark.slow
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
    assert [(each.what, each.cell) for each in found.evidence] == [("secret.csv", 3)]
    assert "could not be executed again" in found.gate


def package(folder: Path, version: str) -> None:
    """An installed package whose answer depends on its version; compiled files go with the old one, as pip has it."""
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)  # else one of the same second and size is taken for it
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
    monkeypatch.setenv("PYTHONPATH", f"{site}:{os.environ.get('PYTHONPATH', '')}")
    package(site, "1.0")
    stage(root, "import tinypkg", "open('out.txt', 'w').write(tinypkg.ANSWER)")
    package(site, "2.0")

    found = mlops.reproduce("work", project=root)

    assert causes(found) == {"changed package"}
    assert found.notes == ("Not installed as it was: tinypkg 1.0 → 2.0.",)


def refused(root: Path, *arguments: str, **named) -> MlopsError:
    with pytest.raises(MlopsError) as caught:
        mlops.reproduce(*arguments, project=root, **named)
    return caught.value


@pytest.mark.slow
def test_numbers_may_be_apart_as_far_as_allowed(root):
    noisy = "import json, random\njson.dump({'auc': 0.8 + random.random() * 1e-9}, open('m.json', 'w'))"
    stage(root, noisy, out="", metrics=("m.json",))

    exact = mlops.reproduce("run:1", causes=False, project=root)
    loose = mlops.reproduce("run:1", tolerance=1e-6, project=root)

    assert (exact.verdict, exact.differences[0].kind, exact.differences[0].cause) == ("different", "metrics", "")
    assert (loose.verdict, loose.gate) == ("within-tolerance", None)
    assert "auc is close enough" in text(loose)
    assert mlops.runs(project=root).runs[0].verdict == "within-tolerance"
    assert mlops.show("run:1", project=root).run.verdict == "within-tolerance"


@pytest.mark.slow
def test_each_output_has_its_own_causes_and_one_may_have_two(root):
    both = "import random, time\nopen('out.txt', 'w').write(f'{random.random()} {time.time()}')\nprint(random.random())"
    stage(root, both, "print(time.time())")

    found = mlops.reproduce("work", project=root)

    assert causes(found) == {"unset seed, clock"}
    assert {(each.cell, each.cause) for each in found.differences if each.kind == "cell"} == {
        (2, "unset seed"),
        (3, "clock"),
    }
    assert "random.seed(1)" in text(found)


@pytest.mark.slow
def test_a_script_is_watched_as_a_notebook_is(root, git):
    (root / "make.py").write_text("import random\nopen('out.txt', 'w').write(str(random.random()))\n")
    (root / "dvc.yaml").write_text(
        "stages:\n  make:\n    cmd: python make.py\n    deps: [make.py]\n    outs: [out.txt]\n"
    )
    git("add", ".")
    git("commit", "-qm", "script")
    mlops.run(project=root)

    found = mlops.reproduce("make", project=root)

    assert causes(found) == {"unset seed"}
    assert [(each.what, each.cell, each.line) for each in found.evidence] == [("random.random", None, 2)]


def test_a_model_version_is_reproduced_with_all_that_led_to_it(chain):
    mlops.commit(["data.csv"], message="data", project=chain)
    mlops.run(project=chain)
    mlops.register("model.txt", name="m", project=chain)

    found = mlops.reproduce("m@v1", project=chain)

    assert (found.verdict, [each.name for each in found.stages]) == ("identical", ["prepare", "train"])
    assert mlops.models("m", project=chain).models[0].versions[0].verdict == "identical"
    assert mlops.show("m@v1", project=chain).verdict == "identical"
    assert [each.name for each in mlops.reproduce("clean.csv@v1", project=chain).stages] == ["prepare"]
    assert len(mlops.reproduce("run:1", sample=1, dry_run=True, project=chain).stages) == 1
    assert refused(chain, "run:1", stages=["trian"]).hint == "It executed prepare, train."


def test_a_dry_run_executes_nothing(chain, git):
    mlops.run(project=chain)

    found = mlops.reproduce("#1", dry_run=True, project=chain)

    assert (found.verdict, [each.name for each in found.stages]) == ("", ["prepare", "train"])
    assert "Would be executed again" in text(found)
    assert "verdicts" not in git("for-each-ref")


def test_parameters_are_those_of_the_run(chain):
    mlops.run(parameters={"C": 3.0}, project=chain)
    mlops.run(parameters={"C": 2.0}, project=chain)

    assert mlops.reproduce("run:1", project=chain).verdict == "identical"


@pytest.fixture
def shared(chain, git, tmp_path) -> Path:
    """A run that a clone can reproduce: its data on a remote, its records at ``origin``."""
    mlops.commit(["data.csv"], message="data", project=chain)
    mlops.init(remote=str(tmp_path / "remote"), project=chain)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(tmp_path / "origin")], check=True)
    git("remote", "add", "origin", str(tmp_path / "origin"))
    mlops.run(project=chain)
    git("add", ".")
    git("commit", "-qm", "all", "--allow-empty")
    git("push", "-q", "-u", "origin", "main")
    mlops.push(project=chain)
    return chain


@pytest.mark.slow
def test_a_clone_reproduces_and_its_signed_verdict_comes_back(shared, git, tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(tmp_path / "origin"), str(clone)], check=True)
    key = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    settings = (("user.name", "Tom"), ("user.email", "tom@example.org"), ("user.signingkey", str(key)))
    for name, value in settings:
        git("config", name, value, cwd=clone)
    mlops.fetch(project=clone)

    found = mlops.reproduce("run:1", sign=True, project=clone)
    mlops.push(project=clone)
    mlops.fetch(project=shared)

    assert (found.verdict, found.signature) == ("identical", "signed")
    there = mlops.reproduce("run:1", verify=True, project=shared)
    assert (there.verdict, there.signature, there.gate) == ("identical", "valid", None)
    (tmp_path / "signers").write_text(f"tom@example.org {key.with_suffix('.pub').read_text()}")
    git("config", "gpg.ssh.allowedSignersFile", str(tmp_path / "signers"))
    again = mlops.reproduce("run:1", verify=True, project=shared)
    assert again.signature == "trusted"
    assert again.signer.startswith("tom@example.org SHA256:")
    statement = json.loads(again.attestation)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert {each["name"] for each in statement["subject"]} >= {"clean.csv", "model.txt", "metrics.json"}
    assert statement["predicate"]["verdict"] == "identical"
    assert canonical_json(statement).decode() == again.attestation


def test_a_verdict_that_was_changed_or_never_signed_does_not_pass(chain):
    mlops.run(project=chain)
    assert refused(chain, "run:1", verify=True).reference == "no-verdict"
    mlops.reproduce("run:1", project=chain)
    assert "is not signed" in mlops.reproduce("run:1", verify=True, project=chain).gate
    assert refused(chain, "run:1", sign=True).reference == "no-signing-key"

    verdicts = Project(chain).verdicts
    (kept,) = verdicts.of(mlops.runs(project=chain).runs[0].run)
    forged = kept.statement.replace('"verdict":"identical"', '"verdict":"different"')
    assert speaks_of(kept.statement, kept.verdict)
    assert not speaks_of(forged, kept.verdict)


def test_a_commit_that_is_gone_is_said(chain, git):
    mlops.run(project=chain)
    git("commit", "-q", "--amend", "-m", "rewritten")
    git("reflog", "expire", "--expire=now", "--all")
    git("gc", "-q", "--prune=now")

    assert refused(chain, "run:1").reference == "commit-gone"


def test_an_input_that_was_erased_is_said_with_its_tombstone(chain):
    (chain / "data").mkdir()
    (chain / "data" / "a.csv").write_text("a\n1\n")
    (chain / "data" / "b.csv").write_text("b\n")
    mlops.commit(["data"], project=chain)
    write_notebook(chain / "read.ipynb", "x = 1", "open('read.txt', 'w').write(open('data/a.csv').read())")
    mlops.stage.add("read", "read.ipynb", dep=["data"], out=["read.txt"], project=chain)
    mlops.run(["read"], project=chain)
    mlops.erase(path="data/b.csv", reason="request 12", yes=True, project=chain)

    error = refused(chain, "read")

    assert error.reference == "data-let-go"
    assert "data as read read it was erased" in error.message
    assert "request 12" in error.context


def test_an_input_that_nobody_kept_is_said(chain):
    mlops.run(project=chain)
    (chain / "data.csv").write_text("a\n2\n")

    assert refused(chain, "run:1").reference == "input-gone"


def test_what_nothing_made_cannot_be_reproduced(chain):
    mlops.commit(["data.csv"], message="data", project=chain)

    assert refused(chain, "data.csv").reference == "unknown-maker"
    assert refused(chain, "prepare").reference == "unknown-run"
    write_notebook(chain / "alone.ipynb", "x = 1")
    mlops.run(["alone.ipynb"], project=chain)
    assert refused(chain, "run:1").reference == "nothing-to-reproduce"


@pytest.mark.slow
def test_a_notebook_that_was_never_committed_is_reproduced_from_its_record_or_refused(chain):
    write_notebook(chain / "prepare.ipynb", "rows = 2", "open('clean.csv', 'w').write(open('data.csv').read() + 'new')")
    mlops.run(["prepare"], project=chain)
    record = Project(chain).runs.find("1").record

    if getattr(record, "patch", None):
        assert mlops.reproduce("run:1", project=chain).verdict == "identical"
    else:
        assert refused(chain, "run:1").reference == "code-gone"


AGAIN = "import sys; import jupyter_mlops as m; m.reproduce('work', project=sys.argv[1])"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_reproduction_leaves_nothing(root, tmp_path, git, number):
    wait, began = tmp_path / "wait", tmp_path / "began"
    pause = f"import os, time\nopen({str(began)!r}, 'w').close()\nwhile os.path.exists({str(wait)!r}): time.sleep(0.1)"
    stage(root, pause, "open('out.txt', 'w').write('x')")
    began.unlink()
    wait.touch()

    process = subprocess.Popen([sys.executable, "-c", AGAIN, str(root)], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not began.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)

    assert "Stopped: the reproduction; nothing of it is left." in process.communicate(timeout=30)[1]
    assert len(git("worktree", "list").splitlines()) == 1
    assert "verdicts" not in git("for-each-ref")
    for folder in ("replicas", "reproductions"):
        assert not [*(root / ".mlops" / folder).iterdir()]
    assert not [line for line in processes() if str(root) in line]


def processes() -> list[str]:
    """The command lines and folders of all processes but ours."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(place.name) != os.getpid():
                found.append(f"{(place / 'cmdline').read_text()} {(place / 'cwd').readlink()}")
    return found


def test_outputs_that_are_no_longer_kept_are_told_by_their_digests(root):
    stage(root, "open('out.txt', 'w').write('always')")
    cache = Project(root).datasets.settings.cache
    for item in cache.rglob("*"):
        if item.is_file() and "files" in item.parts:
            item.chmod(0o644)
            item.unlink()

    found = mlops.reproduce("run:1", project=root)

    assert found.verdict == "within-tolerance"
    assert [(each.output, each.within) for each in found.differences] == [("executed/work.ipynb", True)]
