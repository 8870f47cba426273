"""The entry point for Dagster: the definitions of all installed plugin packages as one.

Whatever is to be offered here comes in through a plugin, one's own jobs included (see `plugin`).
"""

from util_services.lasting import keep_for_good
from util_services.location import build_definitions
from util_services.location.published_datasets import with_published_datasets

defs = with_published_datasets(build_definitions())
keep_for_good()
