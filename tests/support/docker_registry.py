"""A real registry on this machine, open to all or asking for credentials in either way there is.

Needs Debian's `docker-registry`; it stands in for that of Gitea. Images are put into it by its own
HTTP interface, so that tests of names and credentials need no container.
"""

from __future__ import annotations

import base64
import ctypes
import hashlib
import http.server
import json
import secrets
import shutil
import subprocess
import threading
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from ceph_rgw import free_ports, listens, stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAM = "docker-registry"
START_SECONDS = 120
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
SERVICE = "test-registry"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class RegistryServer:
    """Where a registry listens, and who may use it."""

    host: str
    user: str | None = None
    password: str | None = None
    authorize: Callable[[str], str] | None = None  # how images of a name are put there

    def put(self, name: str, tag: str, labels: dict[str, str]) -> str:
        """Store an image without layers and return its digest."""
        config = self._put_blob(name, json.dumps({"config": {"Labels": labels}}).encode())
        manifest = {
            "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
            "config": {"mediaType": CONFIG, **config},
        }  # fmt: skip
        return self.put_manifest(name, tag, manifest)

    def put_manifest(self, name: str, tag: str, manifest: dict) -> str:
        """Store a manifest and return its digest."""
        kind = {"Content-Type": manifest["mediaType"]}
        content = json.dumps(manifest).encode()
        answer = self._send("PUT", name, f"/manifests/{tag}", content, kind)
        return answer.headers["Docker-Content-Digest"]

    def tags(self, name: str) -> list[str]:
        """Return the tags of an image."""
        return sorted(json.load(self._send("GET", name, "/tags/list"))["tags"])

    def _put_blob(self, name: str, content: bytes) -> dict:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        place = self._send("POST", name, "/blobs/uploads/", b"").headers["Location"]
        path = place.removeprefix(f"http://{self.host}").removeprefix(f"/v2/{name}")
        kind = {"Content-Type": "application/octet-stream"}
        self._send("PUT", name, f"{path}&digest={digest}", content, kind)
        return {"digest": digest, "size": len(content)}

    def _send(self, method: str, name: str, path: str, body: bytes | None = None, headers=()):
        request = urllib.request.Request(
            f"http://{self.host}/v2/{name}{path}", body, dict(headers), method=method
        )
        if self.authorize:
            request.add_header("Authorization", self.authorize(name))
        return OPENER.open(request, timeout=60)


def missing_program() -> bool:
    """Tell whether this machine lacks the registry."""
    return shutil.which(PROGRAM) is None


@contextmanager
def registry(folder: Path) -> Iterator[RegistryServer]:
    """Run a registry that is open to all."""
    with _serving(folder, "") as host:
        yield RegistryServer(host)


@contextmanager
def registry_with_passwords(folder: Path) -> Iterator[RegistryServer]:
    """Run a registry that asks for user and password (a 'Basic' challenge)."""
    user, password = "deployer", secrets.token_urlsafe(16)
    (folder / "htpasswd").write_text(f"{user}:{_bcrypt(password)}\n")
    rule = f"auth: {{htpasswd: {{realm: test, path: {folder / 'htpasswd'}}}}}\n"
    with _serving(folder, rule) as host:
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        yield RegistryServer(host, user, password, lambda _: f"Basic {basic}")


@contextmanager
def registry_with_tokens(folder: Path) -> Iterator[RegistryServer]:
    """Run a registry that sends its clients for a token, as Gitea does (a 'Bearer' challenge)."""
    user, password = "deployer", secrets.token_urlsafe(16)
    signer = _TokenSigner(folder)
    with ExitStack() as stack:
        tokens = stack.enter_context(_token_server(signer, user, password))
        rule = (
            f"auth: {{token: {{realm: {tokens}/token, service: {SERVICE}, issuer: test, "
            f"rootcertbundle: {signer.certificate}}}}}\n"
        )
        host = stack.enter_context(_serving(folder, rule))
        yield RegistryServer(
            host, user, password, lambda name: f"Bearer {signer.token(name, ['pull', 'push'])}"
        )


@contextmanager
def _serving(folder: Path, rules: str) -> Iterator[str]:
    (port,) = free_ports(1)
    (folder / "config.yml").write_text(
        "version: 0.1\nlog: {level: error}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder / 'images'}}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}', secret: {secrets.token_hex(16)}}}\n{rules}"
    )
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM, "serve", folder / "config.yml"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            end = time.monotonic() + START_SECONDS
            while not listens(port):
                if time.monotonic() > end or process.poll() is not None:
                    raise TimeoutError(Path(log.name).read_text(errors="replace")[-2000:])
                time.sleep(0.05)
            yield f"127.0.0.1:{port}"
        finally:
            stop(process)


def _bcrypt(password: str) -> str:
    """Hash a password with the system's crypt(3); Python's own module for it is gone in 3.13."""
    crypt = ctypes.CDLL("libcrypt.so.1").crypt
    crypt.restype = ctypes.c_char_p
    salt = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz012345") for _ in range(22))
    return crypt(password.encode(), f"$2b$05${salt}".encode()).decode()


class _TokenSigner:
    """Signs tokens as the registry's specification of token authentication has them."""

    def __init__(self, folder: Path) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(name, name, self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(self._key, hashes.SHA256())
        )
        self.certificate = folder / "tokens.pem"
        self.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self._chain = base64.b64encode(
            certificate.public_bytes(serialization.Encoding.DER)
        ).decode()

    def token(self, name: str, actions: list[str]) -> str:
        """Return a token for actions on the images of a name."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        now = int(time.time())
        access = [{"type": "repository", "name": name, "actions": actions}]
        claims = {
            "iss": "test", "sub": "tester", "aud": SERVICE, "access": access,
            "iat": now, "nbf": now - 60, "exp": now + 600, "jti": secrets.token_hex(8),
        }  # fmt: skip
        header = {"typ": "JWT", "alg": "RS256", "x5c": [self._chain]}
        signed = ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64url(signature)}"


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@contextmanager
def _token_server(signer: _TokenSigner, user: str, password: str) -> Iterator[str]:
    wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != wanted:
                self.send_error(401)
                return
            _, name, actions = parse_qs(urlsplit(self.path).query)["scope"][0].split(":")
            body = json.dumps({"token": signer.token(name, actions.split(","))}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
