"""What makes no sense is refused by name, with the nearest that does, and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from chains import states

import jupyter_mlops as mlops
from jupyter_mlops.errors import UnknownReference, UsageError
from jupyter_mlops.verbs import find
from jupyter_mlops.verbs.invoking import Origin, invoke

REFUSED = [
    ("log", {"limit": 0}, "bad-argument", ">= 1"),
    ("log", {"limit": 201}, "bad-argument", "<= 200"),
    ("log", {"name": "people.csv", "cursor": "zzz"}, "bad-cursor", "next_cursor"),
    ("log", {"cursor": "-5"}, "bad-cursor", "next_cursor"),
    ("runs", {"limit": -1}, "bad-argument", ">= 1"),
    ("runs", {"cursor": "zzz"}, "bad-cursor", "next_cursor"),
    ("diff", {"before": "people.csv@v1", "rows": -1}, "bad-argument", "--rows"),
    ("commit", {"paths": "people.csv", "retain": "forever"}, "bad-age", "90d"),
    ("commit", {"paths": "people.csv", "pii": ["nmae"]}, "unknown-column", "name?"),
    ("init", {"remote": "ext::sh -c true"}, "bad-remote", "s3"),
    ("init", {"remote": "fish://host/path"}, "bad-remote", "s3"),
    ("init", {"remote": "s3://b\n[core]"}, "bad-remote", "s3"),
]


@pytest.fixture
def people(project, once):
    return once(project.root, build)


def build(root: Path) -> None:
    (root / "people.csv").write_text("name,age\nAmal,31\n")
    mlops.commit("people.csv", project=root)
    (root / "people.csv").write_text("name,age\nAmal,31\nOmar,40\n")


@pytest.mark.parametrize(("verb", "arguments", "reference", "says"), REFUSED)
def test_it_is_refused_and_nothing_is_written(people, git, verb, arguments, reference, says):
    before = git("rev-parse", "HEAD"), git("status", "--porcelain")
    with pytest.raises(UsageError) as raised:
        invoke(find(verb), arguments, Origin("python", people))
    assert raised.value.reference == reference
    assert says in f"{raised.value.context} {raised.value.hint}"
    assert (git("rev-parse", "HEAD"), git("status", "--porcelain")) == before


@pytest.mark.parametrize("text", ["90d", "12w", "2y"])
def test_a_time_to_keep_is_written_into_the_pointer(people, text):
    mlops.commit("people.csv", retain=text, pii=["name"], project=people)
    assert f"retain: {text}" in (people / "people.csv.dvc").read_text()


def test_a_metric_that_no_run_has_names_the_nearest(chain):
    assert states(mlops.run(project=chain))["train"] == "ran"
    with pytest.raises(UsageError) as raised:
        mlops.runs(sort="-acu", project=chain)
    assert raised.value.reference == "unknown-metric"
    assert raised.value.hint == "Did you mean auc?"


def test_a_model_called_like_its_file_is_found_by_its_name(ran):
    mlops.register("model.txt", name="model", project=ran)
    mlops.alias("model@champion", "v1", project=ran)
    assert mlops.show("model@champion", project=ran).kind == "model"
    assert mlops.show("model.txt@v1", project=ran).kind == "dataset"
    with pytest.raises(UsageError) as raised:
        mlops.show("model@champoin", project=ran)
    assert raised.value.hint == "Did you mean model@champion?"


def test_a_reference_longer_than_any_path_is_unknown(people):
    for verb in (mlops.show, mlops.log, mlops.checkout):
        with pytest.raises(UnknownReference) as caught:
            verb("x" * 5000, project=people)
        assert caught.value.reference == "unknown-dataset"
