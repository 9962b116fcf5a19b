"""What the extension costs a server that starts."""

from __future__ import annotations

import json
import subprocess
import sys

CODE = """
import json, sys
from jupyter_server.serverapp import ServerApp
app = ServerApp()
app.initialize(["--no-browser", "--allow-root", "--port=0"], find_extensions=False)
before = set(sys.modules)
from jupyter_server.extension.manager import ExtensionManager
manager = ExtensionManager(serverapp=app)
assert manager.add_extension("jupyter_mlops", enabled=True)
manager.link_extension("jupyter_mlops")
manager.load_extension("jupyter_mlops")
assert "jupyter_mlops" in app.web_app.settings
json.dump(sorted(set(sys.modules) - before), sys.stdout)
"""
ROUTES = {"", ".errors", ".server", ".server.extension", ".server.handlers"}


def test_a_server_that_starts_loads_the_routes_and_nothing_else() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, check=True, text=True)
    assert set(json.loads(done.stdout)) == {f"jupyter_mlops{name}" for name in ROUTES}
