"""Ask a registry whether it has an image (OCI distribution specification 1.1, sections 3 and 4)."""

from __future__ import annotations

import base64
import hashlib
import http
import http.client
import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from util_services import settings
from util_services.errors import ConfigurationError, RefusedError
from util_services.web import body_of, is_loopback, opener_for

if TYPE_CHECKING:
    from util_services.deployment.image import Image

TIMEOUT_SECONDS = 30.0
MAX_BYTES = 4 << 20  # of a manifest, as registries limit it
ACCEPTED = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
REVISION = "org.opencontainers.image.revision"
DIGEST = re.compile(r"(?P<algorithm>sha256|sha512):(?P<value>[0-9a-f]+)")
CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
ABSENT = frozenset({http.HTTPStatus.NOT_FOUND, http.HTTPStatus.GONE})
REFUSED = frozenset({http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN})
# What is raised by an answer that is no JSON or has not the fields that it should have.
NOT_OF_THIS_FORM = (
    AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError,
)  # fmt: skip


class RegistryError(RefusedError):
    """Raised when a registry cannot be asked, or does not have what is asked for."""


@dataclass(frozen=True, slots=True)
class StoredImage:
    """What a registry says of an image."""

    digest: str
    revision: str | None  # the commit that its label names


class Registry:
    """A client of one registry: https, and http on this machine alone.

    Args:
        host: with its port, if it has one.
        user: who asks, together with ``password``; default ``DATA_SERVICES_REGISTRY_USER`` and
            ``_REGISTRY_PASSWORD``. Where there is none, what anybody may see is asked for.
        is_anonymous: ask for what anybody may see, whatever the environment says.
    """

    def __init__(
        self,
        host: str,
        user: str | None = None,
        password: str | None = None,
        *,
        is_anonymous: bool = False,
    ) -> None:
        self._host = host
        self._url = f"{'http' if is_loopback(host.partition(':')[0]) else 'https'}://{host}"
        self._opener = opener_for(self._url)
        if not is_anonymous:
            user = user or settings.text("REGISTRY_USER")
            password = password or settings.text("REGISTRY_PASSWORD")
        if (user is None) != (password is None):
            raise ConfigurationError(
                "DATA_SERVICES_REGISTRY_USER and DATA_SERVICES_REGISTRY_PASSWORD belong together; "
                "set both or neither."
            )
        self._basic = (
            "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode() if user else None
        )
        self._authorization: str | None = None

    def find(self, image: Image) -> StoredImage:
        """Return what is stored under the name of an image.

        Raises:
            RegistryError: if there is no such image, or the registry cannot be asked.
        """
        content = self._get(image, f"manifests/{image.tag}")
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        try:
            manifest = json.loads(content)
        except (RecursionError, ValueError):
            raise RegistryError(
                f"What answers at {self._host} is no registry; check the image repository."
            ) from None
        try:
            if "manifests" in manifest:  # an index of one image for several machines
                manifest = self._part(image, "manifests", manifest["manifests"][0]["digest"])
            config = self._part(image, "blobs", manifest["config"]["digest"])
            labels = (config.get("config") or {}).get("Labels") or {}
            return StoredImage(digest, labels.get(REVISION))
        except NOT_OF_THIS_FORM:
            raise RegistryError(
                f"What the registry stores as {image} is no image; push it again."
            ) from None

    def _part(self, image: Image, kind: str, digest: str) -> dict[str, Any]:
        """Return a part of an image, which is named by the digest of its bytes.

        Raises:
            KeyError: if what comes is another one.
        """
        named = DIGEST.fullmatch(digest)
        if named is None:
            raise KeyError
        content = self._get(image, f"{kind}/{digest}")
        if hashlib.new(named["algorithm"], content).hexdigest() != named["value"]:
            raise KeyError
        part: dict[str, Any] = json.loads(content)
        return part

    def _get(self, image: Image, path: str) -> bytes:
        url = f"{self._url}/v2/{image.name}/{path}"
        try:
            return self._fetch(url)
        except urllib.error.HTTPError as error:
            if error.code != http.HTTPStatus.UNAUTHORIZED or self._authorization is not None:
                raise self._failure(image, error.code) from None
            self._authorization = self._answer_to(error.headers.get("WWW-Authenticate", ""), image)
        try:
            return self._fetch(url)
        except urllib.error.HTTPError as error:
            raise self._failure(image, error.code) from None

    def _fetch(self, url: str) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - `opener_for` takes http and https alone
            url, headers={"Accept": ", ".join(ACCEPTED)}
        )
        if self._authorization is not None:  # a store that blobs are redirected to gets none
            request.add_unredirected_header("Authorization", self._authorization)
        return self._read(request)

    def _answer_to(self, challenge: str, image: Image) -> str:
        """Return the credentials that a challenge asks for."""
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "basic" and self._basic is not None:
            return self._basic
        asked = dict(CHALLENGE.findall(rest))
        if scheme.lower() != "bearer" or "realm" not in asked:
            raise self._failure(image, http.HTTPStatus.UNAUTHORIZED)
        if not _is_safe(asked["realm"]):
            raise RegistryError(
                f"The registry {self._host} wants credentials sent in clear; they are not."
            )
        query = {"scope": f"repository:{image.name}:pull", "service": asked.get("service", "")}
        request = urllib.request.Request(f"{asked['realm']}?{urlencode(query)}")  # noqa: S310 - checked
        if self._basic is not None:
            request.add_unredirected_header("Authorization", self._basic)
        try:
            answer = json.loads(self._read(request))
            return f"Bearer {answer.get('token') or answer['access_token']}"
        except urllib.error.HTTPError as error:
            raise self._failure(image, error.code) from None
        except NOT_OF_THIS_FORM:
            raise RegistryError(
                f"What gives tokens for the registry {self._host} gives none; check its settings."
            ) from None

    def _read(self, request: urllib.request.Request) -> bytes:
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                return body_of(response, MAX_BYTES, TIMEOUT_SECONDS)
        except urllib.error.HTTPError:
            raise
        except (OSError, http.client.HTTPException) as error:
            cause = getattr(error, "reason", error)
            raise RegistryError(
                f"The registry {self._host} does not answer ({type(cause).__name__}); check its "
                "name and the network."
            ) from None

    def _failure(self, image: Image, status: int) -> RegistryError:
        if status in ABSENT:
            return RegistryError(
                f"The registry has no image {image}; push it first, or name another tag."
            )
        if status in REFUSED:
            return RegistryError(
                f"The registry {self._host} refuses to show {image.name} ({status}); set "
                "DATA_SERVICES_REGISTRY_USER and DATA_SERVICES_REGISTRY_PASSWORD."
            )
        return RegistryError(
            f"The registry {self._host} answers with status {status}; try again later."
        )


def _is_safe(realm: str) -> bool:
    """Tell whether credentials may be sent to the address that a registry names."""
    try:
        parts = urlsplit(realm)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
