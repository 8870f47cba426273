"""Questions to Dagster's web server, and how it says why a code location does not load.

Imports no Dagster, so that commands which only ask start at once.
"""

from __future__ import annotations

import http
import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from util_services.errors import DataServicesError
from util_services.web import body_of, opener_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

TIMEOUT_SECONDS = 20.0
MAX_BYTES = 64 << 20  # of an answer; that on all jobs of a large location has a few megabytes
# To be named where a question may be answered with an error of Python's.
PYTHON_ERROR = "message className stack errorChain { error { message className stack } }"
AWAY = frozenset(  # as a proxy says that there is no server behind it
    {
        http.HTTPStatus.BAD_GATEWAY,
        http.HTTPStatus.SERVICE_UNAVAILABLE,
        http.HTTPStatus.GATEWAY_TIMEOUT,
    }
)
UNREACHABLE = "DagsterUserCodeUnreachableError"  # of a code server that starts or is replaced


class UnreachableError(DataServicesError):
    """Raised when the web server does not answer a question."""


class AwayError(UnreachableError):
    """Raised when there is nobody to answer, which passes where a web server is just replaced."""


@dataclass(frozen=True, slots=True)
class LoadError:
    """Why a code location does not load: the innermost error's sentence, and all of it."""

    sentence: str
    details: str
    class_names: frozenset[str]

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """Return the record of an answer with the fields of ``PYTHON_ERROR``."""
        chain = [found, *(link["error"] for link in found["errorChain"])]
        innermost = chain[-1]
        sentence = str(innermost["message"]).strip().removeprefix(f"{innermost['className']}: ")
        details = "".join(f"{error['message']}\n{''.join(error['stack'])}" for error in chain)
        return cls(sentence, details, frozenset(str(error["className"]) for error in chain))

    @property
    def is_unreachable(self) -> bool:
        """Whether the code server did not answer, which may pass; else its code is at fault."""
        return UNREACHABLE in self.class_names


class GraphQL:
    """A client of one web server.

    Args:
        url: its address.
        token: is sent as a bearer token, to this address alone.
        timeout_seconds: for each answer.
    """

    def __init__(
        self, url: str, token: str | None = None, *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._timeout_seconds = timeout_seconds
        self._opener = opener_for(self.url)

    def is_ready(self) -> bool:
        """Tell whether the web server answers."""
        try:
            self._fetch("/server_info")
        except UnreachableError:
            return False
        return True

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return the data that answers a query.

        Raises:
            UnreachableError: if there is no answer, or one without data.
        """
        answer = self._fetch("/graphql", {"query": query, "variables": variables})
        data = answer.get("data") if isinstance(answer, dict) else None
        if not data or not isinstance(data, dict):
            raise UnreachableError("Dagster's web server did not understand a question.")
        return data

    def _fetch(self, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - `opener_for` takes http and https alone
            self.url + path,
            data=json.dumps(body).encode() if body else None,
            headers={"Content-Type": "application/json"} if body else {},
        )
        if self._token is not None:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            with self._opener.open(request, timeout=self._timeout_seconds) as response:
                return json.loads(body_of(response, MAX_BYTES, self._timeout_seconds))
        except urllib.error.HTTPError as error:
            error.close()
            kind = AwayError if error.code in AWAY else UnreachableError
            raise kind(_refusal(error.code)) from None
        except (OSError, http.client.HTTPException):
            raise AwayError("Dagster's web server does not answer.") from None
        except (RecursionError, ValueError):
            raise UnreachableError(
                "What answers is no Dagster web server, but a login page perhaps; check the "
                "address and the token."
            ) from None


def _refusal(status: int) -> str:
    if status in {http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN}:
        return f"Dagster's web server refuses the request ({status}); check the token."
    return f"Dagster's web server answers with status {status}; check its address."
