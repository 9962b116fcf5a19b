"""A stranger's repository in which every name and text is hostile, read through each face as people read it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from chains import write_notebook
from model_files import commit_model, onnx_bytes

import jupyter_mlops as mlops
from jupyter_mlops import rendering
from jupyter_mlops.cli import main
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.records import Actor, StageRecord, VersionRecord, now
from jupyter_mlops.serving.spec import Release, Spec, State, Target

ONE_LINE = "<img src=x onerror=alert(1)>[x](javascript:alert(1))![y](data:z)`$(id)`|{{7*7}}'\"&lt;\x1b[2J\x9b\u202e"
LINES = f"{ONE_LINE}\n# {ONE_LINE}\r\n\n<script>alert(2)</script>\n| a | b |\n[x]: javascript:alert(1)"
NAME = f"{ONE_LINE}.csv"
PAIR = (f"{NAME}@v1", f"{NAME}@v2")
EVE = Actor(ONE_LINE, "eve@example.org")
READING: Mapping[str, tuple[str, ...]] = {
    "status": (),
    "log": (NAME,),
    "show": PAIR[:1],
    "diff": PAIR,
    "drift": (PAIR[1], PAIR[0]),
    "lineage": (),
    "runs": (),
    "models": (),
    "deployments": (),
}
SECOND = {"drift": "--against"}
"""The flag before the second word, where a line needs one that `view` does not."""
PIPELINE = """
stages:
  {name}:
    cmd: echo {{}} > other.json
    deps: [{data}]
    metrics: [{{other.json: {{cache: false}}}}]
artifacts:
  churn: {{path: model.onnx, type: model, desc: {lines}, labels: [{lines}]}}
"""


@pytest.fixture
def stranger(project: Any, git: Any) -> Path:
    """Data, columns, cells, messages, authors, stages, runs, models and deployments with hostile names."""
    root: Path = project.root
    git("config", "user.name", ONE_LINE)
    for shift in (0, 50):
        (root / NAME).write_text(table(shift))
        mlops.commit(NAME, message=LINES, project=root)
    describe(root / f"{NAME}.dvc")
    commit_model(project, git, onnx_bytes())
    digest = mlops.register("model.onnx", name="churn", message=LINES, project=root).digest
    (root / "dvc.yaml").write_text(
        PIPELINE.format(name=json.dumps(ONE_LINE), data=json.dumps(NAME), lines=json.dumps(LINES))
    )
    git("add", "dvc.yaml")
    git("commit", "-qm", LINES)
    record_runs(project, digest)
    pretend_to_serve(project, digest)
    return root


def table(shift: int) -> str:
    column = LINES.replace('"', '""')
    rows = (f'{row + shift},"{column} {(row + shift) % 7}"\n' for row in range(60))
    return f'"{column}","word {column}"\n' + "".join(rows)


def describe(pointer: Path) -> None:
    said = f"desc: {json.dumps(LINES)}\nlabels: [{json.dumps(LINES)}]\n"
    text = pointer.read_text().replace("meta:\n", f"meta:\n  {json.dumps(ONE_LINE)}: {json.dumps(LINES)}\n")
    pointer.write_text(said + text)


def record_runs(project: Any, digest: str) -> None:
    for number, state in enumerate(("succeeded", "failed")):
        stage = StageRecord(
            name=ONE_LINE, state="failed", reason=LINES, error=LINES, inputs={NAME: digest}, outputs={NAME: digest}
        )
        record = VersionRecord(
            f"run-018c000000{number}-abcdef",
            state,
            now(),
            1.0,
            EVE,
            None,
            True,
            (stage,),
            parameters={LINES: LINES},
            metrics={LINES: 0.5 + number, ONE_LINE: LINES},
            packages={LINES: LINES},
        )
        project.runs.append(record, Actor("Eve"))


def pretend_to_serve(project: Any, digest: str) -> None:
    """What a supervisor that died left behind, with a name that only a stranger could give."""
    state = State(project.places.state / "deployments" / LINES.replace("/", ""))
    state.create()
    target = Target(ONE_LINE, LINES, digest, NAME, ".onnx", ONE_LINE)
    state.write_spec(Spec(state.name, 1, target))
    state.append(Release(ONE_LINE, LINES, digest, now(), LINES, LINES))
    state.log.write_text(LINES)


class Seen(HTMLParser):
    """What a browser would make of a page: tags, attributes, and the text that is left."""

    DATA = frozenset({"img", "script", "iframe", "object", "embed", "link", "base", "form", "input", "button"})

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.addresses: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in self.DATA, (tag, attrs)
        for name, value in attrs:
            assert not name.startswith("on"), (tag, attrs)
            assert name != "srcdoc"
            if name in ("href", "src", "action", "xlink:href"):
                self.addresses.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def require_harmless(page: str, *, known: tuple[str, ...] = ()) -> Seen:
    """No element, address or control character of `page` came from data; the data is there as text."""
    seen = Seen(page)
    assert [address for address in seen.addresses if not address.startswith(known)] == []
    require_printable(page)
    return seen


def require_printable(text: str) -> None:
    assert [c for c in text if not c.isprintable() and c != "\n"] == []


def words(verb: str) -> list[str]:
    first, *second = READING[verb] or ("",)
    return [verb, *filter(None, [first]), *([SECOND[verb], *second] if verb in SECOND else second)]


@pytest.fixture
def line(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a line of the terminal; its exit code, what it says and what it complains of."""

    def run(root: Path, *given: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([*given, "--project", str(root)])
        said = capsys.readouterr()
        require_printable(said.out + said.err)
        return code, said.out, said.err

    return run


def test_a_terminal_is_not_steered(stranger: Path, line: Any) -> None:
    for verb in READING:
        code, said, complaint = line(stranger, *words(verb))
        assert (code, complaint) == (0, ""), verb
        assert "<img src=x" in said, verb


def test_an_error_does_not_steer_a_terminal(project: Any, line: Any) -> None:
    for verb in ("log", "show", "diff", "drift", "lineage", "models", "profile"):
        code, _, complaint = line(project.root, verb, LINES[:200])
        assert (code, "<img src=x" in complaint) == (2, True), complaint


def test_an_executed_notebook_holds_no_element_of_the_data(stranger: Path) -> None:
    cells = [f"%mlops {shlex.join(words(verb))}" for verb in READING]
    outputs = executed(stranger, ["%load_ext jupyter_mlops", *cells])[1:]
    for verb, output in zip(READING, outputs, strict=True):
        assert [set(one.data) for one in output] == [{"text/html", "text/plain"}], verb
        assert "<img src=x" in require_harmless(output[0].data["text/html"]).text, verb
        require_printable(output[0].data["text/plain"])


def executed(root: Path, cells: list[str]) -> list[Any]:
    """The outputs of each cell, as papermill keeps them."""
    write_notebook(root / "work.ipynb", *cells, parameters=False)
    command = [sys.executable, "-m", "papermill", "work.ipynb", "done.ipynb", "--no-progress-bar"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [cell.outputs for cell in nbformat.read(root / "done.ipynb", as_version=4).cells]


def test_an_error_card_holds_no_element_of_the_data(stranger: Path) -> None:
    with pytest.raises(MlopsError) as caught:
        mlops.show(f"{LINES}@v1", project=stranger)
    card = rendering.error_html(caught.value)
    assert "<img src=x" in require_harmless(card, known=("https://",)).text


def test_a_page_in_a_mail_holds_no_element_of_the_data(stranger: Path, line: Any) -> None:
    for verb, references in READING.items():
        assert line(stranger, "view", verb, *references, "--output", "made.html")[0] == 0
        assert "<img src=x" in require_harmless((stranger / "made.html").read_text()).text, verb


def markdown_as_shown(text: str) -> Seen:
    """`text` as a code host shows it: tables, raw HTML and links in the open."""
    from markdown_it import MarkdownIt

    seen = Seen(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text))
    assert seen.addresses == []
    return seen


def test_the_summary_of_ci_is_no_page_of_the_stranger(chain: Path, line: Any) -> None:
    (chain / NAME).write_text(table(0))
    mlops.commit(NAME, message=LINES, project=chain)
    (chain / NAME).write_text(table(50))
    mlops.commit(NAME, message=LINES, project=chain)
    metrics = json.dumps({LINES: 0.5, "\\|<script>": LINES, "https://evil.example": 1, "[x][x]": "@somebody"})
    write_notebook(chain / "train.ipynb", "C = 1\nname = ''\nflag = False", f"m = {metrics!r}", WRITE)
    stages = (chain / "dvc.yaml").read_text()
    (chain / "dvc.yaml").write_text(f"{stages}  {json.dumps(ONE_LINE)}: {{cmd: exit 3}}\n")
    (chain / "mlops.toml").write_text(f"[gates]\n{json.dumps(ONE_LINE)} = {{ min = 1 }}\n")

    assert line(chain, "ci", "--base", "HEAD~1")[0] == 1

    text = (chain / "ci-report" / "summary.md").read_text()
    require_printable(text)
    shown = markdown_as_shown(text).text
    assert shown.count("<img src=x onerror=alert(1)>") >= 5
    assert "https://evil.example" in shown
    assert "\\¦<script>" in shown


WRITE = "open('model.txt', 'w').write('x')\nopen('metrics.json', 'w').write(m)"
