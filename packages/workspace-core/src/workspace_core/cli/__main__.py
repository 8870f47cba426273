"""The program, as ``python -m workspace_core.cli``."""

from workspace_core.cli.main import main

main()
