"""After a person's rows are erased no byte of them is left: not in the cache, the remote, a profile or our scratch."""

from __future__ import annotations

import base64
import contextlib
import random
import uuid
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

import jupyter_mlops as mlops
from jupyter_mlops.project import Project

SECRET = "only-of-the-erased-person"
KINDS = ("csv", "tsv", "jsonl", "parquet", "arrow", "feather")
VALUES = (
    "omar.farouq@example.ae", "Zoë Al-Ḥāšimī", "784198012345678", "f46fb990-dc47-4b4b-b0ba-e6e02a680ac2", 'O"Hara, Sean',
)  # fmt: skip
PLAIN = (pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.dictionary(pa.int32(), pa.string()))


def spelled(text: str) -> Iterator[bytes]:
    """`text` as any of our files might hold it."""
    for code in ("utf-8", "utf-16-le", "utf-16-be"):
        yield text.encode(code)
        yield base64.b64encode(text.encode(code)).rstrip(b"=")[:-1]
    yield text.replace('"', '""').encode()
    yield text.encode("unicode_escape")
    with contextlib.suppress(ValueError):
        yield uuid.UUID(text).bytes


def columns(value: str, rows: int, chance: random.Random) -> dict[str, list[object]]:
    """Some rows of the person among others, at random places."""
    who = [value if chance.random() < 0.4 else f"somebody {number}" for number in range(rows)] + [value, "the last"]
    return {"who": who, "note": [SECRET if cell == value else "public" for cell in who], "n": list(range(len(who)))}


def write(path: Path, data: dict[str, list[object]], chance: random.Random) -> None:
    kind, table = path.suffix[1:], pa.table(data)
    if kind in {"csv", "tsv", "jsonl"}:
        import polars as pl

        frame = pl.DataFrame(data)
        {"csv": frame.write_csv, "jsonl": frame.write_ndjson}.get(kind, lambda to: frame.write_csv(to, separator="\t"))(
            path
        )
        return
    dtype = chance.choice(PLAIN)
    cells = pa.array([cell.encode() if pa.types.is_binary(dtype) else cell for cell in data["who"]])
    note = {"of": str(data["who"][-2])}
    field = pa.field("who", dtype, metadata=note)
    coded = cells.dictionary_encode() if pa.types.is_dictionary(dtype) else cells.cast(dtype)
    table = table.set_column(0, field, coded).replace_schema_metadata(note)
    if kind == "parquet":
        pq.write_table(table, path, compression="none", row_group_size=3)
    elif kind == "feather":
        pyarrow.feather.write_feather(table, path, compression="uncompressed")
    else:
        with pa.ipc.new_stream(str(path), table.schema) as stream:
            stream.write_table(table, max_chunksize=3)


def contents(*tops: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below `tops`, and the schemas that parquet files carry in base64."""
    for path in (path for top in tops for path in top.rglob("*") if path.is_file()):
        data = path.read_bytes()
        yield path, data
        if data.startswith(b"PAR1"):
            yield path, base64.b64decode((pq.read_metadata(path).metadata or {}).get(b"ARROW:schema", b""))


def holders(texts: list[bytes], *tops: Path) -> list[tuple[Path, bytes]]:
    return [(path, text) for path, data in contents(*tops) for text in texts if text in data]


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 30))])
def test_no_byte_of_the_person_is_left(project, tmp_path, seed):
    chance, root, remote = random.Random(seed), project.root, tmp_path / "remote"
    value = VALUES[seed % len(VALUES)]
    (root / "people").mkdir()
    mlops.init(remote=str(remote), project=root)
    for _ in range(2):
        for kind in KINDS:
            write(root / "people" / f"a.{kind}", columns(value, chance.randint(0, 9), chance), chance)
        write(root / "alone.parquet", columns(value, chance.randint(0, 9), chance), chance)
        mlops.commit(["people", "alone.parquet"], project=root)
    mlops.push(all_versions=True, project=root)
    for number in (1, 2):
        mlops.profile(f"alone.parquet@v{number}", project=root)
    mlops.diff("alone.parquet@v1", "alone.parquet@v2", project=root)
    texts = [*spelled(value), *spelled(SECRET)]
    assert holders(texts, root, remote)
    done = mlops.erase(subject=f"who={value}", reason="request", yes=True, project=root)
    assert len(done.versions) == 4
    assert all(Project(root).profiles.known(each.digest) is None for each in done.versions)
    for number in (1, 2):
        mlops.profile(f"alone.parquet@v{number}", project=root)
        mlops.diff("people@v1", "people@v2", project=root)
    assert holders(texts, root, remote) == []
    for number in (1, 2):
        mlops.checkout(f"people@v{number}", project=root)
        assert pq.read_table(root / "people" / "a.parquet")["n"].to_pylist()
