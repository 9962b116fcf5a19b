"""What every verb is, and what a user may do with it: menus, grey buttons, completion."""

from __future__ import annotations

from functools import cache
from typing import Any

import attrs
import msgspec

from jupyter_mlops.errors import Denied
from jupyter_mlops.governance.roles import Roles
from jupyter_mlops.project import Project
from jupyter_mlops.records import Actor
from jupyter_mlops.server.documents import Catalogue, VerbArgument, VerbEntry
from jupyter_mlops.server.openapi import request_schema
from jupyter_mlops.verbs import verbs
from jupyter_mlops.verbs.declaration import Argument, Verb


def catalogue(project: Project | None, actor: Actor) -> Catalogue:
    """Every verb, for `actor` in `project`; without a project nobody has a lesser role."""
    roles = project.roles if project else Roles({})
    entries = tuple(_for(verb, roles, actor) for verb in verbs().values())
    return Catalogue(roles.role_of(actor), str(actor), entries)


def _for(verb: Verb, roles: Roles, actor: Actor) -> VerbEntry:
    try:
        roles.require(actor, verb.action, verb.name)
    except Denied as error:
        return attrs.evolve(_entry(verb), permitted=False, denied=error.message)
    return _entry(verb)


@cache
def _entry(verb: Verb) -> VerbEntry:
    schemas = request_schema(verb)["properties"]
    return VerbEntry(
        name=verb.name,
        group=str(verb.group),
        summary=verb.summary,
        description=verb.description,
        reads=verb.reads,
        daily=verb.daily,
        action=str(verb.action),
        permitted=True,
        denied="",
        arguments=tuple(_argument(argument, schemas[argument.name]) for argument in verb.arguments()),
    )


def _argument(argument: Argument, schema: dict[str, Any]) -> VerbArgument:
    return VerbArgument(
        name=argument.name,
        flag=argument.flag,
        short=argument.option.short,
        type={key: value for key, value in schema.items() if key not in ("default", "description")},
        required=argument.required,
        positional=argument.positional,
        default=None if argument.required else msgspec.to_builtins(argument.default),
        text=argument.text,
        names=str(argument.option.names) if argument.option.names else None,
    )
