"""The demo, told as the verbs a team would use over four years."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import attrs

DATASET = "data/employment.parquet"
MODEL_FILE = "models/jobs.skops"
MODEL = "jobs"
SURVEY = "https://www.census.gov/programs-surveys/acs/microdata.html"
YEARS = (2015, 2016, 2017, 2018)


@attrs.frozen
class Scene:
    """One verb of the story; before it, `year` (when given) replaces the dataset's content."""

    verb: str
    arguments: Mapping[str, Any] = attrs.field(factory=dict)
    year: int | None = None


def _survey(year: int) -> Scene:
    facts = {"source": SURVEY, "licence": "public domain", "purpose": "who has a job", "pii": ["SEX", "RAC1P"]}
    return Scene("commit", {"paths": [DATASET], "message": f"survey of {year}", "tag": f"y{year}", **facts}, year)


def _stage(name: str, **details: Any) -> Scene:
    return Scene("stage add", {"name": name, "notebook": f"{name}.ipynb", **details})


STORY: tuple[Scene, ...] = (
    Scene("init", {"yes": True}),
    _survey(2015),
    _stage("prepare", parameters={"test_share": 0.25, "seed": 7}, dep=[DATASET], out=["prepared"]),
    _stage("train", parameters={"strength": 1.0, "age_bins": 12}, dep=["prepared"], out=[MODEL_FILE]),
    _stage("evaluate", parameters={"threshold": 0.5}, dep=["prepared", MODEL_FILE], metrics=["metrics.json"]),
    Scene("run"),
    Scene("register", {"source": MODEL_FILE, "name": MODEL, "message": "learnt from 2015"}),
    Scene("alias", {"reference": f"{MODEL}@champion", "version": "v1"}),
    Scene("deploy", {"reference": f"{MODEL}@champion"}),
    Scene("predict", {"name": MODEL, "data": DATASET, "limit": 3}),
    *(_survey(year) for year in YEARS[1:]),
    Scene("drift", {"reference": "employment@y2018", "against": "employment@y2015"}),
    Scene("run"),
    Scene("register", {"source": MODEL_FILE, "name": MODEL, "message": "learnt from 2018"}),
    Scene("deploy", {"reference": f"{MODEL}@v2"}),
    Scene("rollback", {"name": MODEL}),
)


def lay_out(root: Path) -> None:
    """Copy the notebooks and settings of the example into `root`."""
    with as_file(files(__package__) / "project") as template:
        shutil.copytree(template, root, dirs_exist_ok=True)
    (root / DATASET).parent.mkdir(exist_ok=True)


def bring(year: int, root: Path) -> None:
    """Put the survey of `year` in place of the dataset."""
    with as_file(files(__package__) / "data" / f"employment-{year}.parquet") as survey:
        shutil.copyfile(survey, root / DATASET)
