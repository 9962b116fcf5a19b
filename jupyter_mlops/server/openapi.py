"""The OpenAPI description of the REST face, derived from the verbs.

``python -m jupyter_mlops.server.openapi`` prints it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import msgspec

from jupyter_mlops import __version__
from jupyter_mlops.server import BASE
from jupyter_mlops.server.documents import Catalogue, Changed, ErrorDocument, Job, Jobs, JobStarted
from jupyter_mlops.verbs import verbs
from jupyter_mlops.verbs.declaration import Verb

TEMPLATE = "#/components/schemas/{name}"
DOCUMENTS = (Catalogue, Changed, ErrorDocument, Job, Jobs, JobStarted)
PROBLEMS: Mapping[str, str] = {
    "400": "The request itself is wrong.",
    "401": "Nobody is logged in.",
    "403": "The role or the server's authorizer does not allow it.",
    "503": "A disk, a network, a tool or a file failed.",
}
PROJECT: Mapping[str, Any] = {
    "type": "string",
    "description": "The folder, relative to the root of the Jupyter server; the root itself when left out.",
}

Schema = dict[str, Any]


def path_of(verb: Verb) -> str:
    """``/mlops/v1/stage/add`` for ``stage add``."""
    return f"{BASE}/{verb.name.replace(' ', '/')}"


@cache
def document() -> Schema:
    """The whole description, as OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "jupyter-mlops",
            "version": __version__,
            "description": "Reading verbs are GET and change nothing; every other verb is POST and becomes a job.",
        },
        "paths": {**{path_of(verb): _verb_path(verb) for verb in verbs().values()}, **_server_paths()},
        "components": {"schemas": _components(), "responses": _shared_responses()},
    }


def _shared_responses() -> Schema:
    return {code: {"description": text, "content": _content("ErrorDocument")} for code, text in PROBLEMS.items()}


def _components() -> Schema:
    """Results (every field required), bodies of POST (defaults optional) and the server's own documents."""
    writing = [verb for verb in verbs().values() if not verb.reads]
    results = [*(verb.result for verb in verbs().values()), *DOCUMENTS]
    _, sent = msgspec.json.schema_components(results, ref_template=TEMPLATE)
    bodies = {verb.request.__name__: _body(verb) for verb in writing}
    return dict(sorted({**{name: _complete(schema) for name, schema in sent.items()}, **bodies}.items()))


def _complete(schema: Schema) -> Schema:
    """A class that we send: no field is ever left out, so none is optional and none has a default."""
    schema = {**schema, "description": _plain(schema.get("description", ""))}
    properties = schema.get("properties", {})
    if properties:
        schema["properties"] = {name: _without_default(field) for name, field in properties.items()}
        schema["required"] = list(properties)
    return schema


def _body(verb: Verb) -> Schema:
    """The body of a POST: the arguments and the project."""
    schema = request_schema(verb)
    described = {name: _default_in_words(field) for name, field in schema["properties"].items()}
    return {
        "type": "object",
        "title": verb.request.__name__,
        "description": f"Arguments of `{verb.name}`.",
        "properties": {"project": PROJECT, **described},
        "required": schema["required"],
        "additionalProperties": False,
    }


@cache
def request_schema(verb: Verb) -> Schema:
    """The JSON schema of a verb's arguments."""
    (_,), components = msgspec.json.schema_components([verb.request], ref_template=TEMPLATE)
    schema: Schema = components[verb.request.__name__]
    return schema


def _default_in_words(field: Schema) -> Schema:
    """Generators of types take a `default` for "always there", so requests say it in words."""
    if "default" not in field:
        return field
    said = f"Default: `{json.dumps(field['default'], ensure_ascii=False)}`."
    text = " ".join(part for part in (field.get("description", ""), said) if part)
    return {**_without_default(field), "description": text}


def _without_default(field: Schema) -> Schema:
    return {key: value for key, value in field.items() if key != "default"}


def _plain(text: str) -> str:
    """A docstring without its indentation."""
    return "\n".join(line.removeprefix("    ") for line in text.splitlines())


def _verb_path(verb: Verb) -> Schema:
    operation = {
        "operationId": verb.name.replace(" ", "_").replace("-", "_"),
        "tags": [str(verb.group)],
        "summary": verb.summary,
        "description": verb.description,
    }
    return {"get": operation | _reading(verb)} if verb.reads else {"post": operation | _writing(verb)}


def _reading(verb: Verb) -> Schema:
    schema = request_schema(verb)
    parameters = [_query("project", PROJECT, required=False)]
    for name, field in schema["properties"].items():
        parameters.append(_query(name, field, required=name in schema["required"]))
    return {"parameters": parameters, "responses": _responses({"200": ("The result.", verb.result.__name__)})}


def _writing(verb: Verb) -> Schema:
    return {
        "requestBody": {"required": True, "content": _content(verb.request.__name__)},
        "responses": _responses({"202": ("The job that does it.", "JobStarted")}),
        "x-job-result": _reference(verb.result.__name__),
    }


def _server_paths() -> Schema:
    """What is there besides the verbs."""
    project = [_query("project", PROJECT, required=False)]
    one = [_in_path("job"), *project]
    return {
        f"{BASE}/verbs": {"get": _own("list_verbs", "List the verbs and what the user may do.", project, "Catalogue")},
        f"{BASE}/jobs": {"get": _own("list_jobs", "List jobs, newest first.", project, "Jobs")},
        f"{BASE}/jobs/{{job}}": {
            "get": _own("get_job", "Show one job.", one, "Job"),
            "delete": _own("cancel_job", "Stop a job and whatever it started.", one, "Job"),
        },
        f"{BASE}/watch": {"get": _watch(project)},
        f"{BASE}/openapi.json": {"get": _own("openapi", "This description.", [], None)},
    }


def _own(name: str, summary: str, parameters: list[Schema], result: str | None) -> Schema:
    responses = _responses({"200": ("The answer.", result)})
    return {
        "operationId": name,
        "tags": ["Server"],
        "summary": summary,
        "parameters": parameters,
        "responses": responses,
    }


def _watch(parameters: list[Schema]) -> Schema:
    text = "Each message is a `Changed` document: ask again for what it names. Nothing is watched while nobody listens."
    return {
        "operationId": "watch",
        "tags": ["Server"],
        "summary": "A websocket that tells when something changed.",
        "description": text,
        "parameters": parameters,
        "responses": {"101": {"description": "The websocket is open."}, **_problems(("400", "401", "403"))},
        "x-message": _reference("Changed"),
    }


def _query(name: str, schema: Mapping[str, Any], *, required: bool) -> Schema:
    described = {key: value for key, value in schema.items() if key != "description"}
    text = schema.get("description", "")
    return {"name": name, "in": "query", "required": required, "description": text, "schema": described}


def _in_path(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _responses(answers: Mapping[str, tuple[str, str | None]]) -> Schema:
    """`answers` (status to text and class) and the problems every route may meet."""
    good = {code: {"description": text, "content": _content(name)} for code, (text, name) in answers.items()}
    return {**good, **_problems(PROBLEMS)}


def _problems(codes: Iterable[str]) -> Schema:
    return {code: {"$ref": f"#/components/responses/{code}"} for code in codes}


def _content(name: str | None) -> Schema:
    schema: Schema = _reference(name) if name else {"type": "object"}
    return {"application/json": {"schema": schema}}


def _reference(name: str) -> Schema:
    return {"$ref": TEMPLATE.format(name=name)}


def main() -> None:
    """Print the description."""
    sys.stdout.write(json.dumps(document(), indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
