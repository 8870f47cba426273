#!/usr/bin/env python3
"""Protects a branch in Gitea: one approval by another person, green checks, no direct pushes.

    GITEA_TOKEN=… .gitea/scripts/protect.py --url https://git.example.org --repo clinic/tools

It may be run again: what is as it should be is left alone. The token needs the scope
`write:repository` and stays in the environment.
"""

from __future__ import annotations

import argparse
import http.client
import ipaddress
import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urlsplit

from workspace import DeliveryError

TIMEOUT_SECONDS = 30
NOT_FOUND = 404
# https://docs.gitea.com/api, `CreateBranchProtectionOption`
RULES: dict[str, Any] = {
    "enable_push": False,  # nothing goes to the branch but by pull request
    "unprotected_file_patterns": "",  # and no file around it
    "required_approvals": 1,
    "block_on_rejected_reviews": True,
    "block_on_official_review_requests": True,
    "block_on_outdated_branch": True,
    "dismiss_stale_approvals": True,
    "enable_status_check": True,
    "block_admin_merge_override": True,  # since Gitea 1.23; without it administrators need nothing
}


def main() -> int:
    """Bring the protection of a branch into the form that is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True, help="where Gitea is")
    parser.add_argument("--repo", required=True, help="OWNER/NAME")
    parser.add_argument("--branch", default="main")
    parser.add_argument(
        "--check",
        action="append",
        metavar="PATTERN",
        help="a status check that must be green; default 'pull request / *'",
    )
    parser.add_argument("--dry-run", action="store_true", help="tell what would change")
    given = parser.parse_args()
    try:
        changes = protect(given)
    except DeliveryError as error:
        print(f"protect: {error}", file=sys.stderr)
        return 1
    verb = "would change" if given.dry_run else "changed"
    for name, (before, after) in changes.items():
        print(f"{verb} {name}: {json.dumps(before)} -> {json.dumps(after)}")
    if not changes:
        print(f"{given.branch} of {given.repo} is protected as it should be")
    return 0


def protect(given: argparse.Namespace) -> dict[str, tuple[Any, Any]]:
    """Return what differs from the wanted rules, and change it unless this is a dry run.

    Raises:
        DeliveryError: if Gitea is out of reach, refuses, or does not do what it was asked to.
    """
    owner, slash, name = given.repo.partition("/")
    if not (owner and slash and name) or "/" in name:
        raise DeliveryError(f"'{given.repo}' is no repository; name it as OWNER/NAME.")
    gitea = Gitea(given.url)
    repository = f"/repos/{quote(owner, safe='')}/{quote(name, safe='')}"
    rules = f"{repository}/branch_protections"
    rule = f"{rules}/{quote(given.branch, safe='')}"
    present = gitea.find(rule)
    if present is None and gitea.find(repository) is None:
        raise DeliveryError(
            f"Gitea shows no repository {given.repo}; check its name and the token."
        )
    wanted = RULES | {"status_check_contexts": given.check or ["pull request / *"]}
    if present is not None:
        wanted = {key: value for key, value in wanted.items() if key in present}
    changes = _differences(wanted, present or {})
    if changes and not given.dry_run:
        if present is None:
            gitea.call("POST", rules, {"rule_name": given.branch, **wanted})
        else:
            gitea.call("PATCH", rule, wanted)
        present = gitea.find(rule) or {}
        known = {key: value for key, value in wanted.items() if key in present}
        if not known or (left := _differences(known, present)):
            told = ", ".join(left) if known else "any rule"
            raise DeliveryError(f"Gitea took the request, but did not change {told}.")
    _warn_of_unknown(present, given.branch)
    return changes


def _differences(wanted: dict[str, Any], found: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {
        key: (found.get(key), value) for key, value in wanted.items() if found.get(key) != value
    }


def _warn_of_unknown(present: dict[str, Any] | None, branch: str) -> None:
    """Tell which rules an old Gitea does not know, and so does not keep."""
    if present is not None and (unknown := sorted(RULES.keys() - present.keys())):
        print(
            f"protect: this Gitea does not know {', '.join(unknown)}; {branch} is protected "
            "without, until it is a newer one.",
            file=sys.stderr,
        )


class Gitea:
    """A client of Gitea's API, which shows its token to that host alone and never in the open."""

    def __init__(self, url: str) -> None:
        token = os.environ.get("GITEA_TOKEN")
        if not token:
            raise DeliveryError("Set GITEA_TOKEN to a token with the scope write:repository.")
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
        except ValueError:
            host = ""
        if not host or parts.scheme not in {"http", "https"} or "@" in parts.netloc:
            raise DeliveryError("--url must be of the form https://HOST, without credentials.")
        if parts.scheme == "http" and not _is_loopback(host):
            raise DeliveryError("The token would travel in the open; name Gitea by https.")
        self._url, self._token = url.rstrip("/"), token

    def find(self, path: str) -> dict[str, Any] | None:
        """Return an object, None where there is none."""
        return self.call("GET", path)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the object with which Gitea answers; None for what does not exist."""
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
            f"{self._url}/api/v1{path}",
            json.dumps(body).encode() if body is not None else None,
            {"Content-Type": "application/json"},
            method=method,
        )
        request.add_unredirected_header("Authorization", f"token {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                found = json.loads(answer.read())
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == NOT_FOUND and method == "GET":
                return None
            raise DeliveryError(f"Gitea answered {error.code} to {method} {path}.") from None
        except (OSError, http.client.HTTPException) as error:
            cause = getattr(error, "reason", error)
            kind = cause if isinstance(cause, str) else type(cause).__name__
            raise DeliveryError(f"Gitea is out of reach: {kind}.") from None
        except (RecursionError, ValueError):
            found = None
        if not isinstance(found, dict):
            raise DeliveryError("What answers is no Gitea; check --url.")
        return found


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


if __name__ == "__main__":
    sys.exit(main())
