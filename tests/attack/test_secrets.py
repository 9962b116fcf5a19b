"""No secret reaches a notebook, cache, log, event or record: every byte that is left is searched for the value."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from chains import states, write_notebook

import jupyter_mlops as mlops
from jupyter_mlops.cli import main
from jupyter_mlops.errors import MlopsError

VALUE = "hunter-2/geheim+9f8e"
FORMS = {
    VALUE.encode(),
    quote(VALUE, safe="").encode(),
    base64.b64encode(VALUE.encode())[:-4],
    VALUE.encode().hex().encode(),
}


def everything(*roots: Path) -> Iterator[tuple[str, bytes]]:
    """Each file below `roots`, git's objects unpacked."""
    for root in roots:
        for path in root.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                yield str(path), data
                if "/objects/" in str(path) and len(path.name) == 38:
                    yield str(path), zlib.decompress(data)


def leaks(*roots: Path) -> list[str]:
    return [path for path, data in everything(*roots) if any(form in data for form in FORMS)]


@pytest.fixture
def talkative(notebooks, monkeypatch) -> Path:
    """A stage that shows its secret in every way it knows."""
    monkeypatch.setenv("SHOP_TOKEN", VALUE)
    write_notebook(
        notebooks / "fetch.ipynb",
        "token = ''\nrows = 2",
        "import base64, os, sys, subprocess, urllib.parse, logging\nfrom IPython.display import HTML, display",
        "print(token); print({'a': token}, file=sys.stderr); sys.stdout.write(token[:5]); sys.stdout.flush()",
        "sys.stdout.write(token[5:]); logging.warning(token); os.write(2, token.encode())",
        "print(base64.b64encode(('user:' + token).encode()).decode(), urllib.parse.quote(token, safe=''), token.encode().hex())",
        "display(HTML(f'<b>{token}</b>'), metadata={token: token}); display({'application/json': {'k': [token]}}, raw=True)",
        "subprocess.run(['sh', '-c', 'echo $SHOP_TOKEN; echo $SHOP_TOKEN >&2'])\nprint(dict(os.environ))",
        "import atexit; atexit.register(lambda: os.write(1, token.encode() + b'\\n')); token",
        "open('clean.csv', 'w').write(str(token == os.environ['SHOP_TOKEN']) + str(len(token)) * rows)",
    )
    mlops.stage.add(
        "fetch",
        "fetch.ipynb",
        parameters={"token": "secret://env/SHOP_TOKEN", "rows": 1},
        out=["clean.csv"],
        project=notebooks,
    )
    return notebooks


def test_no_byte_of_a_secret_is_left_anywhere(talkative, tmp_path):
    report = mlops.run(project=talkative)

    assert states(report) == {"fetch": "ran"}
    assert (talkative / "clean.csv").read_text() == f"True{len(VALUE)}"
    assert leaks(tmp_path, Path.home()) == []
    executed = (talkative / "executed" / "fetch.ipynb").read_text()
    assert executed.count("[secret]") >= 12
    assert "secret://env/SHOP_TOKEN" in executed
    assert mlops.runs(project=talkative).runs[0].parameters["fetch.token"] == "secret://env/SHOP_TOKEN"


def test_an_error_that_tells_a_secret_tells_none(talkative, tmp_path, capsys):
    write_notebook(
        talkative / "fetch.ipynb",
        "token = ''\nrows = 2",
        "def ask(t):\n    raise ValueError('denied: ' + t)",
        "ask(token)",
    )

    assert main(["run", "--project", str(talkative)]) == 1

    assert "ValueError: denied: [secret]" in capsys.readouterr().out
    assert leaks(tmp_path, Path.home()) == []


@pytest.mark.slow
def test_a_killed_run_leaves_no_secret_either(talkative, tmp_path):
    write_notebook(
        talkative / "fetch.ipynb",
        "token = ''\nrows = 2",
        "print(token)",
        "import time\nfor _ in range(300):\n    print(token, flush=True); time.sleep(0.2)",
    )
    code = "import sys; import jupyter_mlops as m; m.run(project=sys.argv[1])"
    process = subprocess.Popen([sys.executable, "-c", code, str(talkative)], env=os.environ)
    runs = talkative / ".git" / "mlops" / "runs"
    while not list(runs.glob("*/fetch.ipynb")):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert leaks(tmp_path, Path.home()) == []


def test_an_output_that_holds_a_secret_is_not_recorded(talkative, tmp_path):
    write_notebook(talkative / "fetch.ipynb", "token = ''\nrows = 2", "open('clean.csv', 'w').write('x' * 5 + token)")
    report = mlops.run(project=talkative)
    assert report.gate == "fetch failed: it wrote a secret into clean.csv, so nothing was recorded"
    assert leaks(tmp_path) == []


@pytest.mark.parametrize(
    "arguments", [["run", "-p", f"token={VALUE}"], ["stage", "add", "again", "fetch.ipynb", "-p", f"token={VALUE}"]]
)
def test_a_secret_typed_as_a_parameter_is_refused_and_kept_nowhere(talkative, tmp_path, capsys, arguments):
    assert main([*arguments, "--project", str(talkative)]) == 2
    assert "secret://env/TOKEN" in capsys.readouterr().err
    assert leaks(tmp_path) == []


def test_a_missing_secret_stops_before_anything_runs_or_is_written(talkative, monkeypatch, git):
    monkeypatch.delenv("SHOP_TOKEN")
    with pytest.raises(MlopsError) as raised:
        mlops.run(project=talkative)
    assert (raised.value.reference, raised.value.hint.startswith("export SHOP_TOKEN=…")) == ("secret-missing", True)
    with pytest.raises(MlopsError, match="secret of token"):
        mlops.run(parameters={"token": "secret://env/OTHER"}, project=talkative)
    assert git("status", "--porcelain", "params.yaml") == ""
    assert mlops.runs(project=talkative).runs == ()


def test_a_stage_that_is_up_to_date_needs_no_secret(talkative, monkeypatch):
    mlops.run(project=talkative)
    monkeypatch.delenv("SHOP_TOKEN")
    assert states(mlops.run(project=talkative)) == {"fetch": "up-to-date"}


def test_secrets_in_files_and_in_the_notebooks_own_defaults(talkative, tmp_path):
    (talkative / "own.key").write_text(VALUE + "\n")
    (talkative / ".gitignore").write_text("own.key\n")
    write_notebook(
        talkative / "look.ipynb",
        "token = 'secret://file/own.key'\nplain = 'x'",
        f"assert token == {VALUE!r}[:] or True\nprint(len(token), plain)",
    )
    document = json.loads((talkative / "look.ipynb").read_text())
    document["cells"][1]["source"] = "print(len(token), plain)"
    (talkative / "look.ipynb").write_text(json.dumps(document))

    report = mlops.run(["look.ipynb"], parameters={"plain": "y"}, project=talkative)

    assert f"{len(VALUE)} y" in (talkative / report.stages[0].notebook).read_text()
    assert [Path(path).name for path in leaks(tmp_path)] == ["own.key"]


def test_a_secret_of_a_keyring(talkative, tmp_path, monkeypatch):
    """A keyring of one file stands for that of the desktop; the package is asked by its real interface."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "keyring.py").write_text(
        "import os\ndef get_password(service, user):\n    return os.environ['SHOP_TOKEN'] if (service, user) == ('my shop', 'sara') else None\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'lib'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    monkeypatch.delitem(sys.modules, "keyring", raising=False)

    assert states(mlops.run(parameters={"token": "secret://keyring/my%20shop/sara"}, project=talkative)) == {
        "fetch": "ran"
    }
    with pytest.raises(MlopsError, match="not there"):
        mlops.run(parameters={"token": "secret://keyring/shop/omar"}, project=talkative)
    assert leaks(talkative) == []


def test_a_secret_written_into_params_by_hand_is_in_no_record(talkative, git):
    text = (talkative / "params.yaml").read_text()
    (talkative / "params.yaml").write_text(text.replace("secret://env/SHOP_TOKEN", "9f8e7d6c5b4a3210ff"))
    mlops.run(git=False, project=talkative)
    (talkative / "params.yaml").write_text(text.replace("secret://env/SHOP_TOKEN", "9f8e7d6c5b4a3210ff0"))
    mlops.run(git=False, project=talkative)
    run = mlops.runs(project=talkative).runs[0]
    assert run.parameters["fetch.token"] == "[secret]"
    refs = git("for-each-ref", "--format=%(refname)", "refs/mlops").split()
    assert all("9f8e7d6c5b4a3210ff" not in git("grep", "-h", "-a", ".", ref) for ref in refs)


def test_plain_papermill_sees_the_reference_and_a_line_of_the_notebook_reads_it(talkative):
    """What the docs advise for whoever runs plain ``dvc repro``."""
    write_notebook(
        talkative / "fetch.ipynb",
        "token = ''\nrows = 2",
        "import os\nif token.startswith('secret://env/'):\n    token = os.environ[token[len('secret://env/') :]]",
        "open('clean.csv', 'w').write(str(len(token)))",
    )
    subprocess.run([sys.executable, "-m", "dvc", "repro"], cwd=talkative, check=True, capture_output=True)
    assert (talkative / "clean.csv").read_text() == str(len(VALUE))
    assert states(mlops.run(project=talkative)) == {"fetch": "up-to-date"}
    assert states(mlops.run(force=True, project=talkative)) == {"fetch": "ran"}
    assert (talkative / "clean.csv").read_text() == str(len(VALUE))
