"""Archives of packages, made of what is installed: an index that needs no network."""

from __future__ import annotations

import re
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path


def index_of(folder: Path, *names: str) -> Path:
    """A folder with the wheels of `names` and of all that they need."""
    folder.mkdir(exist_ok=True)
    waiting, done = list(names), set[str]()
    while waiting:
        name = waiting.pop()
        if (key := re.sub(r"[-_.]+", "-", name).lower()) in done:
            continue
        done.add(key)
        found = distribution(name)
        wheel(found, folder)
        waiting += [needed for line in found.requires or () if (needed := _needed(line))]
    return folder


def _needed(requirement: str) -> str | None:
    """The package of a requirement that holds here, whatever extras are chosen."""
    from packaging.requirements import Requirement

    parsed = Requirement(requirement)
    return parsed.name if parsed.marker is None or parsed.marker.evaluate({"extra": ""}) else None


def wheel(found: Distribution, folder: Path) -> None:
    """The wheel of an installed distribution."""
    tags = re.findall(r"^Tag: (\S+)$", found.read_text("WHEEL") or "", re.MULTILINE)
    tag = next((each for each in tags if not each.startswith("py2")), "py3-none-any")
    inside = [file for file in found.files or () if ".." not in file.parts and file.suffix != ".pyc"]
    info = next(file.parts[0] for file in inside if file.parts[0].endswith(".dist-info"))
    kept = [file for file in inside if file.name not in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")]
    target = folder / f"{info.removesuffix('.dist-info')}-{tag}.whl"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for file in kept:
            archive.write(str(found.locate_file(file)), str(file))
        archive.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in [*kept, f"{info}/RECORD"]))


def small_wheel(folder: Path, name: str, version: str, source: str) -> None:
    """The wheel of a package of one module."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": source,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"]))
