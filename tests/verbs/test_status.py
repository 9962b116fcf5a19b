"""What `init` sets up, and what `status` says of every state."""

from __future__ import annotations

import inspect
import subprocess
from pathlib import Path

import pytest
from chains import write_notebook

import jupyter_mlops as mlops
from jupyter_mlops.errors import UsageError
from jupyter_mlops.rendering import text
from jupyter_mlops.verbs.checks import ci
from jupyter_mlops.versioning.recipes import recipe


@pytest.fixture
def root(project, once) -> Path:
    return once(project.root, build)


def build(root: Path) -> None:
    (root / "x.csv").write_text("a\n1\n")
    mlops.commit("x.csv", project=root)


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_status_of_every_state(root):
    def state() -> tuple[str, list[str]]:
        found = mlops.status(project=root)
        return found.datasets[0].state, [step.line for step in found.next]

    assert state() == ("up-to-date", [])
    (root / "x.csv").write_text("a\n1\n2\n")
    assert state() == ("changed", ["commit x.csv"])
    assert mlops.status(project=root).next[0].text == "x.csv changed, +1 row"
    assert "+1 row " in text(mlops.status(project=root)) + " "
    (root / "x.csv").unlink()
    assert state() == ("missing", ["checkout x.csv@v1"])
    subprocess.run(["rm", "-rf", str(root / ".dvc" / "cache")], check=True)
    assert state() == ("absent", ["pull x.csv"])


def test_a_fresh_clone_needs_one_pull(root, tmp_path):
    (root / "y.csv").write_text("b\n1\n")
    mlops.commit("y.csv", project=root)
    subprocess.run(["git", "clone", "-q", str(root), str(tmp_path / "clone")], check=True)
    assert [step.line for step in mlops.status(project=tmp_path / "clone").next] == ["pull"]
    (root / "x.csv").unlink()
    assert [step.line for step in mlops.status(project=root).next] == ["checkout x.csv@v1"]


def test_a_stage_that_never_ran_is_said_once(chain):
    steps = mlops.status(project=chain).next
    assert ("prepare never ran", "run prepare") in [(step.text, step.line) for step in steps]


def test_a_fresh_project_says_how_to_start(project):
    found = mlops.status(project=project.root)
    assert (found.clean, found.is_dvc, [step.kind for step in found.next]) == (True, True, ["start"])


def test_looking_writes_nothing(root, git):
    subprocess.run(["rm", "-rf", str(root / ".mlops")], check=True)
    said, before = git("status", "--porcelain"), tree(root)
    mlops.status(project=root)
    mlops.log("x", project=root)
    mlops.show("x@v1", project=root)
    mlops.diff("x", project=root)
    assert tree(root) == before
    assert git("status", "--porcelain") == said


def test_a_pointer_in_conflict_says_so(root):
    (root / "x.csv.dvc").write_text("outs:\n<<<<<<< HEAD\n- md5: a\n=======\n- md5: b\n>>>>>>> side\n")
    with pytest.raises(UsageError) as caught:
        mlops.status(project=root)
    assert caught.value.reference == "bad-pointer"
    assert "git checkout --ours x.csv.dvc" in caught.value.hint


def test_detached_head_is_noted(root, git):
    git("checkout", "-q", "--detach")
    assert "detached" in mlops.status(project=root).note


def test_a_detached_head_is_led_home(root, git):
    git("branch", "-m", "trunk")
    git("checkout", "-q", "--detach")
    (root / "x.csv").write_text("a\n9\n")
    with pytest.raises(UsageError) as caught:
        mlops.commit("x.csv", project=root)
    assert "git switch trunk goes back" in caught.value.hint


def test_a_failure_leads_to_the_notebook_with_the_error(chain):
    write_notebook(chain / "prepare.ipynb", "rows = 2", "raise ValueError('no rows')")
    mlops.run(project=chain, git=False)
    first = mlops.status(project=chain).next[0]
    assert (first.kind, first.line) == ("failed", "run prepare")
    assert first.text.endswith("(see executed/local/prepare.ipynb)")


def test_the_doctor_is_not_content_with_warnings(repository):
    found = mlops.doctor(project=repository)
    (dvc,) = [one for one in found.checks if one.name == "DVC"]
    assert (dvc.state, dvc.hint, "the first commit of data makes it one" in dvc.message) == (
        "warning",
        "%mlops commit PATH",
        True,
    )
    assert "All is well" not in text(found)
    assert "It works; " in text(found)
    assert "jupyter mlops commit PATH" in text(found, "jupyter mlops")


def test_what_the_doctor_wants_typed_is_never_cut(repository, git):
    git("config", "--unset", "user.email")
    shown = text(mlops.doctor(project=repository))
    assert 'git config --global user.name "Your Name" && git config --global user.email "you@example.org"' in shown
    assert all(each.message in shown for each in mlops.doctor(project=repository).checks)


def test_a_pipeline_that_cannot_be_read_hides_nothing_else(root):
    (root / "dvc.yaml").write_text("stages: [\n")
    found = mlops.status(project=root)
    assert found.datasets[0].path == "x.csv"
    assert found.next[0].kind == "failed"


def test_init_asks_before_it_makes_a_repository(tmp_path):
    with pytest.raises(UsageError) as caught:
        mlops.init(project=tmp_path)
    assert caught.value.reference == "not-a-git-repository"
    assert not (tmp_path / ".git").exists()


def test_init_makes_a_project_that_dvc_accepts(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Sara")
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "sara@example.org")
    monkeypatch.setenv("GIT_COMMITTER_NAME", "Sara")
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "sara@example.org")
    done = mlops.init(yes=True, remote=str(tmp_path / "store"), project=tmp_path)
    assert done.git_commit
    assert "mlops.toml" in done.files
    from dvc.repo import Repo

    with Repo(str(tmp_path)) as repo:
        assert repo.config["remote"]["storage"]["url"] == str(tmp_path / "store")
        assert repo.config["core"]["remote"] == "storage"


def test_init_adds_only_what_is_lacking(root, git):
    assert mlops.init(project=root).files == ("mlops.toml", ".gitattributes")
    again = mlops.init(project=root)
    assert (again.files, again.git_commit) == ((), None)
    assert git("status", "--porcelain") == ""


def test_a_dry_init_writes_nothing(tmp_path):
    assert mlops.init(project=tmp_path, dry_run=True).files
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("kind", "path"), [("github", ".github/workflows/mlops.yml"), ("gitlab", ".gitlab-ci.yml"), ("shell", "ci.sh")]
)
def test_init_writes_a_recipe_whose_step_is_ours(root, kind, path):
    assert path in mlops.init(ci=kind, project=root).files
    assert (root / path).read_text().count("jupyter mlops ci") == 1


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_a_recipe_keeps_what_ci_writes(kind):
    written = inspect.signature(ci).parameters["output"].default
    kept = [line.split()[-1] for line in recipe(kind)[1].splitlines() if line.endswith("/")]
    assert kept == [f"{written}/"]


def test_an_unknown_recipe_is_refused(root):
    with pytest.raises(UsageError, match="no CI recipe jenkins"):
        mlops.init(ci="jenkins", project=root)


def test_init_sets_up_shared_records(root, git, tmp_path):
    git("init", "-q", "--bare", str(tmp_path / "origin"))
    git("remote", "add", "origin", str(tmp_path / "origin"))
    mlops.init(project=root)
    mlops.init(project=root)
    assert git("config", "--get-all", "remote.origin.fetch").count("refs/mlops/") == 1


def test_what_a_clone_would_lack_waits(chain, git):
    mlops.commit(["data.csv"], project=chain)
    mlops.run(project=chain)
    assert mlops.status(project=chain).clean
    git("rm", "-q", "--cached", "train.ipynb")
    git("commit", "-qm", "lost")
    mlops.run(parameters={"C": 2.0}, git=False, project=chain)

    found = mlops.status(project=chain)

    assert [(step.kind, step.text) for step in found.next] == [
        ("untracked", "train.ipynb is in no commit"),
        ("changed", "dvc.lock and params.yaml and metrics.json are not committed"),
    ]
    assert "%mlops git" not in text(found)
    for step in found.next:
        subprocess.run(step.line, cwd=chain, shell=True, check=True, capture_output=True)
    assert mlops.status(project=chain).clean
