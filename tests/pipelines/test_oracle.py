"""For generated pipelines and edits: what we run is what a brute-force oracle says, and then plain ``dvc`` runs nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import jupyter_mlops as mlops

Graph = dict[int, tuple[int, ...]]


@st.composite
def histories(draw):
    """A graph of stages and a few edits: a source file, a parameter, a lost output, an output written over."""
    count = draw(st.integers(1, 6))
    graph: Graph = {
        number: tuple(sorted(draw(st.sets(st.integers(0, number - 1), max_size=2)))) if number else ()
        for number in range(count)
    }
    stage = st.integers(0, count - 1)
    kinds = st.sampled_from(["source", "same source", "parameter", "lose", "spoil", "back"])
    edits = draw(st.lists(st.lists(st.tuples(kinds, stage), min_size=1, max_size=2), min_size=1, max_size=3))
    return graph, edits


def write(root: Path, graph: Graph, parameters: Mapping[int, int]) -> None:
    """Each stage joins its own source, its parameter, and what the stages before it wrote; half of them forget a part."""
    stages = {}
    for number, needs in graph.items():
        files = [f"src{number}", *(f"out{need}" for need in needs)]
        kept = "cut -c1-3" if number % 2 else "cat"  # an output that often stays the same although an input changed
        stages[f"s{number}"] = {
            "cmd": f"(cat {' '.join(files)}; echo ${{p{number}}}) | {kept} > out{number}",
            "deps": files,
            "params": [f"p{number}"],
            "outs": [f"out{number}"],
        }
    (root / "dvc.yaml").write_text(json.dumps({"stages": stages}))
    (root / "params.yaml").write_text(json.dumps({f"p{number}": parameters[number] for number in graph}))


class Oracle:
    """What each stage ran with last, looked up by content alone."""

    def __init__(self) -> None:
        self.last: dict[int, tuple[object, str]] = {}
        self.cache: dict[object, str] = {}

    def expected(self, root: Path, graph: Graph, parameters: Mapping[int, int]) -> dict[str, str]:
        """The state of each stage in a run of everything, and its effect on those below."""
        states, outs = {}, {}
        for number, needs in graph.items():
            inputs = (
                number,
                (root / f"src{number}").read_text(),
                tuple(outs[need] for need in needs),
                parameters[number],
            )
            place = root / f"out{number}"
            there = place.read_text() if place.exists() else None
            known = self.last.get(number)
            if known and known[0] == inputs and there == known[1]:
                states[f"s{number}"], outs[number] = "up-to-date", known[1]
            elif inputs in self.cache:
                states[f"s{number}"], outs[number] = "restored", self.cache[inputs]
            else:
                states[f"s{number}"], outs[number] = "ran", self._made(root, number, outs, needs, parameters)
            self.last[number] = (inputs, outs[number])
            self.cache[inputs] = outs[number]
        return states

    def _made(
        self, root: Path, number: int, outs: Mapping[int, str], needs: tuple[int, ...], parameters: Mapping[int, int]
    ) -> str:
        text = (root / f"src{number}").read_text() + "".join(outs[need] for need in needs) + f"{parameters[number]}\n"
        if number % 2 == 0:
            return text
        return "".join(f"{line[:3]}\n" for line in text.splitlines())


def apply(root: Path, kind: str, number: int, parameters: dict[int, int]) -> None:
    source, out = root / f"src{number}", root / f"out{number}"
    if kind == "source":
        source.write_text(f"changed {len(source.read_text())}\n")
    elif kind == "same source":
        source.write_text(source.read_text())
    elif kind == "back":
        source.write_text(f"source {number}\n")
    elif kind == "parameter":
        parameters[number] += 1
    elif kind == "lose":
        out.unlink(missing_ok=True)
    elif kind == "spoil" and out.exists():
        out.unlink()
        out.write_text("spoilt")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with plain DVC in it, to be copied."""
    root = tmp_path_factory.mktemp("empty")
    for words in (
        ["git", "init", "-q"],
        ["git", "config", "user.name", "Sara"],
        ["git", "config", "user.email", "s@example.org"],
    ):
        subprocess.run(words, cwd=root, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=root, check=True)
    subprocess.run(["git", "commit", "-qam", "start", "--allow-empty"], cwd=root, check=True)
    return root


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(histories())
def test_what_runs_is_what_must(empty, tmp_path_factory, history):
    graph, rounds = history
    root = tmp_path_factory.mktemp("project") / "p"
    shutil.copytree(empty, root)
    parameters = dict.fromkeys(graph, 0)
    for number in graph:
        (root / f"src{number}").write_text(f"source {number}\n")
    oracle = Oracle()
    for edits in [[], *rounds]:
        for kind, number in edits:
            apply(root, kind, number, parameters)
        write(root, graph, parameters)
        expected = oracle.expected(root, graph, parameters)
        report = mlops.run(jobs=2, git=False, project=root)
        assert {stage.name: stage.state for stage in report.stages} == expected, (graph, edits)
        for number in graph:
            assert (root / f"out{number}").read_text() == oracle.last[number][1]
    done = subprocess.run([sys.executable, "-m", "dvc", "repro"], cwd=root, capture_output=True, text=True, check=True)
    assert "Running stage" not in done.stdout + done.stderr
    assert "is cached" not in done.stdout + done.stderr
