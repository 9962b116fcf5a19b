"""Data from outside: what comes, what is written down about it, what a second import finds, what a cut leaves."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fsspec.registry import _registry as remembered
from live_server import free_port
from ruamel.yaml import YAML

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.records import Step
from jupyter_mlops.verbs import find
from jupyter_mlops.verbs.invoking import Origin, invoke

TABLE = "id,wage\n1,10\n2,20\n"
PASSWORD = "open-sesame-4711"
LARGE = random.Random(7).randbytes(3_000_000)


@pytest.fixture
def root(project) -> Path:
    return project.root


@pytest.fixture
def outside(tmp_path) -> Path:
    (tmp_path / "outside").mkdir()
    return tmp_path / "outside"


def refusal(*arguments: Any, **named: Any) -> MlopsError:
    with pytest.raises(MlopsError) as caught:
        mlops.import_(*arguments, **named)
    assert caught.value.hint
    return caught.value


def meta(root: Path, name: str) -> dict[str, Any]:
    return YAML(typ="safe").load((root / f"{name}.dvc").read_text())["meta"]


def commits(git) -> int:
    return int(git("rev-list", "--count", "HEAD"))


def test_a_second_import_says_what_is_new_or_that_nothing_is(root, outside, git):
    (outside / "t.csv").write_text(TABLE)
    first = mlops.import_(str(outside / "t.csv"), "t.csv", project=root)
    assert (first.version, first.unchanged, first.rows_added) == ("v1", False, 2)
    assert meta(root, "t.csv").items() > {"source": str(outside / "t.csv"), "source_of": first.digest}.items()
    before = commits(git)
    again = mlops.import_(str(outside / "t.csv"), "t.csv", project=root)
    assert (again.unchanged, again.version, commits(git)) == (True, "v1", before)
    (outside / "t.csv").write_text(TABLE + "3,30\n")
    new = mlops.import_(update="t", project=root)
    assert (new.version, new.modified, new.rows_added, new.unchanged) == ("v2", 1, 1, False)
    assert (root / "t.csv").read_text() == TABLE + "3,30\n"


def test_a_folder_that_is_imported_again_tells_its_files(root, outside):
    for name in ("a", "b"):
        (outside / f"{name}.txt").write_text(name)
    mlops.import_(str(outside), "raw", project=root)
    (outside / "a.txt").write_text("A")
    (outside / "b.txt").unlink()
    (outside / "c.txt").write_text("c")
    done = mlops.import_(update="raw", project=root)
    assert (done.added, done.modified, done.removed) == (1, 1, 1)
    assert sorted(path.name for path in (root / "raw").iterdir()) == ["a.txt", "c.txt"]


def test_what_was_not_saved_is_never_overwritten(root, outside):
    (outside / "t.csv").write_text(TABLE)
    mlops.import_(str(outside / "t.csv"), "t.csv", project=root)
    (root / "t.csv").write_text("mine")
    (outside / "t.csv").write_text(TABLE + "3,30\n")
    assert refusal(update="t.csv", project=root).reference == "would-lose-changes"
    assert (root / "t.csv").read_text() == "mine"


def test_another_source_does_not_take_the_place_of_a_dataset(root, outside):
    for name in ("t.csv", "u.csv"):
        (outside / name).write_text(TABLE)
    mlops.import_(str(outside / "t.csv"), "t.csv", project=root)
    assert refusal(str(outside / "u.csv"), "t.csv", project=root).reference == "path-taken"
    (root / "own.csv").write_text(TABLE)
    mlops.commit("own.csv", project=root)
    assert refusal(update="own.csv", project=root).reference == "no-source"
    assert refusal(project=root).reference == "no-source"


def test_a_commit_that_fails_brings_back_what_was_there(root, outside):
    (outside / "t.csv").write_text(TABLE)
    mlops.import_(str(outside / "t.csv"), "t.csv", project=root)
    (outside / "t.csv").write_text(TABLE + "3,30\n")
    hook = root / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(MlopsError, match="git-failed"):
        mlops.import_(update="t.csv", project=root)
    assert (root / "t.csv").read_text() == TABLE


class Site:
    """A web server that can cut the line, and counts what it sent."""

    def __init__(self) -> None:
        self.body = LARGE
        self.etag: str | None = '"one"'
        self.cut_after: list[int] = []
        self.asked: list[tuple[str, str | None]] = []
        self.sent = 0
        self.password = ""
        self.is_careless = False
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"

    def handler(site) -> type:  # noqa: N805 (the handler inside has a self of its own)
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self.start()

            def do_GET(self) -> None:
                body = self.start()
                room = site.cut_after.pop(0) if site.cut_after else len(body)
                with contextlib.suppress(OSError):
                    self.wfile.write(body[:room])
                    site.sent += len(body[:room])
                self.close_connection = self.close_connection or room < len(body)

            def start(self) -> bytes:
                site.asked.append((self.command, self.headers.get("Range")))
                word = base64.b64encode(f"ana:{site.password}".encode()).decode()
                if site.password and self.headers.get("Authorization") != f"Basic {word}":
                    return self.answer(401, b"")
                wanted = self.headers.get("Range")
                if wanted and (site.is_careless or self.headers.get("If-Range") == site.etag):
                    return self.answer(206, site.body[int(wanted[6:-1]) :])
                return self.answer(200, site.body)

            def answer(self, status: int, body: bytes) -> bytes:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                if site.etag:
                    self.send_header("ETag", site.etag)
                self.end_headers()
                return body

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


@pytest.fixture
def site() -> Iterator[Site]:
    opened = Site()
    yield opened
    opened.server.shutdown()
    opened.server.server_close()


def test_a_download_that_is_cut_goes_on_by_itself(root, site):
    site.cut_after = [1_000_000, 1_500_000]
    mlops.import_(f"http://{site.address}/t.bin", "t.bin", project=root)
    assert (root / "t.bin").read_bytes() == LARGE
    assert site.sent == len(LARGE)
    assert [wanted for _, wanted in site.asked] == [None, "bytes=1000000-", "bytes=2500000-"]


def test_a_download_that_broke_off_goes_on_when_it_is_repeated(root, site):
    site.cut_after = [1_000_000, 0, 0, 0, 0]
    error = refusal(f"http://{site.address}/t.bin", "t.bin", project=root)
    assert (error.reference, "Repeat" in error.hint) == ("download-failed", True)
    assert not (root / "t.bin").exists()
    assert not list(root.glob("*.part"))
    site.cut_after = []
    mlops.import_(f"http://{site.address}/t.bin", "t.bin", project=root)
    assert (root / "t.bin").read_bytes() == LARGE
    assert site.sent == len(LARGE)


@pytest.mark.parametrize("is_careless", [False, True])
def test_two_halves_of_different_versions_are_never_joined(root, site, is_careless):
    site.is_careless = is_careless
    site.cut_after = [1_000_000, 0, 0, 0, 0]
    refusal(f"http://{site.address}/t.bin", "t.bin", project=root)
    site.cut_after, site.etag, site.body = [], '"two"', LARGE[::-1]
    mlops.import_(f"http://{site.address}/t.bin", "t.bin", project=root)
    assert (root / "t.bin").read_bytes() == LARGE[::-1]
    assert meta(root, "t.bin")["source_version"] == 'etag "two"'


def test_parts_that_nobody_came_back_for_are_swept(root, site):
    site.cut_after = [1_000_000, 0, 0, 0, 0]
    refusal(f"http://{site.address}/t.bin", "t.bin", project=root)
    parts = list(Path(os.environ["HOME"]).rglob("imports/*.part"))
    assert [path.stat().st_size for path in parts] == [1_000_000]
    os.utime(parts[0], (0, 0))
    site.cut_after = []
    mlops.import_(f"http://{site.address}/other.bin", "u.bin", project=root)
    assert not parts[0].exists()


def test_a_server_that_names_no_version_is_read_from_the_start(root, site):
    site.etag, site.cut_after = None, [1_000_000]
    mlops.import_(f"http://{site.address}/t.bin", "t.bin", project=root)
    assert (root / "t.bin").read_bytes() == LARGE
    assert [wanted for _, wanted in site.asked] == [None, None]


def test_an_unchanged_etag_saves_the_download(root, site):
    address = f"http://{site.address}/t.bin"
    mlops.import_(address, "t.bin", project=root)
    site.asked.clear()
    done = mlops.import_(address, "t.bin", project=root)
    assert (done.unchanged, done.bytes, site.asked) == (True, len(LARGE), [("HEAD", None)])
    planned = mlops.import_(address, "other.bin", dry_run=True, project=root)
    assert (planned.bytes, planned.source_version) == (len(LARGE), 'etag "one"')
    site.etag, site.body = '"two"', b"short"
    assert mlops.import_(update="t.bin", project=root).version == "v2"
    assert (root / "t.bin").read_bytes() == b"short"
    (root / "t.bin").write_bytes(b"mine")
    mlops.commit("t.bin", project=root)
    assert mlops.import_(update="t.bin", project=root).unchanged is False
    assert (root / "t.bin").read_bytes() == b"short"


def test_progress_counts_the_bytes_and_an_interrupt_keeps_them(root, site):
    steps: list[Step] = []

    def listen(step: Step) -> None:
        steps.append(step)
        if step.done > 1_000_000:
            raise KeyboardInterrupt

    arguments = {"url": f"http://{site.address}/t.bin", "path": "t.bin"}
    with pytest.raises(MlopsError) as caught:
        invoke(find("import"), arguments, Origin("python", root, progress=listen))
    assert caught.value.reference == "cancelled"
    assert (steps[-1].total, steps[-1].unit) == (len(LARGE), "bytes")
    site.asked.clear()
    mlops.import_(f"http://{site.address}/t.bin", "t.bin", project=root)
    assert int(site.asked[0][1][6:-1]) > 1_000_000
    assert (root / "t.bin").read_bytes() == LARGE


def everything(root: Path) -> bytes:
    """Every byte that the project keeps, git's objects unpacked."""
    listed = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch"], cwd=root, capture_output=True, check=True
    ).stdout
    files = [path.read_bytes() for path in root.rglob("*") if path.is_file()]
    home = [path.read_bytes() for path in Path(os.environ["HOME"]).rglob("*") if path.is_file()]
    return b"\n".join([listed, *files, *home])


def test_passwords_and_keys_are_never_recorded_nor_told(root, site):
    site.password, site.body = PASSWORD, TABLE.encode()
    address = f"http://ana:{PASSWORD}@{site.address}/t.csv?token={PASSWORD}&part=2"
    done = mlops.import_(address, "t.csv", project=root)
    assert done.source == f"http://{site.address}/t.csv?part=2"
    assert mlops.import_(address, "t.csv", project=root).unchanged
    told = [refusal(f"http://ana:{PASSWORD}x@{site.address}/t.csv", "u.csv", project=root)]
    told += [refusal(f"https://bob:{PASSWORD}@127.0.0.1:1/t.csv?X-Amz-Signature={PASSWORD}", project=root)]
    told += [refusal(f"postgresql://bob:{PASSWORD}@127.0.0.1:1/db", query="SELECT 1", project=root)]
    told += [refusal(f"https://{PASSWORD}@127.0.0.1:1/repo.git::data@v1", project=root)]
    assert PASSWORD not in "".join(str(error) for error in told)
    assert PASSWORD.encode() not in everything(root)
    line = subprocess.run(
        [sys.executable, "-m", "jupyter_mlops", "import", address, "v.csv", "--json"],
        cwd=root,
        capture_output=True,
        check=True,
    )
    assert PASSWORD.encode() not in line.stdout + line.stderr + everything(root)


@pytest.fixture
def database(outside) -> Path:
    path = outside / "shop.db"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE sale (id INTEGER, wage REAL, note TEXT)")
        connection.executemany("INSERT INTO sale VALUES (?, ?, ?)", [(1, 1.5, None), (2, 2.5, "ü")])
    return path


def test_what_a_database_answers_becomes_a_table(root, database):
    query = "SELECT id, wage, note FROM sale ORDER BY id"
    done = mlops.import_(f"sqlite:///{database}", query=query, project=root)
    assert (done.dataset, done.rows_added, done.query) == ("data/shop.parquet", 2, query)
    assert pl.read_parquet(root / "data" / "shop.parquet").rows() == [(1, 1.5, None), (2, 2.5, "ü")]
    assert meta(root, "data/shop.parquet").items() > {"query": query, "source": f"sqlite:///{database}"}.items()
    assert mlops.import_(update="shop", project=root).unchanged
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("INSERT INTO sale VALUES (3, 3.5, 'x')")
    assert mlops.import_(update="shop", project=root).rows_added == 1
    mlops.import_(f"sqlite:///{database}", "t.csv", query="SELECT id FROM sale ORDER BY id", project=root)
    assert (root / "t.csv").read_text() == "id\n1\n2\n3\n"


def test_a_query_only_reads_and_a_wrong_one_is_told(root, database):
    address = f"sqlite:///{database}"
    before = database.read_bytes()
    for query in ("WITH x AS (SELECT 1) DELETE FROM sale", "SELECT nothing FROM nowhere"):
        assert refusal(address, "t.parquet", query=query, project=root).reference == "query-failed"
    assert refusal(address, "t.parquet", query="DELETE FROM sale", project=root).reference == "only-reads"
    assert database.read_bytes() == before
    assert refusal(address, "t.parquet", project=root).reference == "no-query"
    assert refusal(address, "t.xyz", query="SELECT 1", project=root).reference == "unknown-format"
    assert refusal("sqlite:///none.db", "t.csv", query="SELECT 1", project=root).reference == "no-such-file"
    assert refusal("README.md", "t.csv", query="SELECT 1", project=root).reference == "bad-source"
    assert not (root / "t.parquet").exists()


@pytest.fixture
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL of its own, in which ``postgres`` may do everything."""
    pytest.importorskip("adbc_driver_postgresql", reason="the extra [sql] brings it")
    programs = [*Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not programs or (os.geteuid() == 0 and "postgres" not in Path("/etc/passwd").read_text()):
        pytest.skip("PostgreSQL is not installed")
    other = {"user": "postgres"} if os.geteuid() == 0 else {}  # it refuses to be run by root
    with tempfile.TemporaryDirectory() as folder:
        here, port, password = Path(folder, "data"), free_port(), Path(folder, "password")
        password.write_text(PASSWORD)
        for path in (Path(folder), password):
            shutil.chown(path, other.get("user"))
        told = ["-D", str(here), "-U", "postgres", f"--pwfile={password}", "-A", "scram-sha-256", "-N"]
        subprocess.run([str(programs[0]), *told], check=True, capture_output=True, cwd=folder, **other)
        command = [str(programs[0].with_name("postgres")), "-D", str(here), "-p", str(port), "-k", folder, "-F"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **other)
        until = time.monotonic() + 30
        while subprocess.run(
            [str(programs[0].with_name("pg_isready")), "-q", "-h", "127.0.0.1", "-p", str(port)], check=False
        ).returncode:
            assert time.monotonic() < until
            time.sleep(0.1)
        yield f"postgresql://postgres:{PASSWORD}@127.0.0.1:{port}/postgres"
        server.terminate()
        server.wait(20)


def test_postgres_answers_and_is_only_read(root, postgres, monkeypatch):
    query = "SELECT 1.25::numeric AS wage, 'ü' AS note, DATE '2026-05-01' AS day UNION ALL SELECT 20, NULL, NULL"
    done = mlops.import_(postgres, "t.parquet", query=query, project=root)
    table = pl.read_parquet(root / "t.parquet")
    assert sorted(str(wage) for wage in table["wage"].cast(float)) == ["1.25", "20.0"]
    assert table.schema["day"] == pl.Date
    named = "SELECT 'F46FB990-dc47-4b4b-b0ba-e6e02a680ac2'::uuid AS id UNION ALL SELECT NULL"
    mlops.import_(postgres, "named.parquet", query=named, project=root)
    ids = pl.read_parquet(root / "named.parquet")["id"].sort(nulls_last=True)
    assert ids.to_list() == ["f46fb990-dc47-4b4b-b0ba-e6e02a680ac2", None]
    assert done.source == postgres.replace(f":{PASSWORD}", "")
    error = refusal(update="t", project=root)
    assert error.reference == "query-failed"
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert mlops.import_(update="t", project=root).unchanged
    lasting = "WITH gone AS (DELETE FROM pg_description WHERE false RETURNING 1) SELECT * FROM gone"
    told = refusal(postgres, "u.parquet", query=lasting, project=root)
    assert "read-only transaction" in told.context
    assert PASSWORD not in f"{error}{told}"
    assert PASSWORD.encode() not in everything(root)


@pytest.mark.parametrize(
    ("module", "source", "named", "extra"),
    [
        ("deltalake", "delta+.", {}, "delta"),
        ("pyiceberg", "iceberg+.", {}, "iceberg"),
        ("s3fs", "s3://bucket/key", {}, "s3"),
        ("connectorx", "mysql://localhost/db", {"query": "SELECT 1"}, "sql"),
    ],
)
def test_what_is_not_installed_is_named(root, monkeypatch, module, source, named, extra):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(remembered, "s3", raising=False)  # what was loaded once is remembered there
    error = refusal(source, "t.parquet", project=root, **named)
    assert (error.reference, error.hint) == ("package-missing", f'pip install "jupyter-mlops[{extra}]"')


def test_a_delta_table_comes_in_the_version_asked_for(root, outside):
    deltalake = pytest.importorskip("deltalake", reason="the extra [delta] brings it")
    place = str(outside / "sales")
    for rows in ([1, 2], [3]):
        deltalake.write_deltalake(place, pl.DataFrame({"id": rows}).to_arrow(), mode="append")
    done = mlops.import_(place, project=root)
    assert (done.dataset, done.source, done.source_version) == ("data/sales.parquet", f"delta+{place}", "version 1")
    assert pl.read_parquet(root / "data" / "sales.parquet")["id"].sort().to_list() == [1, 2, 3]
    assert mlops.import_(update="sales", project=root).unchanged
    deltalake.write_deltalake(place, pl.DataFrame({"id": [4]}).to_arrow(), mode="append")
    assert mlops.import_(f"delta+{place}", "data/sales.parquet", project=root).rows_added == 1
    mlops.import_(place, "first.csv", at="0", query="SELECT id FROM self ORDER BY id DESC", project=root)
    assert (root / "first.csv").read_text() == "id\n2\n1\n"
    assert meta(root, "first.csv")["source_version"] == "version 0"
    assert refusal(place, "x.csv", at="99", project=root).reference == "download-failed"
    assert refusal(place, "x.csv", at="newest", project=root).reference == "bad-version"


def test_an_iceberg_table_comes_in_the_snapshot_asked_for(root, outside):
    pytest.importorskip("pyiceberg", reason="the extra [iceberg] brings it")
    sql = pytest.importorskip("pyiceberg.catalog.sql", reason="needs SQLAlchemy")
    catalog = sql.SqlCatalog("here", uri=f"sqlite:///{outside}/catalog.db", warehouse=f"file://{outside}/warehouse")
    catalog.create_namespace("shop")
    data = pl.DataFrame({"id": [1, 2]}).to_arrow()
    table = catalog.create_table("shop.sales", data.schema)
    table.append(data)
    first = table.current_snapshot().snapshot_id
    table.append(pl.DataFrame({"id": [3]}).to_arrow())
    place = table.location().removeprefix("file://")
    done = mlops.import_(place, "sales.parquet", project=root)
    assert done.source_version == f"snapshot {table.current_snapshot().snapshot_id}"
    assert pl.read_parquet(root / "sales.parquet")["id"].sort().to_list() == [1, 2, 3]
    assert mlops.import_(update="sales", project=root).unchanged
    mlops.import_(f"iceberg+{place}", "first.csv", at=str(first), project=root)
    assert (root / "first.csv").read_text() == "id\n1\n2\n"


@pytest.fixture
def other(tmp_path) -> Path:
    """Another project with two versions of a folder and a remote that holds both."""
    folder = tmp_path / "other"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=folder, check=True)
    for key, value in (("user.name", "Omar"), ("user.email", "omar@example.org")):
        subprocess.run(["git", "config", key, value], cwd=folder, check=True)
    (folder / "jobs").mkdir()
    mlops.init(remote=str(tmp_path / "storage"), project=folder)
    for text in (TABLE, TABLE + "3,30\n"):
        (folder / "jobs" / "t.csv").write_text(text)
        mlops.commit("jobs", project=folder)
    mlops.push(all_versions=True, project=folder)
    return folder


def test_a_version_of_another_project_is_brought_with_its_name(root, other):
    done = mlops.import_(f"{other}::jobs@v1", "theirs", project=root)
    assert (root / "theirs" / "t.csv").read_text() == TABLE
    digest = mlops.log("jobs", project=other).versions[1].digest
    assert (done.digest, done.source, done.source_version) == (digest, f"{other}::jobs@v1", f"v1 {digest}")
    assert mlops.import_(f"{other}::jobs@v1", "theirs", project=root).unchanged
    assert mlops.import_(f"{other}::jobs", "theirs", project=root).rows_added == 1
    assert mlops.import_(update="theirs", project=root).unchanged
    assert refusal(f"{other}::jobs@v9", project=root).reference == "unknown-version"
    assert refusal("nowhere::jobs", project=root).reference == "no-such-file"


def test_a_repository_gives_what_its_remote_holds(root, other, tmp_path):
    shutil.rmtree(other / ".dvc" / "cache")
    done = mlops.import_(f"{other}::jobs@v1", "near", project=root)
    assert not (other / ".dvc" / "cache" / "files").exists()
    subprocess.run(["git", "clone", "-q", "--bare", str(other), str(tmp_path / "bare.git")], check=True)
    far = mlops.import_(f"file://{tmp_path}/bare.git::jobs@v1", "far", project=root)
    assert far.digest == done.digest
    assert (root / "far" / "t.csv").read_text() == TABLE
    shutil.rmtree(tmp_path / "storage")
    error = refusal(f"{other}::jobs@v2", "lost", project=root)
    assert (error.reference, (root / "lost").exists()) == ("download-failed", False)


def test_the_address_of_another_project_runs_no_command(root, tmp_path):
    mark = tmp_path / "run"
    for text in (f"ext::sh -c touch% {mark}::jobs", f"ext::touch {mark}", f"https://--upload-pack=touch {mark}::jobs"):
        refusal(text, project=root)
    assert not mark.exists()


def test_a_damaged_object_of_another_project_is_not_taken(root, other):
    digest = hashlib.md5(TABLE.encode(), usedforsecurity=False).hexdigest()
    found = other / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]
    found.chmod(0o644)
    found.write_text(TABLE.replace("10", "11"))
    assert refusal(f"{other}::jobs@v1", "theirs", project=root).reference == "object-corrupt"
    assert not (root / "theirs").exists()
