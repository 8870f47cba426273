"""``data-services keys``: make, look after, back up and destroy keysets."""

from __future__ import annotations

import click

from util_services.cli.keys.backups import backup, recovery_key, restore
from util_services.cli.keys.life import create, destroy, disable, enable, rotate
from util_services.cli.keys.views import export, list_keysets, show


@click.group(
    commands=[
        backup,
        create,
        destroy,
        disable,
        enable,
        export,
        list_keysets,
        recovery_key,
        restore,
        rotate,
        show,
    ],
    no_args_is_help=True,
)
def keys() -> None:
    """Make, look after, back up and destroy keysets.

    They are kept by the provider that DATA_SERVICES_KEY_PROVIDER names. No command shows a key.
    Exit status: 0 done; 1 started and failed; 2 refused, and nothing was changed.

    Example: data-services keys create demo
    """
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold keys
