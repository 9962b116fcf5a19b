"""Row diff, side by side with doing it by hand in pandas and in polars, and with datacompy where it is installed.

Run: ``python benchmarks/differences.py [--rows 1000000 --columns 10] [--peers pandas,polars,datacompy]``. Two parquet
files are written: a hundredth of the cells of two columns change, a thousandth of the rows go, a thousand come, and
the order of the rows is another. Each way runs in a process of its own, which times itself after its imports and
tells its peak memory; the best of three, one after the other. All must count the same.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

BOUND_S = 0.5
CHUNK_ROWS = 1_000_000
GROUP_ROWS = 250_000
TOWNS = np.array(["north", "south", "east", "west", "centre"])
MOST_BYTES = 16 * 10**9
PREPARE = """
import json, resource, sys, tempfile, time
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, ({most}, {most}))
old, new = map(Path, sys.argv[1:3])
def base():
    # Unlike ru_maxrss it knows nothing of the process that started this one.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
"""
OURS = """
import polars, pyarrow.parquet
from jupyter_mlops.profiles.differences import Table, compare
bare, started = base(), time.perf_counter()
with tempfile.TemporaryDirectory() as folder:
    found = compare(Table([old], [old.name]), Table([new], [new.name]), ("id",), Path(folder)).tally
counts = [found.rows["added"], found.rows["removed"], found.rows["modified"], sum(found.columns.values())]
"""
PANDAS = """
import pandas
bare, started = base(), time.perf_counter()
a, b = pandas.read_parquet(old), pandas.read_parquet(new)
both = a.merge(b, on="id", how="outer", suffixes=("", "_new"), indicator=True)
paired = both["_merge"] == "both"
def differs(x, y):
    return paired & (x != y) & ~(x.isna() & y.isna())
changed = {{n: differs(both[n], both[n + "_new"]) for n in a if n != "id"}}
rows = pandas.DataFrame(changed).any(axis=1).sum()
lone = [(both["_merge"] == side).sum() for side in ("right_only", "left_only")]
counts = [*lone, rows, sum(c.sum() for c in changed.values())]
"""
POLARS = """
import polars as pl
bare, started = base(), time.perf_counter()
a, b = pl.scan_parquet(old), pl.scan_parquet(new)
names = [n for n in a.collect_schema() if n != "id"]
a, b = a.with_columns(pl.lit(True).alias("_a")), b.with_columns(pl.lit(True).alias("_b"))
both = a.join(b, on="id", how="full", coalesce=True, nulls_equal=True, suffix="_new")
paired = pl.col("_a").is_not_null() & pl.col("_b").is_not_null()
both = both.with_columns([(paired & pl.col(n).ne_missing(pl.col(n + "_new"))).alias("?" + n) for n in names])
counts = both.select(pl.col("_a").is_null().sum(), pl.col("_b").is_null().sum(),
    pl.any_horizontal(["?" + n for n in names]).sum().alias("rows"),
    pl.sum_horizontal([pl.col("?" + n).sum() for n in names]).alias("cells")).collect(engine="streaming").row(0)
"""
DATACOMPY = """
import datacompy, pandas
bare, started = base(), time.perf_counter()
found = datacompy.PandasCompare(pandas.read_parquet(old), pandas.read_parquet(new), join_columns=["id"])
cells = sum(column["unequal_cnt"] for column in found.column_stats)
rows = len(found.intersect_rows) - found.count_matching_rows()
counts = [len(found.df2_unq_rows), len(found.df1_unq_rows), rows, cells]
"""
TELL = """
seconds = time.perf_counter() - started
print(json.dumps({{"seconds": seconds, "peak_mb": base() - bare, "counts": [int(each) for each in counts]}}))
"""
WAYS = {"ours": OURS, "pandas": PANDAS, "polars": POLARS, "datacompy": DATACOMPY}


def columns(start: int, count: int, width: int) -> dict[str, object]:
    """Some rows of the table before: a key, reals, whole numbers and words in turn."""
    random = np.random.default_rng(start)
    kinds = (
        lambda: random.normal(0, 1, count),
        lambda: random.integers(0, 10_000, count),
        lambda: TOWNS[random.integers(0, len(TOWNS), count)],
    )
    return {"id": np.arange(start, start + count), **{f"c{i}": kinds[i % 3]() for i in range(width - 1)}}


def changed(rows: dict[str, object], start: int, count: int) -> dict[str, object]:
    """The same rows after: edited, some gone, in another order."""
    random = np.random.default_rng(start + 1)
    edited = dict(rows)
    for name in ("c0", "c1"):
        edited[name] = np.where(random.random(count) < 0.01, rows[name] + 1, rows[name])
    order = random.permutation(count)[: count - count // 1000]
    return {name: values[order] for name, values in edited.items()}


def write(folder: Path, rows: int, width: int) -> tuple[Path, Path]:
    """The two files."""
    paths = folder / "before.parquet", folder / "after.parquet"
    writers: list[pq.ParquetWriter] = []
    for start in range(0, rows, CHUNK_ROWS):
        count = min(CHUNK_ROWS, rows - start)
        before = columns(start, count, width)
        after = changed(before, start, count)
        if start + count == rows:
            new = columns(rows, 1000, width)
            after = {name: np.concatenate([values, new[name]]) for name, values in after.items()}
        tables = pa.table(before), pa.table(after)
        writers = writers or [pq.ParquetWriter(path, table.schema) for path, table in zip(paths, tables, strict=True)]
        for writer, table in zip(writers, tables, strict=True):
            writer.write_table(table, row_group_size=GROUP_ROWS)
    for writer in writers:
        writer.close()
    return paths


def measure(way: str, paths: tuple[Path, Path], rounds: int) -> dict | None:
    """The best of some runs, or None where the way is not installed or runs out of memory."""
    code = (PREPARE + WAYS[way] + TELL).format(most=MOST_BYTES)
    found = []
    for _ in range(rounds):
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, paths)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(f"{way}: {(done.stderr.strip().splitlines() or [f'ended with {done.returncode}'])[-1][:120]}")
            return None
        found.append(json.loads(done.stdout))
    return min(found, key=lambda one: one["seconds"])


def main() -> int:
    """Print the figures; 1 when counts differ, or when a million rows of ten columns take longer than wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default="pandas,polars,datacompy")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = write(Path(folder), given.rows, given.columns)
        found = {way: measure(way, paths, given.rounds) for way in ("ours", *given.peers.split(","))}
    ours = found["ours"]
    if ours is None:
        return 1
    print(f"{given.rows} rows x {given.columns} columns; added, removed, modified rows, cells: {ours['counts']}")
    for way, one in found.items():
        if one:
            same = "" if one["counts"] == ours["counts"] else f" COUNTS {one['counts']}"
            ratio = one["seconds"] / ours["seconds"]
            print(f"{way:<10} {one['seconds']:7.2f} s {ratio:6.2f}x   peak {one['peak_mb']:7.0f} MB{same}")
    wanted = given.rows > CHUNK_ROWS or given.columns > 10 or ours["seconds"] <= BOUND_S
    return int(not wanted or any(one and one["counts"] != ours["counts"] for one in found.values()))


if __name__ == "__main__":
    sys.exit(main())
