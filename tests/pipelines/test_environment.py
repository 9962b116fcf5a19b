"""The environment of a run: what is recorded, and that a fresh one can be built from it."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from chains import write_notebook

import jupyter_mlops as mlops
from jupyter_mlops.cli import main
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.pipelines.records.environment import Environment, Observatory, Package, facts
from jupyter_mlops.pipelines.records.rebuilding import dockerfile, lock_hashes, requirements
from jupyter_mlops.pipelines.stages.declared import declared_lock
from jupyter_mlops.project import Project


def wheel(folder: Path, name: str, version: str) -> Path:
    """A wheel of one module."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(text)}")
    target = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", "\n".join([*lines, f"{info}/RECORD,,", ""]))
    return target


def venv(place: Path, *arguments: str) -> Path:
    """A virtual environment without pip in it; what `arguments` tell pip to install is in it. Its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    python = place / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-index", *arguments]
    subprocess.run(command, check=True)
    return python


def observed(python: Path, observatory: Observatory, **kwargs: object) -> str:
    code = f"print({observatory.expression()})"
    return subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True, **kwargs).stdout


def test_a_fresh_build_of_a_recorded_environment_has_the_same_packages(tmp_path):
    shelf = tmp_path / "wheels"
    shelf.mkdir()
    wheel(shelf, "alpha_one", "1.2.3")
    beta = wheel(shelf, "beta", "0.1")
    links = ["--find-links", str(shelf)]
    observatory = Observatory(tmp_path / "environments", tmp_path / "project")
    first = venv(tmp_path / "one", *links, "alpha_one", str(beta))
    packages, digest = observatory.keep(observed(first, observatory))
    known = Environment.decode((tmp_path / "environments" / digest).read_bytes())
    assert packages == {"alpha-one": "1.2.3", "beta": "0.1"}
    assert known.packages[1].hash == f"sha256:{hashlib.sha256(beta.read_bytes()).hexdigest()}"

    (tmp_path / "requirements.txt").write_text(requirements(known, {}))
    second = venv(tmp_path / "two", *links, "--no-deps", "-r", str(tmp_path / "requirements.txt"))
    _, again = observatory.keep(observed(second, observatory))
    built = Environment.decode((tmp_path / "environments" / again).read_bytes())

    assert [(one.name, one.version, one.digest) for one in built.packages] == [
        (one.name, one.version, one.digest) for one in known.packages
    ]
    assert facts(known) == facts(built)


def test_requirements_of_which_all_hashes_are_known_are_checked_by_pip(tmp_path):
    shelf = tmp_path / "wheels"
    shelf.mkdir()
    digest = hashlib.sha256(wheel(shelf, "beta", "0.1").read_bytes()).hexdigest()
    known = Environment("cpython", "3.12.1", packages=(Package("beta", "0.1"),))
    for right, hashed in ((True, digest), (False, "0" * 64)):
        text = requirements(known, {("beta", "0.1"): (f"sha256:{hashed}",)})
        (tmp_path / "r.txt").write_text(text)
        command = ["--find-links", str(shelf), "-r", str(tmp_path / "r.txt")]
        if right:
            venv(tmp_path / "right", *command)
        else:
            with pytest.raises(subprocess.CalledProcessError):
                venv(tmp_path / "wrong", *command)


def test_the_packages_are_read_once_and_again_when_one_changes(tmp_path):
    observatory = Observatory(tmp_path / "kept", tmp_path)
    shelf = tmp_path / "wheels"
    shelf.mkdir()
    wheel(shelf, "beta", "0.1")
    python = venv(tmp_path / "one", "--find-links", str(shelf), "beta")
    first, second = observed(python, observatory), None
    _, digest = observatory.keep(first)
    second = observed(python, observatory)
    assert json.loads(first)["environment"]
    assert json.loads(second)["environment"] is None
    assert observatory.keep(second)[1] == digest
    assert json.loads(observed(python, observatory, env={"OMP_NUM_THREADS": "1"}))["environment"]["variables"] == {
        "OMP_NUM_THREADS": "1"
    }


def test_a_run_pins_its_environment_once_for_many_runs(chain, monkeypatch, capsys):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    mlops.run(project=chain)
    mlops.run(project=chain, force=True)
    runs = [run.record for run in Project(chain).runs.all()]
    assert len({digest for run in runs for digest in run.environments}) == 1
    assert len(Project(chain).git.run("ls-tree", "--name-only", *_refs(chain, "environments")).split()) == 1

    shown = mlops.environment(project=chain)
    assert shown.variables["OMP_NUM_THREADS"] == "2"
    assert shown.interpreter.startswith("cpython 3.")
    assert {"papermill", "ipykernel"} <= {one.name for one in shown.packages}
    assert shown.stages == ("prepare", "train")
    versions = {one.name: one.version for one in shown.packages}
    assert versions["papermill"] == version("papermill")

    assert main(["environment", "run:1", "--requirements", "--project", str(chain)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("# cpython 3.")
    assert f"\npapermill=={versions['papermill']}  # content " in printed
    assert 'ENV OMP_NUM_THREADS="2"' in mlops.environment(dockerfile=True, project=chain).verbatim


def _refs(root: Path, kind: str) -> list[str]:
    return Project(root).git.run("for-each-ref", "--format=%(refname)", f"refs/mlops/{kind}").split()


def test_nothing_of_it_is_bound_in_the_notebook(chain):
    write_notebook(
        chain / "prepare.ipynb", "rows = 2", "open('clean.csv', 'w').write(' '.join(n for n in dir() if 'obs' in n))"
    )
    mlops.run(["prepare"], project=chain)
    assert (chain / "clean.csv").read_text() == ""


def test_the_environment_of_a_model_is_that_of_the_stage_that_made_it(chain):
    mlops.run(project=chain)
    mlops.register("model.txt", name="words", project=chain)
    mlops.run(project=chain, force=True, parameters={"C": 9.0})
    assert mlops.environment("words@v1", project=chain).reference == "run:1"
    with pytest.raises(MlopsError, match="no run 77"):
        mlops.environment("run:77", project=chain)
    with pytest.raises(MlopsError, match="stage sew of run #1 was not recorded") as raised:
        mlops.environment("run:1", stage="sew", project=chain)
    assert raised.value.hint == "Recorded: prepare, train."


def test_hashes_come_from_the_lock_that_was_declared(chain, git):
    (chain / "requirements.txt").write_text(f"papermill==2.7.0 --hash=sha256:{'ab' * 32}\n")
    git("add", "requirements.txt")
    git("commit", "-qm", "lock")
    mlops.run(project=chain)
    installed = version("papermill")
    (chain / "requirements.txt").write_text("gone==1\n")
    text = mlops.environment(requirements=True, project=chain).verbatim
    assert (f"papermill=={installed}  # sha256:{'ab' * 32}" in text) is (installed == "2.7.0")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("uv.lock", '[[package]]\nname = "Num.Py"\nversion = "2"\nwheels = [{ url = "u", hash = "sha256:ab" }]\n'),
        ("poetry.lock", '[[package]]\nname = "num-py"\nversion = "2"\nfiles = [{ file = "f", hash = "sha256:ab" }]\n'),
        ("pylock.toml", '[[packages]]\nname = "num-py"\nversion = "2"\nsdist = { hashes = { sha256 = "ab" } }\n'),
        ("requirements.txt", "num_py==2 \\\n    --hash=sha256:ab\nother==1\n"),
    ],
)
def test_hashes_of_each_kind_of_lock(path, text):
    assert lock_hashes(path, text) == {("num-py", "2"): ("sha256:ab",)}


def test_a_lock_that_cannot_be_read_names_no_hashes():
    assert lock_hashes("uv.lock", "= =") == {}
    assert lock_hashes("uv.lock", "package = 3") == {}


def test_what_was_installed_from_elsewhere_is_written_so_that_it_can_be_had_or_is_told():
    known = Environment(
        "cpython",
        "3.12.1",
        packages=(
            Package("a", "1", source="git+https://example.org/a@abc"),
            Package("b", "1", source="elsewhere:b"),
            Package("c", "1", source=".", editable=True),
            Package("d", "1", source="../../d"),
            Package("e --index-url=x", "1"),
            Package("f", "1\n--index-url=x"),
        ),
    )
    assert requirements(known, {}).splitlines()[1:] == [
        "a @ git+https://example.org/a@abc",
        "# b==1 was installed from a folder of another machine",
        "-e ./.",
        "# d==1 was installed from a folder of another machine",
        "# a package whose name or version is none",
        "# a package whose name or version is none",
    ]
    assert "COPY . .\nRUN python -m pip" in dockerfile(known, "run:1")


def test_a_colleagues_record_adds_no_line_to_a_recipe():
    hostile = Environment(
        "cpython",
        "3\nRUN evil",
        system="x\nRUN evil",
        timezone="a\nRUN evil",
        variables={"A\nRUN evil": "1", "B": "$(evil)"},
    )
    text = dockerfile(hostile, "run:1")
    assert "\nRUN evil" not in text
    assert "FROM python:3-slim" in text
    assert 'ENV B="\\$(evil)"' in text


def test_no_password_and_no_place_of_this_machine_is_kept(tmp_path):
    observatory = Observatory(tmp_path / "kept", tmp_path / "project")
    told = {
        "packages": {},
        "key": "0" * 64,
        "environment": {
            "implementation": "cpython",
            "version": "3",
            "packages": [
                {
                    "name": "a",
                    "version": "1",
                    "origin": {"url": "https://me:pw@example.org/a", "vcs_info": {"vcs": "git", "commit_id": "c"}},
                },
                {"name": "b", "version": "1", "origin": {"url": "file:///home/sara/secret/b", "dir_info": {}}},
                {
                    "name": "c",
                    "version": "1",
                    "origin": {"url": f"file://{tmp_path}/project/lib", "dir_info": {"editable": True}},
                },
            ],
        },
    }
    _, digest = observatory.keep(json.dumps(told))
    known = Environment.decode((tmp_path / "kept" / digest).read_bytes())
    assert [one.source for one in known.packages] == ["git+https://example.org/a@c", "elsewhere:b", "lib"]


def test_which_lock_counts(tmp_path):
    assert declared_lock(tmp_path, {}) is None
    (tmp_path / "environment.yml").write_text("dependencies: []\n")
    assert declared_lock(tmp_path, {}) == "environment.yml"
    (tmp_path / "requirements.txt").write_text("numpy>=2\n")
    assert declared_lock(tmp_path, {}) == "environment.yml"
    (tmp_path / "requirements.txt").write_text(
        "# all\n-i https://x\nnumpy==2.0 ; python_version > '3'\nb[x] == 1 \\\n --hash=sha256:ab\nc @ git+https://x@1\n"
    )
    assert declared_lock(tmp_path, {}) == "requirements.txt"
    (tmp_path / "requirements.txt").write_text("-r other.txt\nnumpy==2.0\n")
    assert declared_lock(tmp_path, {}) == "environment.yml"
    (tmp_path / "uv.lock").write_text("")
    assert declared_lock(tmp_path, {}) == "uv.lock"
    assert declared_lock(tmp_path, {"lock": "requirements.txt"}) == "requirements.txt"
    assert declared_lock(tmp_path, {"lock": False}) is None
    for wrong in ("nowhere.txt", "../outside", 3):
        with pytest.raises(MlopsError) as raised:
            declared_lock(tmp_path, {"lock": wrong})
        assert raised.value.reference == "bad-settings"
