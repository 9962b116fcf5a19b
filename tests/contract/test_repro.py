"""Plain ``dvc`` and we agree on what is up to date, whoever ran it."""

from __future__ import annotations

import pytest
from chains import UP_TO_DATE, our_states, states

import jupyter_mlops as mlops


def test_after_our_run_plain_dvc_has_nothing_to_do(chain, dvc):
    report = mlops.run(project=chain)

    assert states(report) == {"prepare": "ran", "train": "ran"}
    assert dvc("status") == UP_TO_DATE
    assert "Running stage" not in dvc("repro", "--dry")


def test_after_plain_repro_we_have_nothing_to_do(chain, dvc):
    assert set(our_states(chain).values()) == {"never-run"}

    dvc("repro", "-q")

    assert set(our_states(chain).values()) == {"up-to-date"}
    assert set(states(mlops.run(project=chain)).values()) == {"up-to-date"}
    assert "two words', False" in (chain / "model.txt").read_text()


def test_both_write_the_same_lock(chain, dvc):
    dvc("repro", "-q")
    (chain / "executed" / "prepare.ipynb").write_bytes(b"")  # the one out that differs from run to run
    mlops.run(project=chain)
    ours = (chain / "dvc.lock").read_text()

    dvc("commit", "-f", "-q")

    assert (chain / "dvc.lock").read_text() == ours


@pytest.mark.parametrize(
    ("path", "old", "new", "stale"),
    [
        ("data.csv", "1", "2", {"prepare"}),
        ("params.yaml", "rows: 2", "rows: 3", {"prepare"}),
        ("train.ipynb", "import json", "import json, sys", {"train"}),
        ("model.txt", "two", "three", {"train"}),
        ("params.yaml", "flag: false", "flag: true", {"train"}),
        ("dvc.yaml", "executed/prepare.ipynb -p", "executed/prepare.ipynb --no-progress-bar -p", {"prepare"}),
    ],
)
def test_both_call_the_same_stages_stale(ran, dvc, path, old, new, stale):
    place = ran / path
    text = place.read_text()
    place.chmod(0o644)
    place.write_text(text.replace(old, new))

    assert text != place.read_text()
    assert {name for name, state in our_states(ran).items() if state != "up-to-date"} == stale
    named = {line.rstrip(":") for line in dvc("status").splitlines() if not line.startswith("\t")}
    assert {name.replace("notebook-key@", "") for name in named} == stale


def test_a_missing_output_is_stale_for_both_and_we_restore_it(ran, dvc):
    before = (ran / "model.txt").read_text()
    (ran / "model.txt").unlink()

    assert our_states(ran)["train"] == "stale"
    assert "model.txt" in dvc("status")
    assert states(mlops.run(project=ran)) == {"prepare": "up-to-date", "train": "restored"}
    assert (ran / "model.txt").read_text() == before
    assert dvc("status") == UP_TO_DATE


def test_foreign_templates_are_read_through_dvc(project, dvc):
    root = project.root
    (root / "dvc.yaml").write_text(
        "vars:\n- words: [a, b]\nstages:\n  say:\n    foreach: ${words}\n    do:\n"
        "      cmd: echo ${item} > ${item}.txt\n      outs:\n      - ${item}.txt\n"
    )

    assert states(mlops.run(project=root)) == {"say@a": "ran", "say@b": "ran"}
    assert (root / "b.txt").read_text() == "b\n"
    assert dvc("status") == UP_TO_DATE
