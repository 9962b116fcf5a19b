"""The description says what the server does, and the front end's types come from it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from jupyter_mlops.server.openapi import document, path_of
from jupyter_mlops.verbs import verbs
from jupyter_mlops.verbs.declaration import Verb

SCHEMAS = document()["components"]["schemas"]
WRITTEN = Path(__file__).parents[2] / "labextension" / "src" / "api" / "openapi.json"


def test_the_file_of_the_front_end_is_fresh() -> None:
    assert json.loads(WRITTEN.read_text()) == json.loads(json.dumps(document())), "run: make schema"


def test_every_reference_leads_somewhere() -> None:
    for kind, name in re.findall(r'"#/components/(\w+)/(\w+)"', json.dumps(document())):
        assert name in document()["components"][kind]


@pytest.mark.parametrize("verb", verbs().values(), ids=lambda verb: verb.name)
def test_every_verb_is_described(verb: Verb) -> None:
    operation = document()["paths"][path_of(verb)]["get" if verb.reads else "post"]
    assert operation["summary"] == verb.summary
    assert {"400", "401", "403", "503"} < operation["responses"].keys()
    result = SCHEMAS[verb.result.__name__]
    assert result["required"] == list(result["properties"])
    names = [argument.name for argument in verb.arguments()]
    if verb.reads:
        assert [parameter["name"] for parameter in operation["parameters"]] == ["project", *names]
        assert all(parameter["description"] for parameter in operation["parameters"])
    else:
        body = SCHEMAS[verb.request.__name__]
        assert list(body["properties"]) == ["project", *names]
        assert body["required"] == [argument.name for argument in verb.arguments() if argument.required]


def test_no_argument_of_a_reading_verb_is_a_mapping_because_a_query_has_none() -> None:
    assert not [verb.name for verb in verbs().values() if verb.reads and any(a.option.pairs for a in verb.arguments())]


def test_moments_carry_their_zone() -> None:
    assert SCHEMAS["Job"]["properties"]["started"] == {"type": "string", "format": "date-time"}


def test_the_server_serves_it(server) -> None:
    answer = server.ask("GET", "openapi.json")
    assert set(answer.body["paths"]) >= set(document()["paths"])
    known = server.ask("GET", "openapi.json", headers={"If-None-Match": answer.headers["Etag"]})
    assert (known.status, known.body) == (304, "")


def test_each_type_has_a_name_of_its_own() -> None:
    """Two classes of one name would be called by their modules, which no generated type can be."""
    assert [name for name in SCHEMAS if not name.isidentifier()] == []
