#!/usr/bin/env python3
"""Protects a branch in Gitea: one approval by another person, green checks, no direct pushes.

    GITEA_TOKEN=… .gitea/scripts/protect.py --url https://git.example.org --repo clinic/tools

It may be run again: what is as it should be is left alone. The token needs the scope
`write:repository` and stays in the environment.
"""

from __future__ import annotations

import argparse
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
    "required_approvals": 1,
    "block_on_rejected_reviews": True,
    "block_on_official_review_requests": True,
    "block_on_outdated_branch": True,
    "dismiss_stale_approvals": True,
    "enable_status_check": True,
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
        DeliveryError: if Gitea is out of reach or refuses.
    """
    owner, slash, name = given.repo.partition("/")
    if not (owner and slash and name) or "/" in name:
        raise DeliveryError(f"'{given.repo}' is no repository; name it as OWNER/NAME.")
    checks = given.check or ["pull request / *"]
    wanted = RULES | {"status_check_contexts": checks}
    rules = f"/repos/{quote(owner, safe='')}/{quote(name, safe='')}/branch_protections"
    rule = f"{rules}/{quote(given.branch, safe='')}"
    present = _call(given.url, "GET", rule)
    found = present or {}
    changes = {
        key: (found.get(key), value) for key, value in wanted.items() if found.get(key) != value
    }
    if changes and not given.dry_run:
        if present is None:
            _call(given.url, "POST", rules, {"rule_name": given.branch, **wanted})
        else:
            _call(given.url, "PATCH", rule, wanted)
    return changes


def _call(url: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Return what Gitea's API answers; None for what does not exist."""
    token = os.environ.get("GITEA_TOKEN")
    if not token:
        raise DeliveryError("Set GITEA_TOKEN to a token with the scope write:repository.")
    if urlsplit(url).scheme not in {"http", "https"}:
        raise DeliveryError("--url must begin with http:// or https://.")
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
        f"{url.rstrip('/')}/api/v1{path}",
        json.dumps(body).encode() if body is not None else None,
        {"Authorization": f"token {token}", "Content-Type": "application/json"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == NOT_FOUND and method == "GET":
            return None
        raise DeliveryError(f"Gitea answered {error.code} to {method} {path}.") from None
    except (OSError, ValueError) as error:
        cause = getattr(error, "reason", error)
        raise DeliveryError(f"Gitea is out of reach: {type(cause).__name__}.") from None


if __name__ == "__main__":
    sys.exit(main())
