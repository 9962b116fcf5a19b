"""What the extension costs a server that starts."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = {
    "dvc",
    "papermill",
    "plotly",
    "polars",
    "sklearn",
    "pandas",
    "numpy",
    "pyarrow",
    "scipy",
    "onnxruntime",
    "cyclopts",
    "pygit2",
}
LIMIT_S = 0.05
CODE = """
import json, sys, time
from jupyter_server.serverapp import ServerApp
app = ServerApp()
app.initialize(["--no-browser", "--allow-root", "--port=0", "--ServerApp.jpserver_extensions={}"])
before = set(sys.modules)
began = time.process_time()
from jupyter_server.extension.manager import ExtensionManager
manager = ExtensionManager(serverapp=app)
assert manager.add_extension("jupyter_mlops", enabled=True)
manager.link_extension("jupyter_mlops")
manager.load_extension("jupyter_mlops")
took = time.process_time() - began
assert "jupyter_mlops" in app.web_app.settings
json.dump({"took_s": took, "loaded": sorted(set(sys.modules) - before)}, sys.stdout)
"""


def start() -> dict[str, object]:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, check=True, text=True)
    return json.loads(done.stdout)


def test_the_extension_is_quick_and_loads_nothing_heavy() -> None:
    tries = [start() for _ in range(3)]
    assert not {name.partition(".")[0] for found in tries for name in found["loaded"]} & HEAVY
    assert min(found["took_s"] for found in tries) <= LIMIT_S
