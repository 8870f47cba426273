"""Checks of every outcome."""

from util_services.health.checks import HealthContext, NotApplicableError, UnhealthyError


def model_loaded(context: HealthContext) -> str:
    """Say that all is well."""
    return f"The model is loaded for {context.job}."


def licence_valid(context: HealthContext) -> str:
    """Find something wrong."""
    raise UnhealthyError("The licence has ended; renew it.")


def quota_left(context: HealthContext) -> str:
    """Find nothing to check."""
    raise NotApplicableError("No quota is configured.")


def of_a_defect(context: HealthContext) -> str:
    """Raise an error whose text quotes what it stumbled over."""
    raise KeyError("canary@example.org")


def silent(context: HealthContext) -> None:
    """Return no sentence."""


def leaving(context: HealthContext) -> str:
    """Try to end the interpreter."""
    raise SystemExit
