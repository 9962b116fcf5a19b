"""Profiles and drift, side by side with decoding the file, in one run.

Run: ``python benchmarks/profiles.py [--rows 1000000]``. Profiling and decoding are timed as whole processes, imports
included, and warm, within one process: best of three each. Memory is the peak of a process of its own. evidently is
measured beside us when it is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jupyter_mlops.profiles.drift import compare
from jupyter_mlops.profiles.profile import Profile, profile_tables

PROFILE_RATIO = 3.0
DRIFT_MS = 20.0
NUMBERS, CODES, TEXTS = 14, 3, 3
CHUNK_ROWS = 1_000_000


def write(path: Path, rows: int, shift: float) -> None:
    """A table of 20 columns: 14 reals, 3 whole numbers, 3 texts."""
    random = np.random.default_rng(7)
    writer = None
    for start in range(0, rows, CHUNK_ROWS):
        n = min(CHUNK_ROWS, rows - start)
        columns: dict[str, object] = {f"x{i}": random.normal(shift, 1, n) for i in range(NUMBERS)}
        columns |= {f"n{i}": random.integers(0, 10_000, n) for i in range(CODES)}
        columns |= {f"s{i}": random.choice(list("abcdefgh"), n) for i in range(TEXTS)}
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()


def decode(path: Path) -> None:
    """What reading costs at the least: every batch decoded and dropped."""
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for _ in file.iter_batches(65_536):
            pass


def best_s(work: Callable[[], object], rounds: int = 3) -> float:
    """The shortest wall time, in seconds."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


PROFILE = """
import resource, sys
from pathlib import Path
from jupyter_mlops.profiles.profile import profile_tables
profile_tables([Path(sys.argv[1])], ["t.parquet"])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
DECODE = """
import sys
import pyarrow.parquet as pq
for _ in pq.ParquetFile(sys.argv[1], pre_buffer=False).iter_batches(65_536):
    pass
"""


def process(code: str, path: Path) -> str:
    """Run `code` on `path` in a fresh process and return what it prints."""
    return subprocess.run([sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True).stdout


def evidently_s(before: Path, after: Path) -> float | None:
    """One drift report by evidently, or None without it."""
    if importlib.util.find_spec("evidently") is None:
        return None
    from evidently import Report
    from evidently.presets import DataDriftPreset

    tables = [pq.read_table(path).to_pandas() for path in (after, before)]
    return best_s(lambda: Report([DataDriftPreset()]).run(*tables), rounds=1)


def main() -> int:
    """Print the figures; 1 when one misses its bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return measure(Path(folder), arguments.rows)


def measure(folder: Path, rows: int) -> int:
    before, after = folder / "before.parquet", folder / "after.parquet"
    write(before, rows, 0.0)
    write(after, rows, 0.1)
    kept = [profile_tables([path], ["t.parquet"]).encoded() for path in (before, after)]
    old, new = (Profile.decoded(data) for data in kept)
    decoding_s = best_s(lambda: decode(before))
    profiling_s = best_s(lambda: profile_tables([before], ["t.parquet"]))
    drift_ms = 1000 * best_s(lambda: compare(old, new), rounds=10)
    whole_ms = 1000 * best_s(lambda: compare(*(Profile.decoded(data) for data in kept)), rounds=10)
    print(f"{rows} rows x 20 columns; the profile takes {len(kept[0]) / 1024:.0f} KiB")
    print(f"warm: decode {decoding_s:.2f} s | profile {profiling_s:.2f} s | {profiling_s / decoding_s:.2f}x")
    cold_decoding_s, cold_profiling_s = (best_s(lambda code=code: process(code, before)) for code in (DECODE, PROFILE))
    ratio = cold_profiling_s / cold_decoding_s
    print(f"process: decode {cold_decoding_s:.2f} s | profile {cold_profiling_s:.2f} s | {ratio:.2f}x (at most 3)")
    print(f"peak memory of profiling {float(process(PROFILE, before)):.0f} MB")
    print(f"drift of two profiles {drift_ms:.1f} ms, with reading them {whole_ms:.1f} ms (at most 20)")
    peer_s = evidently_s(before, after)
    print(
        "evidently: not installed, not measured"
        if peer_s is None
        else f"evidently {peer_s:.1f} s | {1000 * peer_s / whole_ms:.0f}x"
    )
    return int(ratio > PROFILE_RATIO or whole_ms > DRIFT_MS)


if __name__ == "__main__":
    sys.exit(main())
