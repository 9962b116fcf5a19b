"""Workflows for other engines: valid by the engines' own rules, with the pipeline's own order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hera.workflows.models import Workflow
from hypothesis import given
from hypothesis import strategies as st

import jupyter_mlops as mlops
from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.checking.exports import tasks, workflow
from jupyter_mlops.pipelines.stages import yaml_files
from jupyter_mlops.pipelines.stages.limits import Limits
from jupyter_mlops.pipelines.stages.specs import Out, StageGraph, StageSpec

DAGBAG = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(dag_folder=sys.argv[1])
assert not bag.import_errors, bag.import_errors
dag, = bag.dags.values()
print(json.dumps({each.task_id: sorted(each.upstream_task_ids) for each in dag.tasks}))
"""


def stage(name: str, reads: tuple[str, ...] = (), limits: Limits | None = None) -> StageSpec:
    return StageSpec(name, f"make {name}", f"make {name}", reads, (Out(f"{name}.out"),), limits=limits or Limits())


GRAPH = StageGraph(
    [
        stage("Prepare"),
        stage("train@eu", ("Prepare.out",), Limits(retries=2, timeout_s=600, cpus=2, memory_bytes=4 * 10**9)),
        stage("train_eu", ("Prepare.out",)),
        stage("evaluate", ("train@eu.out", "train_eu.out")),
    ]
)
NEEDS = {"Prepare": set(), "train@eu": {"Prepare"}, "train_eu": {"Prepare"}, "evaluate": {"train@eu", "train_eu"}}


def order(edges: dict[str, set[str]]) -> dict[str, set[str]]:
    """Edges between tasks as edges between stages."""
    names = {each.id: each.stage for each in tasks(GRAPH)}
    return {names[one]: {names[other] for other in others} for one, others in edges.items() if one in names}


def test_github_takes_it(tmp_path):
    text = workflow("github", "jobs", tasks(GRAPH), image="")
    (tmp_path / "w.yml").write_text(text)
    check = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
        str(tmp_path / "w.yml"),
    ]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    jobs = yaml_files.parse(text)["jobs"]
    assert order({name: set(job.get("needs", ())) for name, job in jobs.items()}) == NEEDS
    assert set(jobs["report"]["needs"]) == {*jobs} - {"report"}


def test_argo_takes_it():
    document = yaml_files.parse(workflow("argo", "jobs", tasks(GRAPH), image="team/image:1"))
    made = Workflow.model_validate(document)
    dag = next(each.dag for each in made.spec.templates if each.dag)
    assert order({each.name: set(each.dependencies or ()) for each in dag.tasks}) == NEEDS
    limited = next(each for each in document["spec"]["templates"] if each["name"].startswith("train-eu"))
    assert limited["container"]["resources"]["requests"] == {"cpu": "2", "memory": str(4 * 10**9)}
    assert limited["activeDeadlineSeconds"] == 3 * 600 + 900


@pytest.mark.slow
def test_airflow_takes_it(tmp_path):
    """By the real DagBag, in an environment of its own."""
    import venv

    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "apache-airflow>=3"], check=True)
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "jobs.py").write_text(workflow("airflow", "jobs", tasks(GRAPH), image=""))
    home = {**os.environ, "AIRFLOW_HOME": str(tmp_path / "home"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    subprocess.run([tmp_path / "venv/bin/airflow", "db", "migrate"], env=home, check=True, capture_output=True)
    done = subprocess.run(
        [python, "-c", DAGBAG, str(tmp_path / "dags")], env=home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    edges = {name: set(before) for name, before in json.loads(done.stdout.splitlines()[-1]).items()}
    assert order(edges) == NEEDS


def test_the_airflow_file_is_python_of_a_kind_that_runs_nothing_of_the_names():
    text = workflow("airflow", 'it\'s "me"', tasks(GRAPH), image="")
    compile(text, "dag.py", "exec")


@given(st.lists(st.from_regex(r"[A-Za-z0-9@._-]{1,60}", fullmatch=True), min_size=1, max_size=8, unique=True))
def test_ids_are_unique_and_plain(names):
    ids = [each.id for each in tasks(StageGraph([stage(name) for name in names]))]
    assert len({*ids}) == len(names)
    assert all(each.replace("-", "a").isalnum() and each == each.lower() for each in ids)


@pytest.mark.parametrize("name", ["${{ secrets.X }}", "a;b", "a b", "{{x}}"])
def test_a_name_that_an_engine_would_run_is_refused(name):
    with pytest.raises(UsageError) as caught:
        tasks(StageGraph([stage(name)]))
    assert caught.value.reference == "bad-stage-name"


def test_the_verb_writes_where_the_engine_looks_and_overwrites_nothing(chain):
    made = mlops.export("github", project=chain)
    assert made.file == ".github/workflows/project.yml"
    assert made.tasks == ("prepare", "train")
    assert (chain / made.file).read_text() == made.text
    assert [need.partition(",")[0] for need in made.needs] == ["a DVC remote", "a git remote"]
    assert mlops.export("github", project=chain).text == made.text
    (chain / made.file).write_text("mine")
    with pytest.raises(UsageError) as caught:
        mlops.export("github", project=chain)
    assert caught.value.reference == "file-exists"
    assert mlops.export("github", force=True, project=chain).text == (chain / made.file).read_text()
    assert not Path(chain, mlops.export("argo", dry_run=True, project=chain).file).exists()
