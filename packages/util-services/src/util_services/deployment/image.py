"""The names of images: ``HOST/OWNER/NAME:TAG``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from util_services.errors import ConfigurationError, quoted_name

# As the OCI distribution specification has them.
HOST = re.compile(r"(?:localhost|[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+|[a-zA-Z0-9-]+(?=:))(?::[0-9]+)?")
NAME_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
NAME = re.compile(rf"{NAME_PART}(?:/{NAME_PART})*")
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
MOVING_TAG = "latest"


@dataclass(frozen=True, slots=True)
class Image:
    """An image in a registry."""

    host: str
    name: str
    tag: str

    def __str__(self) -> str:
        return f"{self.host}/{self.name}:{self.tag}"

    @classmethod
    def of(cls, repository: str, tag: str) -> Self:
        """Return the image of a repository ``HOST/OWNER/NAME`` and a tag.

        Raises:
            ConfigurationError: if one of the two is none, or the tag is one that moves.
        """
        host, _, name = repository.partition("/")
        if not HOST.fullmatch(host) or not NAME.fullmatch(name):
            raise ConfigurationError(
                f"The image repository {quoted_name(repository)} must be of the form "
                "HOST/OWNER/NAME, in lower case and without a tag; correct it."
            )
        return cls(host, name, checked_tag(tag))


def tag_of(reference: str) -> str | None:
    """Return the tag in the reference of an image, None where it has none."""
    last = reference.partition("@")[0].rpartition("/")[2]
    return last.partition(":")[2] or None


def checked_tag(tag: str) -> str:
    """Return a tag if it is one, and names one image for ever.

    Raises:
        ConfigurationError: if it does not.
    """
    if checked_form(tag) == MOVING_TAG:
        raise ConfigurationError(
            f"The tag '{MOVING_TAG}' names another image tomorrow; name the commit or the version."
        )
    return tag


def checked_form(tag: str) -> str:
    """Return a tag if it is written as one.

    Raises:
        ConfigurationError: if it is not.
    """
    if not TAG.fullmatch(tag):
        raise ConfigurationError(
            f"{quoted_name(tag)} is no tag of an image; name the commit or the version."
        )
    return tag


def tag_for(commit: str | None, tag: str | None) -> str | None:
    """Return the tag that an image of a commit has, None where neither is given.

    Args:
        commit: in full.
        tag: where it is not the commit itself, but a version or a commit with plugins.

    Raises:
        ConfigurationError: if one of them is none, or the tag begins with another commit.
    """
    if commit is not None:
        checked_commit(commit)
    if tag is None:
        return commit
    named = COMMIT.match(checked_tag(tag))
    if commit is not None and named is not None and named[0] != commit:
        raise ConfigurationError(
            f"The tag {quoted_name(tag)} is not of the commit {commit}; name those of one image."
        )
    return tag


def checked_commit(commit: str) -> str:
    """Return a commit if it is one in full.

    Raises:
        ConfigurationError: if it is not.
    """
    if not COMMIT.fullmatch(commit):
        raise ConfigurationError(
            f"{quoted_name(commit)} is no commit in full; name it as 'git rev-parse HEAD' does."
        )
    return commit
