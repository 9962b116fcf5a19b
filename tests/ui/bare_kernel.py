"""A kernel whose environment has everything but us, and a folder that pip may install us from."""

from __future__ import annotations

import json
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import attrs

import jupyter_mlops

NAME = "bare"
OURS = ("jupyter_mlops", "jupyter-mlops", "_jupyter_mlops", "__pycache__")


@attrs.frozen
class BareKernel:
    """Its environment, and the shelf where pip looks for packages; pip goes to no network."""

    environment: Path
    shelf: Path

    def stock(self) -> None:
        """Put us on the shelf, without what the environment has already."""
        package = Path(jupyter_mlops.__file__).parent
        about = "jupyter_mlops-0.1.0.dist-info"
        with zipfile.ZipFile(self.shelf / "jupyter_mlops-0.1.0-py3-none-any.whl", "w") as wheel:
            for path in package.rglob("*.py"):
                wheel.write(path, Path("jupyter_mlops") / path.relative_to(package))
            wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: jupyter-mlops\nVersion: 0.1.0\n")
            wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{about}/RECORD", "")

    def packages(self) -> Path:
        return next(self.environment.glob("lib/python*/site-packages"))


def bare_kernel(home: Path, folder: Path) -> BareKernel:
    """An environment beside ours, known to Jupyter as the kernel `bare`."""
    kernel = BareKernel(folder / "environment", folder / "shelf")
    kernel.shelf.mkdir(parents=True)
    venv.create(kernel.environment, with_pip=False)
    for path in {Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")}:
        for entry in path.iterdir():
            if not entry.name.startswith(OURS) and entry.suffix != ".pth":
                (kernel.packages() / entry.name).symlink_to(entry)
    spec = home / ".local/share/jupyter/kernels" / NAME
    spec.mkdir(parents=True)
    python = kernel.environment / "bin" / Path(sys.executable).name
    described = {
        "argv": [
            str(python if python.exists() else kernel.environment / "bin/python"),
            "-Pm",
            "ipykernel_launcher",
            "-f",
            "{connection_file}",
        ],
        "display_name": "Bare",
        "language": "python",
        "env": {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(kernel.shelf), "PIP_CONFIG_FILE": "/dev/null"},
    }
    (spec / "kernel.json").write_text(json.dumps(described))
    return kernel
