"""What workspaces can use of a machine; ``data-services doctor`` tells."""

from __future__ import annotations

from util_services.health.equipment import program


def git() -> str:
    """Look for the program git."""
    return program("git", "records of workspaces in git, and sharing them", "install git")


def rclone() -> str:
    """Look for the program rclone."""
    return program(
        "rclone", "remotes 'rclone:REMOTE:PATH' of workspaces", "install it from rclone.org"
    )
