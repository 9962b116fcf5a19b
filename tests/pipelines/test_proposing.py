"""What stage is proposed for what a notebook did."""

from __future__ import annotations

import attrs
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.pipelines.authoring.draft import Draft
from jupyter_mlops.pipelines.authoring.proposing import Proposal, propose
from jupyter_mlops.pipelines.capturing.capture import Captured
from jupyter_mlops.pipelines.stages.limits import Limits
from jupyter_mlops.pipelines.stages.notebooks import Notebook
from jupyter_mlops.versioning.names import overlaps


def notebook(*cells: str, parameters: bool = True) -> Notebook:
    tags = [["parameters"] if parameters and number == 0 else [] for number in range(len(cells))]
    code = [
        {"cell_type": "code", "source": source, "metadata": {"tags": tags[number]}}
        for number, source in enumerate(cells)
    ]
    return Notebook("train.ipynb", {"cells": code, "metadata": {}})


def test_inputs_outputs_metrics_and_parameters():
    source = "C = 1.0\nnames: list = ['a', 'b']\nflag = True\nother = len(names)\npair = (1, 2)\nnone = None"
    captured = Captured(
        reads=("clean.csv", "parts/a.csv", "parts/b.csv"),
        writes=("metrics.json", "model/a.bin", "model/deep/b.bin", "plot.png"),
        modules=("helpers.py",),
        folders=("model", "model/deep"),
        listed=("parts",),
    )

    found = propose(Draft("train", "train.ipynb", {"C": 2.0}), notebook(source), captured, metrics={"metrics.json"})

    parameters = {"C": 2.0, "names": ["a", "b"], "flag": True, "none": None}
    deps = ("helpers.py", "clean.csv", "parts")
    assert found == Proposal(Draft("train", "train.ipynb", parameters, deps, ("model", "plot.png"), ("metrics.json",)))


def test_a_folder_that_holds_more_than_outputs_is_not_an_output_as_a_whole():
    captured = Captured(
        reads=("out/config.csv",),
        writes=("out/a.txt", "scores/a.txt", "scores/m.json"),
        folders=("out", "scores"),
        listed=("out",),
    )

    draft = propose(Draft("x", "train.ipynb", {}), notebook("a = 1"), captured, metrics={"scores/m.json"}).draft

    assert (draft.deps, draft.outs, draft.metrics) == (
        ("out/config.csv",),
        ("out/a.txt", "scores/a.txt"),
        ("scores/m.json",),
    )


def test_what_its_author_should_know():
    captured = Captured(reads=("a.csv",), writes=("a.csv",), outside=("/data/big.csv",), is_whole=False)
    said = propose(
        Draft("x", "train.ipynb", {"password": "hunter2", "text": 'a"b'}), notebook("C = 1", parameters=False), captured
    )

    assert said.draft.parameters == {}
    assert said.draft.deps == ()
    assert [
        word in line
        for word, line in zip(
            ("secret", "command line", "Cell 1", "a.csv", "/data/big.csv", "native"), said.notes, strict=True
        )
    ] == [True] * 6
    assert "hunter2" not in " ".join(said.notes)


PATHS = st.builds("/".join, st.lists(st.sampled_from("abc"), min_size=1, max_size=3))


@given(
    st.sets(PATHS), st.sets(PATHS), st.sets(PATHS), st.sets(PATHS), st.sets(PATHS)
)  # fmt: skip
def test_no_proposal_is_refused_for_overlapping(reads, writes, folders, listed, metrics):
    files = {path for path in reads | writes if not any(other.startswith(f"{path}/") for other in reads | writes)}
    captured = Captured(
        reads=tuple(sorted(reads & files)), writes=tuple(sorted(writes & files)), folders=tuple(sorted(folders - files)), listed=tuple(sorted(listed - files))
    )  # fmt: skip

    draft = propose(Draft("x", "train.ipynb", {}), notebook("a = 1"), captured, metrics=metrics).draft

    outs = [*draft.outs, *draft.metrics]
    assert not any(overlaps(one, other) for at, one in enumerate(outs) for other in outs[:at])
    assert not any(overlaps(dep, out) for dep in draft.deps for out in outs)
    assert all(any(overlaps(path, out) for out in outs) for path in captured.writes)
    assert all(
        any(overlaps(path, dep) for dep in draft.deps)
        for path in set(captured.reads) - set(captured.writes)
        if not any(path.startswith(f"{out}/") for out in outs)
    )


def test_what_its_author_names_comes_first():
    named = Draft(
        "x", "train.ipynb", {}, deps=("data",), outs=("out.txt",), metrics=("scores.json",), limits=Limits(retries=2)
    )
    captured = Captured(reads=("data/a.csv", "b.csv"), writes=("out.txt", "scores.json", "other.txt"))

    draft = propose(named, notebook("a = 1"), captured, metrics={"scores.json"}).draft

    assert draft == attrs.evolve(named, parameters={"a": 1}, deps=("data", "b.csv"), outs=("out.txt", "other.txt"))
