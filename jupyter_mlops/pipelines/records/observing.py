"""What is installed where a notebook runs. This file is read as text and executed in the kernel.

So it uses the standard library only, of any Python since 3.8, and binds no name in the notebook. Looking at the folders
of the packages takes two milliseconds; their files are read only when this very set was never seen before.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import locale
import os
import platform
import sys
import time
from pathlib import Path

VARIABLES = """
BLIS_NUM_THREADS CUBLAS_WORKSPACE_CONFIG CUDA_VISIBLE_DEVICES GOTO_NUM_THREADS LANG LC_ALL LC_COLLATE LC_NUMERIC
MKL_CBWR MKL_DYNAMIC MKL_NUM_THREADS NUMBA_NUM_THREADS NUMEXPR_NUM_THREADS OMP_DYNAMIC OMP_NUM_THREADS OMP_SCHEDULE
OPENBLAS_CORETYPE OPENBLAS_NUM_THREADS POLARS_MAX_THREADS PYTHONHASHSEED PYTHONOPTIMIZE RAYON_NUM_THREADS
TF_DETERMINISTIC_OPS TF_ENABLE_ONEDNN_OPTS TZ VECLIB_MAXIMUM_THREADS
"""
CPU_FEATURES = "avx avx2 avx512f avx512_bf16 amx_bf16 f16c fma sse4_1 sse4_2 asimd sve sve2 bf16"
INFO = ".dist-info"
MADE_HERE = ("INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json", "uv_build.json")


def observed(known: list[str]) -> str:
    """The packages as ``{name: version}``, the key of the set, and all about it unless `known` holds the key."""
    folders = _folders()
    surroundings = _surroundings()
    stamps = [[name, version, stamp] for name, (version, _, stamp) in sorted(folders.items())]
    key = hashlib.sha256(json.dumps([stamps, surroundings], sort_keys=True).encode()).hexdigest()
    whole = None
    if key not in known:
        packages = [_package(name, folders[name][0], Path(folders[name][1])) for name in sorted(folders)]
        whole = dict(surroundings, packages=packages)
    versions = {name: version for name, (version, _, _) in folders.items()}
    return json.dumps({"packages": versions, "key": key, "environment": whole})


def _folders() -> dict[str, tuple[str, str, int]]:
    """Name to version, folder and time of change; the first on the path counts, as for `import`."""
    found = {}
    for place in reversed(sys.path):
        with contextlib.suppress(OSError), os.scandir(place or ".") as entries:
            for entry in entries:
                if entry.name.endswith(INFO) and "-" in entry.name[: -len(INFO)]:
                    name, version = entry.name[: -len(INFO)].replace("_", "-").rsplit("-", 1)
                    found[name] = (version, entry.path, entry.stat().st_mtime_ns)
    return found


def _package(name: str, version: str, folder: Path) -> dict[str, object]:
    """What the installer left of one package."""
    about: dict[str, object] = {"name": name, "version": version}
    record, installer = _read(folder / "RECORD"), _read(folder / "INSTALLER").strip()
    if record:
        about["digest"] = hashlib.sha256(_own(record).encode()).hexdigest()
    if installer:
        about["installer"] = installer
    with contextlib.suppress(ValueError):
        about["origin"] = json.loads(_read(folder / "direct_url.json") or "{}")
    return about


def _own(record: str) -> str:
    """The lines that are the same wherever the wheel was installed: no script, no cache, nothing the installer made."""
    lines = [line for line in record.splitlines() if not line.startswith("..") and ".pyc," not in line]
    return "\n".join(sorted(line for line in lines if line.split(",")[0].rpartition("/")[2] not in MADE_HERE))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _surroundings() -> dict[str, object]:
    libc = ""
    with contextlib.suppress(AttributeError, ValueError, OSError):
        libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
    return {
        "implementation": sys.implementation.name,
        "version": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "libc": libc,
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0,
        "cpu_features": _cpu_features(),
        "locale": ".".join(word for word in locale.getlocale() if word),
        "timezone": _timezone(),
        "variables": {name: os.environ[name] for name in VARIABLES.split() if name in os.environ},
    }


def _cpu_features() -> list[str]:
    with contextlib.suppress(OSError), Path("/proc/cpuinfo").open() as file:
        for line in file:
            if line.lower().startswith(("flags", "features")):
                return sorted({*CPU_FEATURES.split()}.intersection(line.partition(":")[2].split()))
    return []


def _timezone() -> str:
    """The name of the zone where there is one, else its shift."""
    if os.environ.get("TZ"):
        return os.environ["TZ"].lstrip(":")
    zone = str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")[2]
    return zone or time.strftime("%z")
