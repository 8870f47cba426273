"""What ops find under the key ``s3``: the storage of datasets, and boto3's way to its objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from util_services.errors import quoted_name
from util_services.storage.s3 import S3Storage
from util_services.storage.s3_allowed import confined

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from util_services.storage.s3_settings import S3Settings


class S3Handle(S3Storage):
    """A storage that also answers as a boto3 resource does, for ops of one's own.

    ``Object``, ``Bucket`` and ``meta`` are those of boto3, and ``client`` is a boto3 client. Both
    refuse what lies outside the allow-list of the credential set. A boto3 resource is no thread's
    but the one that uses it; threads share ``client``.

    Args:
        settings: as for `S3Storage`.
        kinds: as for `S3Storage`.
    """

    def __init__(
        self,
        settings: S3Settings | Callable[[], S3Settings],
        kinds: Callable[[], Collection[str]] = tuple,
    ) -> None:
        super().__init__(settings, kinds=kinds)
        self._resource: Any = None

    def __getattr__(self, name: str) -> NoReturn:
        """Say what is offered of boto3 to whoever asks for more of it."""
        raise AttributeError(
            f"The resource 's3' does not offer {quoted_name(name)}; of boto3 it has 'Object', "
            "'Bucket', 'meta' and 'client'. Use a client of your own for more than objects.",
            name=name,
            obj=self,
        )

    @property
    def meta(self) -> Any:
        """The boto3 resource's ``meta``, whose ``client`` is confined like all others here."""
        return self._boto3.meta

    def Object(self, bucket_name: str, key: str) -> Any:  # noqa: N802 - boto3's name
        """Return the boto3 object of this bucket and key."""
        return self._boto3.Object(bucket_name, key)

    def Bucket(self, name: str) -> Any:  # noqa: N802 - boto3's name
        """Return the boto3 bucket of this name."""
        return self._boto3.Bucket(name)

    @property
    def _boto3(self) -> Any:
        with self._lock:  # making one is not safe in two threads at once
            if self._resource is None:
                made = self.settings.boto3_resource()
                confined(made.meta.client, self.settings)
                self._resource = made
            return self._resource
