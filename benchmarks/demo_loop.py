"""The whole loop, by our verbs and by hand, side by side in one run.

Version four years of data, run three notebooks twice, register, deploy, predict, drift, roll back: once through
``jupyter mlops demo --no-lab``, once as an engineer would script it with git, dvc, papermill, gto and a small server.
Each figure is the wall time of the whole loop in a fresh folder; the ratio is by hand / ours, pair by pair.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.resources import files
from pathlib import Path

ROUNDS = int(os.environ.get("ROUNDS", "3"))
EXAMPLE = Path(str(files("jupyter_mlops.example")))
BIN = Path(sys.executable).parent
YEARS = (2015, 2016, 2017, 2018)

DVC_YAML = """stages:
  prepare:
    cmd: papermill prepare.ipynb executed/prepare.ipynb -k python3
    deps: [prepare.ipynb, data/employment.parquet]
    outs: [prepared, executed/prepare.ipynb]
  train:
    cmd: papermill train.ipynb executed/train.ipynb -k python3
    deps: [train.ipynb, prepared]
    outs: [models/jobs.skops, executed/train.ipynb]
  evaluate:
    cmd: papermill evaluate.ipynb executed/evaluate.ipynb -k python3
    deps: [evaluate.ipynb, prepared, models/jobs.skops]
    outs: [executed/evaluate.ipynb]
    metrics:
      - metrics.json: {cache: false}
"""

SERVE = """
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
import pandas as pd, skops.io
model = skops.io.load(sys.argv[1], trusted=["numpy.dtype"])
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def do_POST(self):
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps(model.predict(pd.DataFrame(rows)).tolist()).encode()
        self.send_response(200); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_): pass
HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
"""

PREDICT = """
import json, sys, urllib.request
import pandas as pd
rows = pd.read_parquet("data/employment.parquet").head(3).drop(columns=["id", "year", "employed"]).to_dict("records")
request = urllib.request.Request(f"http://127.0.0.1:{sys.argv[1]}/", data=json.dumps(rows).encode())
print(urllib.request.urlopen(request).read())
"""

DRIFT = """
import pandas as pd
from scipy.stats import chi2_contingency, ks_2samp
a, b = pd.read_parquet("v1.parquet"), pd.read_parquet("data/employment.parquet")
for name in a.columns:
    if a[name].dtype.kind in "if":
        print(name, ks_2samp(a[name], b[name]).pvalue)
    else:
        counts = pd.concat([a[name].value_counts(), b[name].value_counts()], axis=1).fillna(0)
        print(name, chi2_contingency(counts).pvalue)
"""


class ByHand:
    """The loop as a script of commands in `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.server: subprocess.Popen[bytes] | None = None

    def run(self, *command: str) -> str:
        """One command, as typed."""
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(command, cwd=self.root, env={**os.environ, "PATH": path}, check=True, capture_output=True)
        return done.stdout.decode()

    def loop(self) -> None:
        """The whole of it."""
        self.start()
        for number, year in enumerate(YEARS):
            self.version(year)
            if number == 0:
                (self.root / "dvc.yaml").write_text(DVC_YAML)
                self.train("jobs@v1.0.0")
                self.run("git", "tag", "-a", "jobs#champion#1", "-m", "champion")
                self.serve(8951)
                self.run(sys.executable, "-c", PREDICT, "8951")
        (self.root / "v1.parquet").write_bytes(self.first_version())
        self.run(sys.executable, "-c", DRIFT)
        self.train("jobs@v2.0.0")
        self.serve(8952)
        self.run("git", "show", "jobs@v1.0.0:dvc.lock")
        self.run("git", "checkout", "-q", "jobs@v1.0.0", "--", "dvc.lock", "data/employment.parquet.dvc")
        self.run("dvc", "checkout", "-q", "--force")
        self.serve(8953)
        self.stop()

    def start(self) -> None:
        """A git and dvc repository with the notebooks."""
        shutil.copytree(EXAMPLE / "project", self.root, dirs_exist_ok=True)
        for folder in ("data", "executed", "models"):
            (self.root / folder).mkdir(exist_ok=True)
        (self.root / "serve.py").write_text(SERVE)
        self.run("git", "init", "-q")
        self.run("git", "config", "user.name", "Sara")
        self.run("git", "config", "user.email", "sara@example.org")
        self.run("dvc", "init", "-q")
        self.run("git", "add", ".")
        self.run("git", "commit", "-qm", "start")

    def version(self, year: int) -> None:
        """One year of data as a version."""
        shutil.copyfile(EXAMPLE / "data" / f"employment-{year}.parquet", self.root / "data" / "employment.parquet")
        self.run("dvc", "add", "-q", "data/employment.parquet")
        self.run("git", "add", "data")
        self.run("git", "commit", "-qm", f"survey of {year}")
        self.run("git", "tag", f"y{year}")

    def train(self, tag: str) -> None:
        """The three notebooks, the commit, and the model's tag."""
        self.run("dvc", "repro", "-q")
        self.run("git", "add", ".")
        self.run("git", "commit", "-qm", "train")
        self.run("git", "tag", "-a", tag, "-m", tag)

    def serve(self, port: int) -> None:
        """A server of the model in the workspace, once it answers."""
        self.stop()
        self.server = subprocess.Popen([sys.executable, "serve.py", "models/jobs.skops", str(port)], cwd=self.root)
        ask = f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}/')"
        while subprocess.run([sys.executable, "-S", "-c", ask], check=False, capture_output=True).returncode:
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server of before."""
        if self.server:
            self.server.terminate()
            self.server.wait()

    def first_version(self) -> bytes:
        """The data of 2015, out of the cache."""
        pointer = self.run("git", "show", "y2015:data/employment.parquet.dvc")
        digest = pointer.partition("md5: ")[2][:32]
        return (self.root / ".dvc/cache/files/md5" / digest[:2] / digest[2:]).read_bytes()


def ours(folder: Path) -> dict[str, object]:
    """The same loop through the demo."""
    command = [sys.executable, "-m", "jupyter_mlops", "demo", "--no-lab", "--json", "--dir", str(folder / "demo")]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return json.loads(done.stdout)


def main() -> None:
    """Run both in turn and print the ratio."""
    ratios = []
    for number in range(ROUNDS):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            began_s = time.perf_counter()
            ours(Path(one))
            mine_s = time.perf_counter() - began_s
            subprocess.run(
                [sys.executable, "-m", "jupyter_mlops", "undeploy", "jobs", "--project", f"{one}/demo"],
                check=True,
                capture_output=True,
            )
            began_s = time.perf_counter()
            ByHand(Path(two)).loop()
            theirs_s = time.perf_counter() - began_s
        ratios.append(theirs_s / mine_s)
        print(f"round {number + 1}: ours {mine_s:.1f} s, by hand {theirs_s:.1f} s, ratio {ratios[-1]:.2f}")
    print(f"by hand / ours: median {statistics.median(ratios):.2f} (wanted: at least 2)")


if __name__ == "__main__":
    main()
