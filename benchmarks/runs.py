"""Listing runs at scale, beside reading every record as `runs` did before it had an index.

Run: ``python benchmarks/runs.py [--runs 10000]``. Records of five stages each are written into the ledger of a fresh
repository. Each figure is the best of five in one process, in which only the first one builds the index.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pygit2

import jupyter_mlops as mlops
from jupyter_mlops.project import Project
from jupyter_mlops.records import Actor, StageRecord, VersionRecord

ROUNDS = 5
SARA = Actor("Sara", "sara@example.org")
START = datetime(2026, 1, 1, tzinfo=UTC)


def record(number: int) -> VersionRecord:
    stages = tuple(
        StageRecord(
            f"stage-{place}",
            "ran",
            1.0,
            inputs={f"in-{place}.csv": f"{number % 50:032x}"},
            outputs={f"out-{place}.csv": f"{number * 5 + place:032x}"},
            code=f"{number % 9:064x}",
            environment="e" * 64,
        )
        for place in range(5)
    )
    return VersionRecord(
        run=f"run-{number * 60_000:011x}-{number:06x}",
        state="succeeded" if number % 7 else "failed",
        started=START + timedelta(minutes=number),
        seconds=5.0,
        author=SARA,
        git_commit=f"{number:040x}",
        dirty=False,
        stages=stages,
        parameters={"train.C": number % 100 / 10},
        metrics={"auc": (number * 7919 % 1000) / 1000},
    )


def fill(root: Path, count: int) -> None:
    """One commit of all records: appending them one by one would be the benchmark of git."""
    project = Project(root)
    repository = pygit2.Repository(str(root / ".git"))
    builder = repository.TreeBuilder()
    for number in range(count):
        one = record(number)
        builder.insert(one.run, repository.create_blob(msgspec.json.encode(one)), pygit2.enums.FileMode.BLOB)
    who = pygit2.Signature(SARA.name, SARA.email)
    commit = repository.create_commit(None, who, who, "runs", builder.write(), [])
    repository.references.create(project.ledger.ref("runs"), commit)
    subprocess.run(["git", "gc", "-q"], cwd=root, check=True)


def best_ms(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def every_record(root: Path) -> None:
    """What a list without an index has to do."""
    for _, data in Project(root).ledger.read("runs"):
        msgspec.json.decode(data, type=VersionRecord)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=10_000)
    count = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        subprocess.run(["git", "init", "-q", folder], check=True)
        fill(root, count)
        print(f"{count:,} runs")
        print(f"read all records      {best_ms(lambda: every_record(root), 1):8.1f} ms")
        print(f"first list, index new {best_ms(lambda: mlops.runs(project=root), 1):8.1f} ms")
        asked = {
            "first page": {},
            "by metric": {"sort": "auc"},
            "metric and parameter": {"metric": "auc>0.8", "parameter": "C=1.5"},
            "last page by cursor": {"cursor": record(25).run},
            "compare two": {"compare": ["5", "9000" if count > 9000 else "6"]},
        }
        for name, arguments in asked.items():
            print(f"{name:21} {best_ms(lambda: mlops.runs(project=root, **arguments)):8.1f} ms")  # noqa: B023
        print(f"{'show run:5':21} {best_ms(lambda: mlops.show('run:5', project=root)):8.1f} ms")

        later = itertools.count(count)

        def append_and_list() -> None:
            Project(root).runs.append(record(next(later)), SARA)
            mlops.runs(project=root)

        opened = Project(root)
        print(f"{'first page, opened':21} {best_ms(opened.runs.page):8.1f} ms")

        print(f"{'append, then list':21} {best_ms(append_and_list):8.1f} ms")


if __name__ == "__main__":
    main()
