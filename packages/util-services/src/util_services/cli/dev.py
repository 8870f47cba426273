"""``data-services dev``: the Dagster UI on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=3000,
    show_default=True,
    help="The port to listen on; 0 for a free one.",
)
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The storage root of jobs on local files; default DATA_SERVICES_ROOT, else this folder.",
)
@click.option(
    "--module",
    default="data_services.repository",
    show_default=True,
    help="The Python module of the code location.",
)
@click.option("--json", "as_json", is_flag=True, help="Print where the UI is as one line of JSON.")
@click.option("--verbose", is_flag=True, help="Show all that Dagster logs, and tracebacks.")
def dev(
    *, host: str, port: int, root: Path | None, module: str, as_json: bool, verbose: bool
) -> None:
    """Serve the Dagster UI with all jobs, sensors and schedules until Ctrl-C.

    Runs of 'data-services run' appear in it too. Stopping it cancels the runs that it has under
    way. The UI asks for no password, so it listens on this machine alone unless --host says
    otherwise.

    Example: data-services dev --port 3000 --root .
    """
    from util_services import settings
    from util_services.dev.server import DevOptions, Ready, describe, serve

    def announce(ready: Ready) -> None:
        if as_json:
            click.echo(json.dumps(describe(ready), sort_keys=True))
        else:
            click.echo(
                f"The Dagster UI is at {ready.url} (home {ready.home}, storage root {ready.root}); "
                "Ctrl-C stops it."
            )

    folder = root.resolve() if root is not None else settings.root()
    serve(DevOptions(folder, host, port, module, verbose), announce)
