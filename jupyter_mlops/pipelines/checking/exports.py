"""The pipeline as a workflow of another engine: each task runs one stage by our own entry, with its caches and records.

A task works in a clone of its own: what its stage needs is restored from the run-cache of the DVC remote, what it
makes goes there. Nothing here is run; texts are made from values.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Literal

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.stages import yaml_files
from jupyter_mlops.pipelines.stages.key_stages import hidden
from jupyter_mlops.pipelines.stages.limits import Limits
from jupyter_mlops.pipelines.stages.specs import StageGraph

Engine = Literal["airflow", "argo", "github"]
NAME = re.compile(r"[\w@.-]+")
SPARE_S = 900
"""Beyond what its attempts may take, a task has this long for its clone and its data, in seconds."""
INSTALL = "pip install jupyter-mlops\ntest ! -f requirements.txt || pip install -r requirements.txt\n"
PLACES: Mapping[Engine, str] = {
    "airflow": "dags/{name}.py",
    "argo": "argo/{name}.yaml",
    "github": ".github/workflows/{name}.yml",
}


@attrs.frozen
class Task:
    """A stage as a task of another engine.

    Attributes
    ----------
    id
        Lower-case letters, digits and dashes; unique.
    after
        The ids of the tasks that come before it.
    """

    id: str
    stage: str
    after: tuple[str, ...]
    limits: Limits

    @property
    def command(self) -> str:
        """What runs, as a line for the shell."""
        return f"jupyter mlops run {shlex.quote(self.stage)} --single --pull --push --no-git"

    @property
    def timeout_s(self) -> int | None:
        """When the engine ends it, if the stage has a limit itself."""
        each = self.limits.timeout_s
        return round(each * (self.limits.retries + 1)) + SPARE_S if each else None


def tasks(graph: StageGraph) -> tuple[Task, ...]:
    """The stages as tasks, each after what it needs.

    Raises
    ------
    UsageError
        ``no-stages``, ``bad-stage-name``, ``pipeline-cycle``, ``two-writers``.
    """
    stages = tuple(hidden(graph.ordered()))  # a stage brings the key of its notebook up to date itself
    if not stages:
        raise UsageError("no-stages", "There are no stages.", hint="stage add NAME NOTEBOOK.")
    ids = {stage.name: _id(stage.name) for stage in stages}
    return tuple(
        Task(
            ids[stage.name],
            stage.name,
            tuple(sorted(ids[name] for name in graph.needs(stage) if name in ids)),
            stage.limits,
        )
        for stage in stages
    )


def _id(name: str) -> str:
    """A name that every engine takes; what had to be changed is told apart by a digest."""
    if not NAME.fullmatch(name):
        raise UsageError("bad-stage-name", f"{name!r} cannot name a task.", hint="Rename the stage in dvc.yaml.")
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:50]
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:6]}".lstrip("-")


def place(engine: Engine, project: str) -> str:
    """The file that `engine` looks for, below the root."""
    plain = re.sub(r"[^a-z0-9]+", "_" if engine == "airflow" else "-", project.lower()).strip("-_") or "pipeline"
    return PLACES[engine].format(name=plain)


def workflow(engine: Engine, project: str, chosen: Sequence[Task], *, image: str) -> str:
    """The text of the workflow file.

    Parameters
    ----------
    image
        For argo: the container image that has git, the environment of the notebooks, and this package.
    """
    made: dict[Engine, Callable[[], str]] = {
        "airflow": lambda: _airflow(PurePosixPath(place("airflow", project)).stem, chosen),
        "argo": lambda: _argo(PurePosixPath(place("argo", project)).stem, chosen, image),
        "github": lambda: _github(project, chosen),
    }
    return made[engine]()


def _github(project: str, chosen: Sequence[Task]) -> str:
    jobs = {each.id: _github_job(each.command, each.after, each.timeout_s) for each in chosen}
    jobs["report"] = _github_job("jupyter mlops ci", tuple(jobs), None)
    document = {
        "name": f"{project} pipeline",
        "on": {"push": None, "workflow_dispatch": None},
        "permissions": {"contents": "read"},
        "concurrency": {"group": "mlops-${{ github.ref }}"},
        "jobs": jobs,
    }
    head = "# Written by `jupyter mlops export github`; the keys of the DVC remote are secrets of the repository.\n"
    return head + yaml_files.dump(document)


def _github_job(command: str, after: Sequence[str], timeout_s: int | None) -> dict[str, Any]:
    credentials = {name: f"${{{{ secrets.{name} }}}}" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    return {
        **({"needs": list(after)} if after else {}),
        "runs-on": "ubuntu-latest",
        **({"timeout-minutes": -(-timeout_s // 60)} if timeout_s else {}),
        "steps": [
            {"uses": "actions/checkout@v4", "with": {"fetch-depth": 0}},
            {"uses": "actions/setup-python@v5", "with": {"python-version": "3.12"}},
            {"run": INSTALL},
            {"run": command, "env": credentials},
        ],
    }


def _argo(name: str, chosen: Sequence[Task], image: str) -> str:
    steps = [
        {"name": each.id, "template": each.id, **({"dependencies": list(each.after)} if each.after else {})}
        for each in chosen
    ]
    document = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": f"{name}-"},
        "spec": {
            "entrypoint": "pipeline",
            "arguments": {
                "parameters": [
                    {"name": "repository", "description": "Address of the git repository"},
                    {"name": "revision", "value": "HEAD"},
                    {"name": "image", "value": image},
                ]
            },
            "templates": [{"name": "pipeline", "dag": {"tasks": steps}}, *map(_argo_template, chosen)],
        },
    }
    return "# Written by `jupyter mlops export argo`.\n" + yaml_files.dump(document)


def _argo_template(task: Task) -> dict[str, Any]:
    memory = task.limits.memory_bytes
    requests = {"cpu": f"{task.limits.cpus:g}", **({"memory": str(memory)} if memory else {})}
    script = (
        'git clone --quiet -- "$REPOSITORY" project && cd project && git checkout --quiet --detach "$REVISION" -- && '
        f"exec {task.command}"
    )
    values = {"REPOSITORY": "repository", "REVISION": "revision"}
    return {
        "name": task.id,
        **({"activeDeadlineSeconds": task.timeout_s} if task.timeout_s else {}),
        "container": {
            "image": "{{workflow.parameters.image}}",
            "command": ["sh", "-euc", script],
            "env": [{"name": key, "value": f"{{{{workflow.parameters.{item}}}}}"} for key, item in values.items()],
            "resources": {"requests": requests},
        },
    }


AIRFLOW = '''\
"""Written by `jupyter mlops export airflow`: one task a stage.

The folder of the project is the parameter `project`; each task works in a clone of its own beside it.
"""

from datetime import datetime, timedelta

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG
try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:  # Airflow 2
    from airflow.operators.bash import BashOperator

TASKS = {tasks}

CLONE = (
    "set -eu; work=$(mktemp -d); trap 'rm -rf \\"$work\\"' EXIT; "
    "git clone --quiet -- \\"$PROJECT\\" \\"$work\\"; cd \\"$work\\"; "
)

with DAG(
    {name},
    schedule=None,
    start_date=datetime(2024, 1, 1),
    catchup=False,
    params={{"project": ""}},
    tags=["mlops"],
) as dag:
    made = {{}}
    for task in TASKS:
        limit = task["timeout_s"]
        made[task["id"]] = BashOperator(
            task_id=task["id"],
            bash_command=CLONE + task["command"],
            env={{"PROJECT": "{{{{ params.project }}}}"}},
            append_env=True,
            execution_timeout=timedelta(seconds=limit) if limit else None,
        )
        for before in task["after"]:
            made[before] >> made[task["id"]]
'''


def _airflow(name: str, chosen: Sequence[Task]) -> str:
    listed = [
        {"id": each.id, "command": each.command, "after": list(each.after), "timeout_s": each.timeout_s}
        for each in chosen
    ]
    lines = "".join(f"    {item!r},\n" for item in listed)
    return AIRFLOW.format(name=json.dumps(name), tasks=f"[\n{lines}]")
