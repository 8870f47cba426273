"""``data-services approve``: let a second person sign what a run may do, and say who may sign."""

from __future__ import annotations

import click

from util_services.cli.approve.identities import identity
from util_services.cli.approve.tokens import new, show, verify
from util_services.cli.approve.trusted import trust


@click.group(commands=[identity, new, show, trust, verify], no_args_is_help=True)
def approve() -> None:
    """Sign approvals, look at them, and register who may sign them.

    Exit status: 0 done; 1 the approval is refused; 2 nothing was checked or signed.

    Example: data-services approve show approval.token
    """
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold keys
