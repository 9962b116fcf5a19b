"""What a run pins: the tree it ran with, its seeds, its log; and that older records still read."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from chains import write_notebook

import jupyter_mlops as mlops
from jupyter_mlops.pipelines.stages.seeds import seeds
from jupyter_mlops.pipelines.stages.stripping import stripped
from jupyter_mlops.project import Project
from jupyter_mlops.records import Actor, StageRecord, VersionRecord


def newest(root: Path) -> VersionRecord:
    return Project(root).runs.all()[-1].record


def patch_of(root: Path) -> str:
    return Project(root).runs.recording.patch(newest(root)).decode()


def test_a_record_of_an_older_release_still_reads():
    old = {
        "run": "run-1",
        "state": "succeeded",
        "started": "2026-05-01T00:00:00Z",
        "seconds": 1.0,
        "author": {"name": "Sara", "email": "", "source": "git"},
        "git_commit": None,
        "dirty": False,
        "stages": [{"name": "train", "state": "ran", "outputs": {"m": "1"}}],
    }
    record = msgspec.json.decode(json.dumps(old), type=VersionRecord)
    assert record == VersionRecord(
        "run-1",
        "succeeded",
        datetime(2026, 5, 1, tzinfo=UTC),
        1.0,
        Actor("Sara"),
        None,
        False,
        (StageRecord("train", "ran", outputs={"m": "1"}),),
    )


def test_a_clean_tree_has_no_patch(chain):
    mlops.commit(["data.csv"], message="data", project=chain)
    mlops.run(project=chain)
    assert (newest(chain).patch, newest(chain).unkept, newest(chain).dirty) == (None, (), False)


def test_the_patch_turns_the_commit_into_the_tree_that_ran(chain):
    (chain / "helper ä.py").write_text("factor = 3\n")
    (chain / "notes.txt").write_text("my own\n")
    write_notebook(chain / "prepare.ipynb", "rows = 2", "open('clean.csv', 'w').write('new' * rows)")
    (chain / "README.md").unlink()
    mlops.run(project=chain)

    record, recording = newest(chain), Project(chain).runs.recording
    restored = recording.patches.restored(recording.patch(record), record.git_commit)

    assert restored == {
        "README.md": None,
        "helper ä.py": b"factor = 3\n",
        "prepare.ipynb": stripped("prepare.ipynb", (chain / "prepare.ipynb").read_bytes()),
    }
    assert recording.file(record, "prepare.ipynb") == restored["prepare.ipynb"]
    assert recording.file(record, "train.ipynb") == stripped("x.ipynb", (chain / "train.ipynb").read_bytes())


def test_what_is_edited_while_it_runs_is_not_what_ran(chain):
    (chain / "helper.py").write_text("one = 1\n")
    write_notebook(
        chain / "prepare.ipynb",
        "rows = 2",
        "open('helper.py', 'w').write('two = 2\\n')",
        "open('clean.csv', 'w').write('x')",
    )
    mlops.run(project=chain)
    assert "+one = 1" in patch_of(chain)
    assert "two = 2\n" not in patch_of(chain)


def test_what_the_run_committed_is_in_no_patch(chain):
    mlops.run(parameters={"C": 4.0}, project=chain)
    assert newest(chain).patch is None
    assert newest(chain).git_commit


def test_outputs_of_a_notebook_are_in_no_patch(chain):
    path = chain / "train.ipynb"
    document = json.loads(path.read_text())
    document["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "4711 seen"}]
    document["cells"][1]["execution_count"] = 7
    path.write_text(json.dumps(document))
    mlops.run(project=chain)
    assert newest(chain).dirty
    assert newest(chain).patch is None


def test_secrets_are_blacked_out_of_the_patch_and_told(chain):
    (chain / "settings.yaml").write_text("api_key: 9f8e7d6c5b4a3210\nname: ok\n")
    (chain / "client.py").write_text("TOKEN = 'ghp_" + "a1B2" * 9 + "'\npassword = 'correct-horse'\n")
    mlops.run(project=chain)
    patch = patch_of(chain)
    assert "+api_key: …" in patch
    assert "+name: ok" in patch
    assert "ghp_" not in patch
    assert "horse" not in patch
    assert newest(chain).unkept == (
        "client.py holds 2 secrets, blacked out",
        "settings.yaml holds 1 secret, blacked out",
    )


def test_links_and_large_files_are_named_and_not_kept(chain, tmp_path):
    (tmp_path / "private.py").write_text("mine = 1")
    (chain / "link.py").symlink_to(tmp_path / "private.py")
    (chain / "large.py").write_text("x = 1\n" * 300_000)
    mlops.run(project=chain)
    assert newest(chain).unkept == ("large.py is too large to be kept", "link.py is no plain file")
    assert "mine" not in patch_of(chain)


def test_a_project_below_the_top_of_its_repository(tmp_path, git):
    top = tmp_path / "project"
    top.mkdir()
    git("init", "-q", "-b", "main")
    git("config", "user.name", "Sara")
    git("config", "user.email", "sara@example.org")
    root = top / "deep" / "down"
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc" / "config").write_text("")
    write_notebook(root / "look.ipynb", "x = 1", "print(x)")
    (root / "own.py").write_text("a = 1\n")
    (top / "other.py").write_text("b = 1\n")
    git("add", ".")
    git("commit", "-qm", "all")
    (root / "own.py").write_text("a = 2\n")
    (top / "other.py").write_text("b = 2\n")
    mlops.run(["look.ipynb"], project=root)
    recording = Project(root).runs.recording
    assert recording.patches.restored(recording.patch(newest(root)), newest(root).git_commit) == {"own.py": b"a = 2\n"}


def test_a_patch_that_leads_outside_is_refused(chain):
    recording = Project(chain).runs.recording
    for name in ("../outside.py", ".git/config"):
        text = f"diff --git a/{name} b/{name}\nnew file mode 100644\n--- /dev/null\n+++ b/{name}\n@@ -0,0 +1 @@\n+x\n"
        with pytest.raises(mlops.errors.EnvironmentFault, match="git apply failed"):
            recording.patches.restored(text.encode(), None)
    link = "diff --git a/l.py b/l.py\nnew file mode 120000\n--- /dev/null\n+++ b/l.py\n@@ -0,0 +1 @@\n+/etc/hostname\n\\ No newline at end of file\n"
    assert recording.patches.restored(link.encode(), None) == {"l.py": None}


def test_the_declared_lock_is_pinned(chain):
    (chain / "requirements.txt").write_text("numpy==2.0  # pinned\n")
    mlops.run(project=chain)
    assert list(newest(chain).declared) == ["requirements.txt"]


def test_seeds_are_found_where_they_are_set():
    code = [
        "seed = 7\nrandom_state = 1",
        "import numpy as np\nnp.random.seed(seed)\nrng = np.random.default_rng()",
        "split(x, random_state=42)\ntorch.manual_seed(2 * seed)\n%matplotlib inline",
        "model = Forest(n=3, random_state=random_state)",
    ]
    assert seeds(code[:2], {}) == {
        "seed": 7,
        "random_state": 1,
        "np.random.seed": 7,
        "np.random.default_rng": None,
    }
    assert seeds(code, {"seed": 9})["np.random.seed"] == 9
    assert seeds([code[3]], {}) == {"random_state": "random_state"}


def test_the_record_names_source_and_seeds(chain):
    write_notebook(
        chain / "prepare.ipynb", "rows = 2", "import random\nrandom.seed(rows)\nopen('clean.csv', 'w').close()"
    )
    mlops.run(project=chain)
    prepare = newest(chain).stages[0]
    assert (prepare.source, prepare.seeds) == ("prepare.ipynb", {"random.seed": 2})


def test_what_a_command_printed_travels_with_the_record(project, tmp_path):
    (project.root / "dvc.yaml").write_text("stages:\n  say:\n    cmd: echo hello; echo token=ghp_" + "a1B2" * 9 + "\n")
    mlops.run(project=project.root, git=False)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(project.root), str(clone)], check=True)
    subprocess.run(["git", "fetch", "-q", "origin", "refs/mlops/*:refs/remotes/mlops/*"], cwd=clone, check=True)
    assert Project(clone).runs.recording.log(newest(clone)) == "hello\ntoken=…\n"
