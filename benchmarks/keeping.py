"""``gc``, ``retain``, ``erase`` and ``verify`` over a long history, beside ``dvc gc --all-commits`` on the same one.

Run: ``python benchmarks/keeping.py [--quick] [--commits 2000] [--datasets 20] [--on FOLDER] [--steps gc,retain,…]
[--profile STEP]``. Every commit holds another version of every dataset: plain files, folders that somebody answers
for, and outputs of stages; the history comes from ``git fast-import``, the objects are tiny. Each step is a whole
process and tells wall seconds and, in brackets, seconds of CPU (user and system, children included). Everything is
made in a new folder and removed again.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import hashlib
import os
import pstats
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from versions import DVC, OURS, clocked, scratch, surroundings

COMMITS, QUICK, DATASETS = 2_000, 100, 20
WHO = "omar.farouq@example.ae"
KEPT, STRAYS = 100, 100
OBJECT_MODE = 0o444
STEPS: Mapping[str, str] = {
    "dvc gc": f"{DVC} gc --all-commits -f -q",
    "gc --dry-run": f"{OURS} gc --dry-run",
    "gc": f"{OURS} gc",
    "verify --all-versions": f"{OURS} verify --all-versions",
    "retain --dry-run": f"{OURS} retain --dry-run",
    "erase --path": f"{OURS} erase --path folder00/two.csv --reason bench --yes",
    "erase --subject --dry-run": f"{OURS} erase file00.csv --subject email={WHO} --reason bench --dry-run",
    "erase --subject": f"{OURS} erase file00.csv --subject email={WHO} --reason bench --yes",
    "gc after erasing": f"{OURS} gc",
    "retain": f"{OURS} retain",
}


def stored(cache: Path, data: bytes, suffix: str = "") -> str:
    """Put `data` into a cache of DVC; its digest."""
    digest = hashlib.md5(data).hexdigest() + suffix
    path = cache / "files" / "md5" / digest[:2] / digest[2:]
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(OBJECT_MODE)
    return digest


def table(cache: Path, number: int, name: str) -> tuple[str, int]:
    """Digest and bytes of a table in its version `number`, in which a person has a row."""
    data = f"email,visits\np{number}@example.ae,{number}\n{WHO},{name}\n".encode()
    return stored(cache, data), len(data)


def file_pointer(cache: Path, name: str, number: int) -> str:
    """The pointer of a file, as ``dvc add`` writes it."""
    digest, size = table(cache, number, name)
    return f"outs:\n- md5: {digest}\n  size: {size}\n  hash: md5\n  path: {name}\n"


def folder_pointer(cache: Path, name: str, number: int) -> str:
    """The pointer of a folder of two files, one of which changes, with an owner."""
    parts = {"one.csv": f"a,b\n{name},{number}\n".encode(), "two.csv": f"a,b\n{name},0\n".encode()}
    items = [f'{{"md5": "{stored(cache, data)}", "relpath": "{path}"}}' for path, data in parts.items()]
    digest, size = stored(cache, f"[{', '.join(items)}]".encode(), ".dir"), sum(map(len, parts.values()))
    out = f"outs:\n- md5: {digest}\n  size: {size}\n  nfiles: 2\n  hash: md5\n  path: {name}\n"
    return f"{out}meta:\n  owner: sara\n  purpose: research\n  pii:\n  - email\n"


def lock(cache: Path, stages: int, number: int) -> str:
    """A ``dvc.lock`` whose stages make a table each."""
    text = "schema: '2.0'\nstages:\n"
    for stage in range(stages):
        digest, size = table(cache, number, f"made{stage:02d}")
        text += f"  make{stage:02d}:\n    cmd: make {stage}\n    outs:\n    - path: made{stage:02d}.csv\n"
        text += f"      hash: md5\n      md5: {digest}\n      size: {size}\n"
    return text


def pointers(cache: Path, datasets: int, number: int) -> Iterator[tuple[str, str]]:
    """Path and text of every pointer of one commit."""
    third = datasets // 3
    for place in range(third):
        yield f"folder{place:02d}.dvc", folder_pointer(cache, f"folder{place:02d}", number)
    for place in range(datasets - 2 * third):
        yield f"file{place:02d}.csv.dvc", file_pointer(cache, f"file{place:02d}.csv", number)
    yield "dvc.lock", lock(cache, third, number)


def history(cache: Path, commits: int, datasets: int) -> Iterator[bytes]:
    """A history for ``git fast-import`` in which every commit changes every dataset."""
    for number in range(commits):
        yield f"commit refs/heads/main\ncommitter bench <b@localhost> {1_700_000_000 + number} +0000\n".encode()
        yield b"data 6\nchange\n" + (b"" if number else b"from refs/heads/main^0\n")
        for path, text in pointers(cache, datasets, number):
            yield f"M 100644 inline {path}\ndata {len(text)}\n{text}\n".encode()
        yield b"\n"


def build(folder: Path, commits: int, datasets: int, environment: Mapping[str, str]) -> None:
    """A project in `folder` with the history, its newest version checked out, and some objects of no version."""
    folder.mkdir()
    (folder / "mlops.toml").write_text(f"[retention]\nkeep_last = {KEPT}\n")
    stages = (f"  make{n:02d}:\n    cmd: make {n}\n    outs:\n    - made{n:02d}.csv\n" for n in range(datasets // 3))
    (folder / ".gitignore").write_text("/file*.csv\n/made*.csv\n/folder*\n!*.dvc\n.mlops\n")
    (folder / "dvc.yaml").write_text("stages:\n" + "".join(stages))
    begin = f"git init -q -b main && {DVC} init -q && git add -A && git commit -q -m start"
    subprocess.run(["sh", "-c", begin], cwd=folder, env=environment, check=True)
    cache = folder / ".dvc" / "cache"
    with tempfile.TemporaryFile() as stream:
        stream.writelines(history(cache, commits, datasets))
        stream.seek(0)
        importing = ["git", "fast-import", "--quiet", "--force"]
        subprocess.run(importing, cwd=folder, stdin=stream, env=environment, check=True)
    subprocess.run(["git", "reset", "-q", "--hard"], cwd=folder, env=environment, check=True)
    subprocess.run(["sh", "-c", f"{DVC} checkout -q"], cwd=folder, env=environment, check=True)


def measured(folder: Path, steps: Mapping[str, str], environment: Mapping[str, str]) -> None:
    """Each step, and how many times it `dvc gc` takes."""
    print("| step | seconds (CPU) | dvc gc takes |\n|---|---|---|")
    bar = (0.0, 0.0)
    for step, command in steps.items():
        for number in range(STRAYS if step in {"dvc gc", "gc"} else 0):
            stored(folder / ".dvc" / "cache", f"stray {number}".encode())
        wall, cpu = clocked(command, folder, environment)
        bar = (wall, cpu) if step == "dvc gc" else bar
        ratio = f"{bar[0] / wall:.1f}x ({bar[1] / cpu:.1f}x)" if bar[0] and step != "dvc gc" else ""
        print(f"| {step} | {wall:.2f} ({cpu:.2f}) | {ratio} |", flush=True)


def profiled(folder: Path, command: str) -> None:
    """Where the time of a step goes."""
    from jupyter_mlops.cli import main

    os.chdir(folder)
    profile = cProfile.Profile()
    with contextlib.suppress(SystemExit):
        profile.runcall(main, command.removeprefix(OURS).split())
    pstats.Stats(profile).sort_stats("cumulative").print_stats(45)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a short history, to try it")
    parser.add_argument("--commits", type=int, default=COMMITS)
    parser.add_argument("--datasets", type=int, default=DATASETS)
    parser.add_argument("--on", type=Path, default=Path("/dev/shm"))
    parser.add_argument("--steps", default=",".join(STEPS))
    parser.add_argument("--profile", default="", help="a step whose time is told by function, instead")
    asked = parser.parse_args()
    with scratch(asked.on) as place:
        environment = surroundings(place)
        os.environ.update(environment)
        build(place / "project", QUICK if asked.quick else asked.commits, asked.datasets, environment)
        chosen = {step: STEPS[step] for step in asked.steps.split(",") if step}
        measured(place / "project", chosen, environment)
        if asked.profile:
            profiled(place / "project", STEPS[asked.profile])


if __name__ == "__main__":
    main()
