"""Asking a deployment over HTTP, as any other client of the protocol would."""

from __future__ import annotations

import http.client
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.serving.protocol import request_body

ROWS_A_REQUEST = 1000
TIMEOUT_S = 60.0


class Client:
    """A connection to one deployment.

    Parameters
    ----------
    port
        On this machine.
    name
        Of the deployment.
    """

    def __init__(self, port: int, name: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        self._path = f"/v2/models/{name}"

    def inputs(self) -> list[Mapping[str, Any]]:
        """What the model takes: name, datatype and shape of each input."""
        return list(self._ask("GET", self._path)["inputs"])

    def infer(
        self, columns: Mapping[str, Sequence[Any]], inputs: Sequence[Mapping[str, Any]]
    ) -> tuple[str, dict[str, list[Any]]]:
        """The version that answered and, for each output, a value (or a list of values) a row.

        Raises
        ------
        UsageError
            ``bad-input`` with the words of the server.
        EnvironmentFault
            ``prediction-failed``.
        """
        count = len(next(iter(columns.values())))
        outputs: dict[str, list[Any]] = {}
        version = ""
        for start in range(0, count, ROWS_A_REQUEST):
            part = {name: values[start : start + ROWS_A_REQUEST] for name, values in columns.items()}
            reply = self._ask("POST", f"{self._path}/infer", _body(part, inputs))
            version = str(reply["model_version"])
            for output in reply["outputs"]:
                outputs.setdefault(output["name"], []).extend(_rows(output))
        return version, outputs

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def _ask(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        try:
            self._connection.request(method, path, body, {"Content-Type": "application/json"})
            response = self._connection.getresponse()
            document: dict[str, Any] = msgspec.json.decode(response.read())
        except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
            raise EnvironmentFault(
                "prediction-failed", "The deployment did not answer.", context=str(error), hint="deployments"
            ) from error
        if response.status == 400:
            raise UsageError("bad-input", "The rows do not fit the model.", context=str(document.get("error", "")))
        if response.status != 200:
            raise EnvironmentFault(
                "prediction-failed",
                "The deployment could not answer.",
                context=str(document.get("error", response.status)),
                hint="deployments shows its state.",
            )
        return document


def _body(columns: Mapping[str, Sequence[Any]], inputs: Sequence[Mapping[str, Any]]) -> bytes:
    try:
        return request_body(columns, inputs)
    except (TypeError, ValueError) as error:
        raise UsageError("bad-input", "The rows do not fit the model.", context=str(error)) from error


def _rows(output: Mapping[str, Any]) -> list[Any]:
    """The flat data of an output, a list a row when it has several columns."""
    data, shape = list(output["data"]), output["shape"]
    if len(shape) < 2:
        return data
    width = len(data) // shape[0]
    return [data[start : start + width] for start in range(0, len(data), width)]
