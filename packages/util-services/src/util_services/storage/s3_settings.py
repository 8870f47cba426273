"""The settings of a named S3 credential set, read from environment variables.

``<NAME>_S3_<SETTING>`` wins over ``S3_<SETTING>``; NAME is the upper-cased ``resource_name``.
"""

from __future__ import annotations

import math
import os
import re
import threading
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from util_services.errors import ConfigurationError
from util_services.settings import FALSE_WORDS, TRUE_WORDS

DEFAULT_REGION = "us-east-1"  # what S3-compatible servers without regions expect in a signature
DEFAULT_TIMEOUT_SECONDS = 30.0
CONNECTIONS = 16  # as many as threads may ask for at once
DEFAULT_ATTEMPTS = 3
MAX_ATTEMPTS = 10
KMS = "aws:kms"
ENCRYPTION = re.compile(r"AES256|aws:kms(:[A-Za-z0-9:/_.-]+)?")
MAX_SECRET_BYTES = 1024
SECRET = re.compile(rf"[!-~]{{1,{MAX_SECRET_BYTES}}}")
TELLING = ("ENDPOINT_URL", "ACCESS_KEY", "ACCESS_KEY_FILE", "BUCKET")
CHECKSUM_MODES = ("when_required", "when_supported")
MAKING = threading.Lock()  # a session is no two threads' at once; its clients are


@dataclass(frozen=True, slots=True)
class S3Settings:
    """Where an S3 store is, what it lets us touch, and the keys, which no text ever shows."""

    name: str = ""
    endpoint_url: str | None = None
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    region: str = DEFAULT_REGION
    path_style: bool = True
    bucket: str | None = None
    prefix: str = ""
    allowed_buckets: tuple[str, ...] = ()  # "bucket", or "bucket/prefix"
    ca_bundle: str | None = None
    checksums: str = "when_required"
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    encryption: str = ""  # "AES256", "aws:kms" or "aws:kms:<key id>"
    attempts: int = DEFAULT_ATTEMPTS

    @classmethod
    def from_environment(cls, resource_name: str = "") -> S3Settings:
        """Return the settings of the credential set ``resource_name``.

        Raises:
            ConfigurationError: naming the variable whose value is not of its kind.
        """
        read = _Reader(resource_name)
        return cls(
            name=resource_name,
            endpoint_url=read.text("ENDPOINT_URL"),
            access_key=read.secret("ACCESS_KEY"),
            secret_key=read.secret("SECRET_KEY"),
            region=read.text("REGION") or DEFAULT_REGION,
            path_style=read.flag("PATH_STYLE", default=True),
            bucket=read.text("BUCKET"),
            prefix=(read.text("PREFIX") or "").strip("/"),
            allowed_buckets=tuple(
                name.strip().strip("/")
                for name in (read.text("ALLOWED_BUCKETS") or "").split(",")
                if name.strip().strip("/")
            ),
            ca_bundle=read.file("CA_BUNDLE"),
            checksums=read.choice("CHECKSUMS", CHECKSUM_MODES),
            timeout_seconds=read.seconds("TIMEOUT_SECONDS", DEFAULT_TIMEOUT_SECONDS),
            encryption=read.encryption("SSE"),
            attempts=read.count("ATTEMPTS", DEFAULT_ATTEMPTS, MAX_ATTEMPTS),
        )

    @property
    def allowed(self) -> tuple[tuple[str, str], ...]:
        """The buckets that may be touched, each with the prefix that is not left there."""
        own = [(self.bucket, self.prefix)] if self.bucket else []
        others = (entry.partition("/") for entry in self.allowed_buckets)
        return (*own, *((bucket, prefix) for bucket, _, prefix in others))

    @property
    def encryption_arguments(self) -> dict[str, str]:
        """What asks for the server-side encryption when an object is made."""
        if not self.encryption:
            return {}
        if self.encryption.startswith(f"{KMS}:"):
            key = self.encryption.removeprefix(f"{KMS}:")
            return {"ServerSideEncryption": KMS, "SSEKMSKeyId": key}
        return {"ServerSideEncryption": self.encryption}

    def client(self) -> Any:
        """Return a boto3 client of these settings.

        Raises:
            ConfigurationError: if the credentials are missing or the endpoint is no URL.
        """
        return self._make("client")

    def boto3_resource(self) -> Any:
        """Return a boto3 resource of these settings.

        Raises:
            ConfigurationError: if the credentials are missing or the endpoint is no URL.
        """
        return self._make("resource")

    def _make(self, kind: Literal["client", "resource"]) -> Any:
        from botocore.config import Config

        if not (self.access_key and self.secret_key):
            choices = " or ".join(
                f"{prefix}ACCESS_KEY and {prefix}SECRET_KEY" for prefix in _prefixes(self.name)
            )
            raise ConfigurationError(
                f"There are no S3 credentials; set {choices}, or the same with _FILE behind each "
                "for files that hold them."
            )
        try:
            with MAKING:
                return getattr(_session(), kind)(
                    "s3",
                    endpoint_url=self.endpoint_url,
                    aws_access_key_id=self.access_key,
                    aws_secret_access_key=self.secret_key,
                    region_name=self.region,
                    verify=self.ca_bundle,
                    config=Config(
                        connect_timeout=min(self.timeout_seconds, 10.0),
                        read_timeout=self.timeout_seconds,
                        retries={"mode": "standard", "total_max_attempts": self.attempts},
                        max_pool_connections=CONNECTIONS,
                        s3={"addressing_style": "path" if self.path_style else "virtual"},
                        request_checksum_calculation=self.checksums,
                        response_checksum_validation=self.checksums,
                    ),
                )
        except ValueError:
            raise ConfigurationError(
                "The S3 endpoint is not a URL; correct S3_ENDPOINT_URL."
            ) from None
        except OSError:  # ssl.SSLError of a file without certificates is one
            raise ConfigurationError(
                "The CA bundle holds no certificates in PEM form; correct S3_CA_BUNDLE."
            ) from None


@cache
def _session() -> Any:
    """The session of this process; to read what it knows of S3 is most of making a client."""
    import boto3

    return boto3.session.Session()


def is_configured(name: str) -> bool:
    """Return whether the environment says anything of a credential set."""
    return any(
        os.environ.get(prefix + setting) for prefix in _prefixes(name) for setting in TELLING
    )


def _prefixes(name: str) -> tuple[str, ...]:
    """Return what the variables of a credential set begin with, the most specific first."""
    named = re.sub(r"\W", "_", name).upper()
    return (f"{named}_S3_", "S3_") if named else ("S3_",)


class _Reader:
    """Reads ``<NAME>_S3_<SETTING>``, then ``S3_<SETTING>``."""

    def __init__(self, name: str) -> None:
        self._prefixes = _prefixes(name)

    def text(self, setting: str) -> str | None:
        return os.environ.get(self._variable(setting)) or None

    def secret(self, setting: str) -> str | None:
        """Return a secret: the value of its variable, or of the file that ``…_FILE`` names."""
        for prefix in self._prefixes:
            variable = prefix + setting
            if value := os.environ.get(variable):
                return _one_word(value, variable)
            if file := os.environ.get(f"{variable}_FILE"):
                return _one_word(_content_of(file, f"{variable}_FILE"), f"{variable}_FILE")
        return None

    def flag(self, setting: str, *, default: bool) -> bool:
        value = self.text(setting)
        if value is None:
            return default
        word = value.strip().lower()
        if word not in TRUE_WORDS | FALSE_WORDS:
            raise self._wrong(setting, "'true' or 'false'")
        return word in TRUE_WORDS

    def choice(self, setting: str, choices: tuple[str, ...]) -> str:
        value = self.text(setting) or choices[0]
        if value not in choices:
            raise self._wrong(setting, " or ".join(f"'{choice}'" for choice in choices))
        return value

    def seconds(self, setting: str, default: float) -> float:
        try:
            value = float(self.text(setting) or default)
        except ValueError:
            value = 0.0
        if not (math.isfinite(value) and value > 0):
            raise self._wrong(setting, "a number of seconds above 0")
        return value

    def count(self, setting: str, default: int, most: int) -> int:
        value = self.text(setting) or str(default)
        if not (value.isascii() and value.isdigit() and 1 <= int(value) <= most):
            raise self._wrong(setting, f"a whole number from 1 to {most}")
        return int(value)

    def encryption(self, setting: str) -> str:
        value = self.text(setting) or "none"
        if value == "none":
            return ""
        if not ENCRYPTION.fullmatch(value):
            raise self._wrong(setting, "'none', 'AES256', 'aws:kms' or 'aws:kms:<key id>'")
        return value

    def file(self, setting: str) -> str | None:
        value = self.text(setting)
        if value is not None and not Path(value).is_file():
            raise self._wrong(setting, "the path of a file")
        return value

    def _variable(self, setting: str) -> str:
        """Return the variable that a setting is read from."""
        names = [prefix + setting for prefix in self._prefixes]
        return next((name for name in names if os.environ.get(name)), names[-1])

    def _wrong(self, setting: str, accepted: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self._variable(setting)} must be {accepted}; correct the variable."
        )


def _content_of(file: str, variable: str) -> str:
    try:
        with Path(file).open("rb") as opened:
            return opened.read(MAX_SECRET_BYTES + 1).decode("ascii", "replace")
    except OSError as error:
        raise ConfigurationError(
            f"{variable} names a file that cannot be read ({os.strerror(error.errno or 0)}); "
            "correct the variable, or mount the secret there."
        ) from None


def _one_word(value: str, variable: str) -> str:
    """Return a secret without the line end that files and careless variables have behind it."""
    word = value.strip()
    if not SECRET.fullmatch(word):
        raise ConfigurationError(
            f"{variable} must hold one word of printable ASCII characters; correct it."
        )
    return word
