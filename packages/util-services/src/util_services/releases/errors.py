"""What is wrong with a release, its policy or its signature."""

from util_services.errors import ConfigurationError, DataServicesError


class ReleasePolicyError(ConfigurationError):
    """Raised for a release policy that cannot be used, or that nobody who is trusted has signed."""


class SigningError(ConfigurationError):
    """Raised where this deployment has no key to sign releases with."""


class EnvelopeError(DataServicesError, ValueError):
    """Raised for what is no signed envelope."""


class UnsoundReleaseError(DataServicesError, ValueError):
    """Raised for what is no release, or one that nobody who is trusted has signed."""


class RegisterError(DataServicesError):
    """Raised where the register of releases is broken or out of reach, or forbids a release."""


class UnknownReleaseError(ConfigurationError, KeyError):
    """Raised for a release that the register does not know, or not by that name alone."""

    def __str__(self) -> str:
        """Return the sentence, without the quotes of a KeyError."""
        return str(self.args[0])


class UnreachableReleaseError(DataServicesError, OSError):
    """Raised where the very bytes of an earlier release are nowhere to be read."""


class WithdrawnReleaseError(ConfigurationError):
    """Raised for work on a release that is to be used no more."""
