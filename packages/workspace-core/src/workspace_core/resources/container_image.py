"""Code as a container image: a tag that moves, and the digest that it led to in a snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from util_services.deployment.image import HOST, NAME, TAG, Image
from util_services.deployment.registry import DIGEST, Registry, RegistryError
from util_services.errors import ConfigurationError as WrongSettingError
from workspace_core.errors import ConfigurationError, shown
from workspace_core.parameters import BOOLEAN, Parameter, ParameterType
from workspace_core.resources.errors import OutOfReachError
from workspace_core.resources.pointed import READS, PointedResource, state_file
from workspace_core.store.identity import parse_id
from workspace_core.workspace import ResourceRoles

if TYPE_CHECKING:
    from workspace_core.store.session import Session
    from workspace_core.workspace import JSONDict

RESOURCE_TYPE = "container-image"
STATE = "digest"
HEX_DIGITS = {"sha256": 64, "sha512": 128}


@dataclass(frozen=True, slots=True)
class Reference:
    """What an image is called: ``HOST/NAME:TAG``, ``HOST/NAME@DIGEST``, or both."""

    host: str
    name: str
    tag: str
    digest: str

    @classmethod
    def of(cls, text: str) -> Reference:
        """Return the reference that a text is.

        Raises:
            ValueError: if it is none; says of which form one is.
        """
        place, _, digest = text.partition("@")
        host, _, rest = place.partition("/")
        name, _, tag = rest.partition(":")
        found = DIGEST.fullmatch(digest)
        if (
            not HOST.fullmatch(host)
            or not NAME.fullmatch(name)
            or not (tag or digest)
            or (tag and not TAG.fullmatch(tag))
            or (digest and (not found or len(found["value"]) != HEX_DIGITS[found["algorithm"]]))
        ):
            raise ValueError("it is of the form HOST/NAME:TAG or HOST/NAME@sha256:DIGEST")
        return cls(host, name, tag, digest)

    def at(self, digest: str) -> str:
        """Return the reference by which an image is pulled, whatever becomes of the tag."""
        return f"{self.host}/{self.name}@{digest}"


def _reference(value: Any) -> str:
    Reference.of(str(value))
    return str(value)


REFERENCE = Parameter(
    "reference",
    ParameterType("image", _reference),
    default=None,
    is_global=True,
    help="The image: HOST/NAME:TAG, or HOST/NAME@sha256:DIGEST.",
)
CREDENTIALS = Parameter(
    "credentials",
    BOOLEAN,
    default=False,
    is_global=False,
    help="Whether the registry gets DATA_SERVICES_REGISTRY_USER and _PASSWORD of this machine.",
)


class ContainerImageResource(PointedResource):
    """Code that is an image in a registry."""

    parameters: ClassVar[tuple[Parameter, ...]] = (READS, REFERENCE, CREDENTIALS)
    positional: ClassVar[tuple[str, ...]] = ("reference",)

    reference: str
    credentials: bool
    _seen: str = ""  # the digest that the snapshot keeps

    @classmethod
    def as_recorded(cls, values: JSONDict, name: str, workspace: Any) -> JSONDict:  # noqa: ARG003 - the same for all
        """Return parameters; whoever names a registry trusts it with credentials."""
        return {CREDENTIALS.name: True, **values}

    @classmethod
    def suggested_name(cls, *args: Any) -> str:
        """Return the last part of the image's name."""
        try:
            return Reference.of(str(args[0])).name.rpartition("/")[2]
        except ValueError as error:
            raise ConfigurationError(f"{shown(str(args[0])[:200])} is no image: {error}.") from None

    def check_new(self) -> None:
        """Refuse another role than code, and an image that the registry does not have."""
        if self.role != ResourceRoles.CODE:
            raise ConfigurationError(
                f"A container image is code, and cannot have the role '{self.role}'; use --role "
                "code."
            )
        self.state()

    @property
    def named(self) -> Reference:
        """What the image is called."""
        return Reference.of(self.reference)

    def state(self) -> dict[str, bytes]:
        """Return the digest that the reference leads to now; one with a digest is never asked for.

        Raises:
            OutOfReachError: if the registry does not tell.
        """
        self._seen = self.named.digest or self._resolved()
        return {STATE: self._seen.encode()}

    def digest(self) -> str:
        """Return the digest that is read: that of the present, or the one that was restored."""
        if self.is_live:
            return self.named.digest or self._resolved()
        with self.workspace.store_session() as session:
            return self._kept(session, parse_id(self.reads))

    def snapshot_facts(self) -> JSONDict:
        """Return the image as it is pulled, for people."""
        return {"image": self.named.at(self._seen or self.digest())}

    def present_note(self) -> str:
        """Tell if the tag has moved on from what is read."""
        if self.is_live or self.named.digest:
            return ""
        try:
            now = self._resolved()
        except OutOfReachError as error:
            return str(error)
        if now == self.digest():
            return ""
        return (
            f"The tag '{self.named.tag}' leads to {now} now; 'dws config --resource {self.name} "
            "reads live' follows it."
        )

    def restore_note(self, restore_hashval: str) -> str:
        """Say which image it is, and that nothing is downloaded."""
        with self.workspace.store_session() as session:
            digest = self._kept(session, parse_id(restore_hashval))
        return f"The image is {self.named.at(digest)}; nothing is downloaded."

    def _kept(self, session: Session, tree: bytes) -> str:
        found = (state_file(session, tree, STATE) or b"").decode(errors="replace")
        if not DIGEST.fullmatch(found):
            raise OutOfReachError(self.name, "The snapshot names no digest; choose another one.")
        return found

    def _resolved(self) -> str:
        named = self.named
        try:
            registry = Registry(named.host, is_anonymous=not self.credentials)
            return registry.find(Image(named.host, named.name, named.tag)).digest
        except (RegistryError, WrongSettingError) as error:
            more = (
                ""
                if self.credentials
                else f" It gets no credentials of this machine; let it have them with 'dws config "
                f"--resource {self.name} credentials true'."
            )
            raise OutOfReachError(self.name, f"{error}{more}") from None
