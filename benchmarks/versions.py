"""Data versions, beside dvc, git-annex, git-lfs, oxen, and ``cp`` with ``md5sum``, each where it is installed.

Run: ``python benchmarks/versions.py [--quick] [--sizes 1GiB,10k,100k,log] [--on FOLDER,FOLDER] [--peers dvc,copy]
[--oxen PYTHON] [--rounds 3]``. Every tool works on its own copy of the same random files, as a whole process, one after
the other, after the disk has settled, in each round another one first: medians of wall seconds and, in brackets, of
seconds of CPU (user and system, children included), which tell more on a busy machine. Memory that nobody used before
is slow to get, so it is touched beforehand; what Python compiles it keeps. Ours does more than `dvc add`: it writes the
version into git's history, as do git-annex, git-lfs and oxen. Everything is made in new folders and removed again.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs

KIB = 1 << 10
SIZES = {"1GiB": (1, 1 << 30), "10k": (10_000, 10 * KIB), "100k": (100_000, KIB)}
QUICK = {"1GiB": (1, 64 << 20), "10k": (1_000, 10 * KIB), "100k": (5_000, KIB)}
STEPS = ("cold", "status", "unchanged", "one change", "checkout")
SETTLE_S = 2.2
OURS = f"{sys.executable} -m jupyter_mlops"
DVC = f"{sys.executable} -m dvc"
OXEN = "{python} -c 'import oxen,sys; r=oxen.Repo(\".\"); {does}'"
IN_PROCESS = """
import sys, time
import jupyter_mlops as mlops
mlops.status(project=".")
def timed(word, work):
    start, cpu = time.perf_counter(), time.process_time()
    work()
    print(word, time.perf_counter() - start, time.process_time() - cpu, flush=True)
def touch(text):
    path = sys.argv[1]
    with open(path, "r+b") as file:
        file.write(text)
    time.sleep(0.05)
timed("cold", lambda: mlops.commit("data", project="."))
time.sleep(2.2)
mlops.commit("data", project=".")
timed("status", lambda: mlops.status(project="."))
timed("unchanged", lambda: mlops.commit("data", project="."))
touch(b"first")
timed("one change", lambda: mlops.commit("data", project="."))
timed("manifest diff", lambda: mlops.diff("data@v1", "data@v2", project="."))
timed("checkout", lambda: mlops.checkout("data@v1", project="."))
"""
PEAK = """
import sys
def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
bare = peak()
import jupyter_mlops as mlops
mlops.commit("data", project=".")
print(peak() - bare)
"""
LOG = """
import glob, os, subprocess, sys, time
from pathlib import Path
import jupyter_mlops as mlops
from jupyter_mlops.project import Project
mlops.status(project=".")
def clocked(work, times=1):
    walls, spent = [], []
    for _ in range(times):
        start, cpu = time.perf_counter(), sum(os.times()[:4])
        work()
        walls.append(time.perf_counter() - start)
        spent.append(sum(os.times()[:4]) - cpu)
    print(sorted(walls)[times // 2], sum(spent) / times)
project = Project(Path.cwd())
for path in glob.glob(str(project.places.scratch / "history*")):
    os.unlink(path)
clocked(lambda: mlops.log("data", project="."))
clocked(lambda: mlops.log("data", project="."), 51)
clocked(lambda: mlops.log("data", limit=200, cursor="v5000", project="."), 51)
for number in range(9):
    subprocess.run(["git", "tag", "-a", "-m", "x", f"data@t{number}", f"HEAD~{number * 2}"], check=True)
clocked(lambda: mlops.log("data", project="."), 51)
raw = ["git", "log", "--raw", "--no-abbrev", "--format=%H", "--", "data.dvc"]
clocked(lambda: subprocess.run(raw, capture_output=True))
"""
IMPORT = """
import time
start = time.process_time()
import jupyter_mlops.verbs.datasets, jupyter_mlops.versioning.committing
alone = time.process_time()
import jupyter_mlops as mlops
mlops.commit
print((alone - start) * 1000, (time.process_time() - start) * 1000)
"""


@attrs.frozen
class Tool:
    """The commands of one tool, for the shell, by step; what a step needs beforehand is under ``before STEP``."""

    name: str
    begin: str
    steps: Mapping[str, str]


def tools(oxen: str) -> Iterator[Tool]:
    """Every tool that is installed."""
    yield Tool(
        "jupyter-mlops",
        f"git init -q && {OURS} init --yes > /dev/null",
        {
            "cold": f"{OURS} commit data",
            "status": f"{OURS} status",
            "unchanged": f"{OURS} commit data",
            "one change": f"{OURS} commit data",
            "checkout": f"{OURS} checkout data@v1",
        },
    )
    if importlib.util.find_spec("dvc"):
        yield Tool(
            "dvc",
            f"git init -q && {DVC} init -q",
            {
                "cold": f"{DVC} add -q data",
                "status": f"{DVC} status -q",
                "unchanged": f"{DVC} add -q data",
                "before one change": "git add data.dvc && git commit -q -m 1",
                "one change": f"{DVC} add -q data",
                "before checkout": "git checkout -q data.dvc",
                "checkout": f"{DVC} checkout -q -f data.dvc",
            },
        )
    if shutil.which("git-annex"):
        add = "git annex add --quiet data && git commit -q -m x --allow-empty"
        back = "git checkout -q HEAD~1 -- data"
        steps = {"cold": add, "status": "git annex status", "unchanged": add, "one change": add, "checkout": back}
        yield Tool("git-annex", "git init -q && git annex init -q", steps)
    if shutil.which("git-lfs"):
        add = "git add data && git commit -q -m x --allow-empty"
        back = "git checkout -q HEAD~1 -- data"
        steps = {"cold": add, "status": "git status --short", "unchanged": add, "one change": add, "checkout": back}
        yield Tool(
            "git-lfs",
            "git init -q && git lfs install --local > /dev/null && git lfs track 'data/**' > /dev/null",
            steps,
        )
    if oxen:
        add = OXEN.format(python=oxen, does='r.add("data"); r.commit("x")')
        looked = OXEN.format(python=oxen, does="r.status()")
        yield Tool(
            "oxen",
            OXEN.format(python=oxen, does='oxen.user.config_user("bench", "b@localhost"); r.init()'),
            {"cold": add, "status": looked, "one change": add},
        )
    yield Tool(
        "cp + md5sum",
        "true",
        {
            "cold": "cp -r data copy && find data -type f -print0 | xargs -0 md5sum > sums",
            "status": "find data -printf '%s %T@ %C@ %i\\n' > stats",
        },
    )


@contextlib.contextmanager
def scratch(place: Path) -> Iterator[Path]:
    """A new folder on the disk of `place`, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="mlops-versions-", dir=place))
    try:
        yield folder
    finally:
        subprocess.run(["chmod", "-R", "u+w", str(folder)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def fill(folder: Path, count: int, size: int) -> None:
    """`count` random files of `size` bytes, a thousand a folder."""
    for number in range(count):
        path = folder / f"{number // 1000:03d}" / f"{number:06d}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for start in range(0, size, 64 << 20):
                file.write(os.urandom(min(64 << 20, size - start)))


def surroundings(home: Path) -> dict[str, str]:
    """Nobody's settings: an identity for git, no reports home, no cache of dvc's shared with others.

    Python keeps what it compiled, as it does for anybody but developers in a hurry.
    """
    names = {f"GIT_{who}_{what}": "bench@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return {
        **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        **names,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "DVC_NO_ANALYTICS": "1",
        "CI": "1",
        "HOME": str(home),
    }


def clocked(command: str, folder: Path, environment: Mapping[str, str]) -> tuple[float, float]:
    """Wall and CPU seconds of a shell command."""
    os.sync()
    start = time.perf_counter()
    process = subprocess.Popen(["sh", "-c", command], cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        raise SystemExit(f"failed: {command}")
    return wall, usage.ru_utime + usage.ru_stime


def edit(path: Path) -> None:
    """Other bytes of the same length, in a new file: git-annex keeps the old one read-only."""
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(b"another" + data[7:])


Row = dict[str, tuple[float, float]]


def measured(tool: Tool, folder: Path, source: Path, environment: Mapping[str, str]) -> Row:
    """What every step of `tool` takes on a copy of `source`."""
    folder.mkdir()
    subprocess.run(["cp", "-r", str(source), str(folder / "data")], check=True)
    subprocess.run(["sh", "-c", tool.begin], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    environment = {**environment, "DVC_SITE_CACHE_DIR": str(folder / ".site")}
    time.sleep(SETTLE_S)
    row: Row = {}
    for step in STEPS:
        if step == "one change":
            edit(next(path for path in sorted((folder / "data").rglob("*.bin"))))
        if prepare := tool.steps.get(f"before {step}"):
            subprocess.run(["sh", "-c", prepare], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        if command := tool.steps.get(step):
            row[step] = clocked(command, folder, environment)
        if step == "cold" and tool.steps.get("status"):
            time.sleep(SETTLE_S)
            clocked(tool.steps["status"], folder, environment)
    return row


def within(folder: Path, source: Path, environment: Mapping[str, str]) -> Row:
    """What our verbs take in a process that has them loaded."""
    folder.mkdir()
    subprocess.run(["cp", "-r", str(source), str(folder / "data")], check=True)
    subprocess.run(
        ["sh", "-c", f"git init -q && {OURS} init --yes > /dev/null"], cwd=folder, env=environment, check=True
    )
    os.sync()
    first = min((folder / "data").rglob("*.bin"))
    lines = told(IN_PROCESS, folder, environment, str(first))
    return {step: (float(wall), float(cpu)) for step, wall, cpu in (line.rsplit(" ", 2) for line in lines)}


def told(script: str, folder: Path, environment: Mapping[str, str], *arguments: str) -> list[str]:
    """The lines that a Python script prints."""
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.check_output(command, cwd=folder, env=environment, text=True).splitlines()


def shown(title: str, rows: Mapping[str, Row], steps: Sequence[str]) -> None:
    """A table: seconds, how many times ours the others take, and in brackets the same of CPU."""
    print(f"\n### {title} (load {os.getloadavg()[0]:.1f})\n")
    print("| | " + " | ".join(steps) + " |")
    print("|---" * (len(steps) + 1) + "|")
    ours = rows["jupyter-mlops"]
    for name, row in rows.items():
        cells = []
        for step in steps:
            wall, cpu = row.get(step, (0.0, 0.0))
            ratio = ""
            if wall and step in ours and row is not ours:
                ratio = f" {wall / ours[step][0]:.1f}x ({cpu / max(ours[step][1], 0.001):.1f}x)"
            cells.append(f"{wall:.3f} ({cpu:.2f}){ratio}" if wall else "-")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def sized(place: Path, title: str, shape: tuple[int, int], chosen: Sequence[Tool], rounds: int) -> None:
    """One size on one disk, by all tools."""
    count, each = shape
    with scratch(place) as folder:
        environment = surroundings(folder)
        touch(folder / "touched", 2 * count * max(each, 4 * KIB))
        fill(folder / "source", count, each)
        rows: dict[str, list[Row]] = {name: [] for name in (*(tool.name for tool in chosen), "ours, loaded")}
        for number in range(rounds):
            for tool in (*chosen[number % len(chosen) :], *chosen[: number % len(chosen)]):
                try:
                    rows[tool.name].append(measured(tool, folder / "by tool", folder / "source", environment))
                except (SystemExit, subprocess.CalledProcessError) as error:
                    print(f"{tool.name}: {error}", file=sys.stderr)
                shutil.rmtree(folder / "by tool", onerror=_forced)
            rows["ours, loaded"].append(within(folder / "loaded", folder / "source", environment))
            shutil.rmtree(folder / "loaded", onerror=_forced)
        middle = {name: median(several) for name, several in rows.items() if several}
        shown(f"{title}: {count:,} x {each / KIB:,.0f} KiB on {place}", middle, [*STEPS, "manifest diff"])
        if count > 1:
            peak(folder / "peak", folder / "source", environment)


def touch(path: Path, size: int) -> None:
    """Have the machine hand over as much memory as the tools will take, so that none pays for being the first."""
    with path.open("wb") as file:
        for _ in range(0, size, 64 << 20):
            file.write(bytes(64 << 20))
    path.unlink()


def median(rows: Sequence[Row]) -> Row:
    """The median of each step, of wall and CPU by themselves."""
    steps = {step for row in rows for step in row}
    return {step: (_middle(rows, step, 0), _middle(rows, step, 1)) for step in steps}


def _middle(rows: Sequence[Row], step: str, which: int) -> float:
    return statistics.median(row[step][which] for row in rows if step in row)


def _forced(function: Callable[[str], None], path: str, _: object) -> None:
    Path(path).parent.chmod(0o755)
    Path(path).chmod(0o755)
    function(path)


def peak(folder: Path, source: Path, environment: Mapping[str, str]) -> None:
    """Memory that a cold commit takes above bare Python."""
    folder.mkdir()
    subprocess.run(["cp", "-r", str(source), str(folder / "data")], check=True)
    subprocess.run(
        ["sh", "-c", f"git init -q && {OURS} init --yes > /dev/null"], cwd=folder, env=environment, check=True
    )
    print(f"\npeak memory of a cold commit above bare Python: {float(told(PEAK, folder, environment)[0]):.0f} MB")


def history(place: Path, commits: int) -> None:
    """``log`` over many commits."""
    with scratch(place) as folder:
        environment = surroundings(folder)
        (folder / "data").write_text("x")
        begin = f"git init -q -b main && {OURS} init --yes > /dev/null"
        subprocess.run(["sh", "-c", begin], cwd=folder, env=environment, check=True)
        subprocess.run(
            ["git", "fast-import", "--quiet", "--force"], cwd=folder, input=stream(commits), env=environment, check=True
        )
        subprocess.run(["git", "reset", "-q", "--hard"], cwd=folder, env=environment, check=True)
        names = ("first index", "warm", "a page of 200 in the middle", "warm, with nine tags", "`git log --raw` alone")
        print(f"\n### log over {commits:,} commits on {place} (load {os.getloadavg()[0]:.1f})\n")
        for name, line in zip(names, told(LOG, folder, environment), strict=True):
            wall, cpu = (float(word) * 1000 for word in line.split())
            print(f"{name}: {wall:.1f} ms, {cpu:.1f} ms of CPU with its children", flush=True)


def stream(commits: int) -> bytes:
    """A history for ``git fast-import``: every commit another version of ``data``."""
    parts = []
    for number in range(commits):
        text = f"outs:\n- md5: {number:032x}\n  size: 1\n  hash: md5\n  path: data\n"
        parts.append(
            f"commit refs/heads/main\ncommitter bench <b@localhost> {1_700_000_000 + number} +0000\n"
            f"data 7\nchange\nM 100644 inline data.dvc\ndata {len(text)}\n{text}\n"
        )
    return "".join(parts).encode()


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, to try it")
    parser.add_argument("--sizes", default="log,1GiB,10k,100k")
    parser.add_argument("--on", default=f"/dev/shm,{tempfile.gettempdir()}")
    parser.add_argument("--peers", default="dvc,git-annex,git-lfs,oxen,cp + md5sum")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--oxen", default="", help="the Python that has oxenai installed")
    asked = parser.parse_args()
    peers = {"jupyter-mlops", *asked.peers.split(",")}
    chosen = [tool for tool in tools(asked.oxen) if tool.name in peers]
    texts = (told(IMPORT, Path.cwd(), surroundings(Path.home()))[0].split() for _ in range(9))
    alone, asked_for = map(min, zip(*(map(float, text) for text in texts), strict=True))
    print(
        f"import, CPU: {alone:.0f} ms for the verb and what it works with, {asked_for:.0f} ms by way of `mlops.commit`"
    )
    for place in map(Path, asked.on.split(",")):
        for size in asked.sizes.split(","):
            if size == "log":
                history(place, 1_000 if asked.quick else 10_000)
            else:
                sized(place, size, (QUICK if asked.quick else SIZES)[size], chosen, asked.rounds)


if __name__ == "__main__":
    main()
