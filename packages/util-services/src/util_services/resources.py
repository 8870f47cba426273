"""The resource ``s3`` of the platform's guide, and the local storage that stands in for it."""

from functools import partial
from typing import Any

import dagster as dg

from util_services.storage import LocalStorage, S3Settings, S3Storage

STORAGE_KEY = "s3"  # the key that the platform's guide gives to the storage of a job


@dg.resource(
    config_schema={
        "resource_name": dg.Field(
            str,
            default_value="",
            description=(
                "The credential set: NAME reads <NAME>_S3_ENDPOINT_URL, <NAME>_S3_ACCESS_KEY and "
                "so on from the environment, each falling back to S3_…"
            ),
        )
    },
    description="Datasets in an S3 bucket; settings and credentials come from the environment.",
)
def s3_resource(context: dg.InitResourceContext) -> S3Storage:
    """Return the storage of a credential set; nothing is read or contacted before use."""
    config: dict[str, Any] = context.resource_config
    return S3Storage(partial(S3Settings.from_environment, config["resource_name"]))


@dg.resource(description="Datasets below DATA_SERVICES_ROOT, or the current directory.")
def local_storage_resource(_: dg.InitResourceContext) -> LocalStorage:
    """Return the local storage that the environment describes."""
    return LocalStorage.from_environment()
