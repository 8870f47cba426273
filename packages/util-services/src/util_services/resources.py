"""The resource ``s3`` of the platform's guide, and the local storage that stands in for it."""

from functools import partial
from typing import Any

import dagster as dg
from pydantic import Field, PrivateAttr

from util_services.storage import LocalStorage, S3Handle, S3Settings

STORAGE_KEY = "s3"  # the key that the platform's guide gives to the storage of a job
CREDENTIAL_SET = (
    "The credential set: NAME reads <NAME>_S3_ENDPOINT_URL, <NAME>_S3_ACCESS_KEY and so on from "
    "the environment, each falling back to S3_…"
)


@dg.resource(
    config_schema={
        "resource_name": dg.Field(str, default_value="", description=CREDENTIAL_SET),
    },
    description="Datasets in an S3 bucket; settings and credentials come from the environment.",
)
def s3_resource(context: dg.InitResourceContext) -> S3Handle:
    """Return the storage of a credential set; nothing is read or contacted before use."""
    config: dict[str, Any] = context.resource_config
    return _storage_of(config["resource_name"])


class S3StorageResource(dg.ConfigurableResource[S3Handle]):
    """Datasets in an S3 bucket; settings and credentials come from the environment.

    The credential set that code names here is not changed by run config, as with
    ``s3_resource.configured``; ``S3StorageResource.configure_at_launch()`` leaves it open.
    """

    resource_name: str = Field(default="", description=CREDENTIAL_SET)
    _definition: dg.ResourceDefinition | None = PrivateAttr(default=None)

    def create_resource(self, context: dg.InitResourceContext) -> S3Handle:  # noqa: ARG002 - Dagster's
        """Return the storage of the credential set; nothing is read or contacted before use."""
        return _storage_of(self.resource_name)

    def get_resource_definition(  # type: ignore[override] # Dagster needs nothing of the subclass
        self,
    ) -> dg.ResourceDefinition:
        """Return the definition for Dagster, always the same; its run config has no say."""
        if self._definition is None:
            fixed = {"resource_name": self.resource_name}
            self._definition = super().get_resource_definition().configured(fixed)
        return self._definition


def _storage_of(resource_name: str) -> S3Handle:
    settings = partial(S3Settings.from_environment, resource_name)
    return S3Handle(settings, _kinds_of_plugins)


@dg.resource(description="Datasets below DATA_SERVICES_ROOT, or the current directory.")
def local_storage_resource(_: dg.InitResourceContext) -> LocalStorage:
    """Return the local storage that the environment describes."""
    return local_storage()


def local_storage() -> LocalStorage:
    """Return the local storage that the environment describes, with the addresses of plugins."""
    return LocalStorage.from_environment(_kinds_of_plugins)


def _kinds_of_plugins() -> dict[str, Any]:
    from util_services.plugins import plugin_manager

    return {name: one.value for name, one in plugin_manager().named("register_storages").items()}
