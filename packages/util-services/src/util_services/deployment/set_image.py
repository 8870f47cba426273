"""Set the tag of an image in a manifest on a git remote, or set it back to the one before."""

from __future__ import annotations

import random
import time
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from util_services.deployment.branch import Branch, MovedError, PushError, checked_path, copied
from util_services.deployment.image import COMMIT, Image
from util_services.deployment.manifest import value_at, with_value
from util_services.deployment.registry import Registry, StoredImage
from util_services.errors import ConfigurationError, RefusedError, printable, quoted_name

if TYPE_CHECKING:
    from collections.abc import Callable

ATTEMPTS = 20  # to push while others push to the same branch
PAUSE_SECONDS = 1.0  # at most, before the next attempt, so that they do not meet again
REPOSITORY = "repository"  # the key beside that of the tag, as in every Helm chart


@dataclass(frozen=True, slots=True)
class Manifest:
    """Where the tag of an image is written.

    Args:
        remote: the address of a git remote.
        branch: the branch that the platform is deployed from.
        file: a YAML file, by its path in the repository.
        key: the key of the tag; beside it stands ``repository``.
    """

    remote: str
    branch: str
    file: str
    key: str


@dataclass(frozen=True, slots=True)
class ImageChange:
    """What became of a manifest."""

    image: str
    digest: str
    revision: str | None  # the commit that it was built from, as it says itself
    before: str  # the tag that was there
    commit: str  # of the manifest, with the tag in it
    is_changed: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the change as a JSON object."""
        return {"schema": 1, **asdict(self)}


@dataclass(frozen=True, slots=True)
class NamedImage:
    """What a manifest names."""

    repository: str
    tag: str  # empty where nothing was deployed yet
    commit: str  # of the manifest

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {"schema": 1, **asdict(self)}


def named_image(manifest: Manifest) -> NamedImage:
    """Return what a manifest names now.

    Raises:
        RefusedError: if it cannot be read.
    """
    file = checked_path(manifest.file)
    with copied(manifest.remote, manifest.branch) as branch:
        text = branch.read(file)
        tag = value_at(text, manifest.key)
        return NamedImage(_repository(text, manifest.key), tag, branch.head)


def set_image(manifest: Manifest, tag: str, present: str | None = None) -> ImageChange:
    """Make a manifest name a tag, by one commit that changes nothing else.

    A manifest that names it already is left as it is. A command that is killed leaves the old
    manifest or the new one, and running it again finishes.

    Args:
        manifest: where the tag is written.
        tag: the tag.
        present: the tag that it may replace, empty where none may be there; None means any.

    Raises:
        RefusedError: if the registry has no such image, or one of another commit, or the manifest
            cannot be read or names another tag than the one that may be replaced.
        PushError: if the remote does not take the commit.
    """

    def choose(branch: Branch) -> str:
        now = value_at(branch.read(manifest.file), manifest.key)
        if present not in {None, now} and now != tag:
            raise RefusedError(
                f"The manifest names the tag {quoted_name(now)} and not {quoted_name(present)}; "
                "somebody else has deployed meanwhile, so look at it again."
            )
        return tag

    return _change(manifest, choose, "deploy {name} {tag}")


def roll_back(manifest: Manifest, present: str | None = None) -> ImageChange:
    """Make a manifest name the tag that the present one has replaced; otherwise as `set_image`.

    Where the present tag stood there before, the one before its first time is meant, so that
    rolling back twice leads further back and never forward again.

    Args:
        manifest: where the tag is written.
        present: the tag to roll back from; where the manifest names another one it is left as it
            is, so that a command that was killed may be run again.
    """

    def choose(branch: Branch) -> str:
        now = value_at(branch.read(manifest.file), manifest.key)
        return now if present not in {None, now} else _tag_before(branch, manifest)

    return _change(manifest, choose, "roll {name} back to {tag}")


def _change(manifest: Manifest, choose: Callable[[Branch], str], message: str) -> ImageChange:
    file = checked_path(manifest.file)
    for _ in range(ATTEMPTS):
        with copied(manifest.remote, manifest.branch) as branch:
            text = branch.read(file)
            before = value_at(text, manifest.key)
            image = Image.of(_repository(text, manifest.key), choose(branch))
            stored = _stored(image)
            if image.tag == before:
                return _told(image, stored, before, branch.head, is_changed=False)
            subject = message.format(name=image.name.rpartition("/")[2], tag=image.tag)
            told = f"Image: {image}\nImage-Digest: {stored.digest}\nTag-Before: {printable(before)}"
            changed = with_value(text, manifest.key, image.tag)
            try:
                commit = branch.publish(file, changed, f"{subject}\n\n{told}\n")
            except MovedError:
                time.sleep(random.uniform(0, PAUSE_SECONDS))  # noqa: S311 - nobody has to guess it
                continue
            return _told(image, stored, before, commit, is_changed=True)
    raise PushError(
        f"The branch {quoted_name(manifest.branch)} was changed by others {ATTEMPTS} times in "
        "between; run this again."
    )


def _told(
    image: Image, stored: StoredImage, before: str, commit: str, *, is_changed: bool
) -> ImageChange:
    return ImageChange(
        str(image), stored.digest, stored.revision, before, commit, is_changed=is_changed
    )


def _stored(image: Image) -> StoredImage:
    """Return what the registry has, if it is what the tag says."""
    stored = Registry(image.host).find(image)
    named = COMMIT.match(image.tag)
    if named and stored.revision != named[0]:
        raise RefusedError(
            f"The image {image} was not built from the commit in its tag, but from "
            f"{stored.revision or 'none that it names'}; push the right image."
        )
    return stored


def _repository(text: str, key: str) -> str:
    parent, _, _ = key.rpartition(".")
    if not parent:
        raise ConfigurationError(
            f"'--key {key}' must lead to the tag of an image, such as 'image.tag'."
        )
    return value_at(text, f"{parent}.{REPOSITORY}")


def _tag_before(branch: Branch, manifest: Manifest) -> str:
    tags = []
    for text in branch.past(manifest.file):
        try:
            tag = value_at(text, manifest.key)
        except ConfigurationError:  # the manifest had another form then
            break
        if not tag:  # nothing had been deployed yet
            break
        tags.append(tag)
    past = [tag for tag, _ in groupby(reversed(tags))]
    first = past.index(past[-1]) if past else 0
    if first == 0:
        raise ConfigurationError(
            f"{quoted_name(manifest.file)} has named no other image before; name a tag with "
            "'set-image --tag'."
        )
    return past[first - 1]
