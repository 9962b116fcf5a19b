"""``profile`` and ``drift`` on committed versions."""

from __future__ import annotations

import subprocess

import numpy as np
import polars as pl
import pytest

import jupyter_mlops as mlops
from jupyter_mlops.errors import UsageError


def write(project, *, shift: float, rows: int = 600) -> None:
    rng = np.random.default_rng(int(shift * 10))
    frame = pl.DataFrame(
        {"id": np.arange(rows), "wage": rng.normal(shift, 1, rows), "city": rng.choice(["a", "b"], rows)}
    )
    frame.write_parquet(project.root / "pay.parquet")


@pytest.fixture
def versions(project, once):
    """Three versions of ``pay.parquet``: the second like the first, the third shifted."""

    def build(root):
        for i, shift in enumerate((0.0, 0.01, 2.0)):
            write(project, shift=shift, rows=600 + i)
            mlops.commit("pay.parquet", message="pay", project=root)

    once(project.root, build)
    return project


def test_drift_against_the_version_before_is_the_default(versions):
    report = mlops.drift("pay.parquet", project=versions.root)
    assert report.reference.startswith("pay.parquet@v2")
    assert report.current.startswith("pay.parquet@v3")
    assert [(c.name, c.drifted) for c in report.columns] == [("wage", True), ("city", False), ("id", False)]
    assert (report.rows_before, report.rows_after) == (601, 602)
    assert report.gate == "1 of 3 columns drifted: wage"
    assert mlops.drift("pay.parquet@v2", project=versions.root).gate is None
    assert mlops.drift("pay.parquet", against="pay.parquet@v1", project=versions.root).reference.count("@v1")


def test_content_that_no_commit_holds_is_compared_with_the_newest_version(versions):
    write(versions, shift=5.0)
    assert mlops.drift("pay.parquet", project=versions.root).reference.startswith("pay.parquet@v3")


@pytest.mark.parametrize(
    ("rule", "fails"),
    [("any", True), ("0.5", True), ("0.6", False), ("wage", True), ("city,id", False), ("city,wage", True)],
)
def test_fail_on_decides_what_counts(versions, rule, fails):
    report = mlops.drift("pay.parquet", fail_on=rule, project=versions.root)
    assert report.drifted
    assert bool(report.gate) is fails


@pytest.mark.parametrize(
    ("arguments", "reference"),
    [
        ({"columns": "wagee"}, "unknown-column"),
        ({"fail_on": "wagee"}, "unknown-column"),
        ({"fail_on": "1.5"}, "bad-argument"),
        ({"against": "pay.parquet@v9"}, "unknown-version"),
    ],
)
def test_wrong_arguments(versions, arguments, reference):
    with pytest.raises(UsageError) as refused:
        mlops.drift("pay.parquet", project=versions.root, **arguments)
    assert refused.value.reference == reference


def test_one_version_only(project):
    write(project, shift=0.0)
    mlops.commit("pay.parquet", message="pay", project=project.root)
    with pytest.raises(UsageError, match=r"One version only\. Drift needs two\.") as refused:
        mlops.drift("pay.parquet", project=project.root)
    assert refused.value.reference == "one-version-only"


def test_not_a_table(project):
    (project.root / "photo.png").write_bytes(b"\x89PNG")
    mlops.commit("photo.png", message="photo", project=project.root)
    with pytest.raises(UsageError) as refused:
        mlops.profile("photo.png", project=project.root)
    assert refused.value.reference == "not-a-table"


def test_profile_describes_each_column(versions):
    found = mlops.profile("pay.parquet@v3", project=versions.root)
    identifier, wage, city = found.columns
    assert (found.rows, identifier.kind, wage.kind, city.kind) == (602, "identifier", "numeric", "categorical")
    assert wage.quantiles["0.5"] == pytest.approx(2, abs=0.2)
    assert sum(city.top.values()) == 602


def test_a_profile_outlives_its_data(versions):
    mlops.drift("pay.parquet", project=versions.root)
    subprocess.run(["chmod", "-R", "u+w", ".dvc/cache"], cwd=versions.root, check=True)
    subprocess.run(["rm", "-r", ".dvc/cache"], cwd=versions.root, check=True)
    assert mlops.drift("pay.parquet@v3", project=versions.root).drifted


def test_a_shared_profile_needs_no_data_and_a_damaged_one_is_made_again(versions):
    version = versions.datasets.resolve("pay.parquet@v3")
    mlops.profile("pay.parquet@v3", project=versions.root)
    store = versions.profiles
    store.publish(version.digest, versions.actor)
    kept = next((versions.places.scratch / "profiles").glob(f"{version.digest}*"))
    kept.write_bytes(kept.read_bytes()[:-9])
    assert store.of(version.digest, lambda: pytest.fail("read the data")).rows == 602
    with pytest.raises(UsageError, match="not-profiled"):
        store.publish("0" * 32, versions.actor)
