"""Run checks one after the other, whatever they find; each becomes a row of the result."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from util_services.errors import ConfigurationError, DataServicesError, quoted_name
from util_services.plugins.manager import PLUGIN_ERRORS, plugin_manager

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dagster import DagsterInstance

    from util_services.plugins.records import Registered

HEALTH_SCHEMA = 1
DEFAULT_JOB = "remove_duplicates_job"
DEFAULT_RESOURCE = "selfS3"

Status = Literal["ok", "failed", "skipped"]


class UnhealthyError(DataServicesError, RuntimeError):
    """Raised by a check that finds something wrong; its text is the reason."""


class NotApplicableError(DataServicesError):
    """Raised by a check where there is nothing to check; its text says why."""


@dataclass(frozen=True, slots=True)
class HealthContext:
    """What a check is told.

    Args:
        run_id: a new id; whatever a check writes lies below ``_test_runs/<run id>/`` and goes.
        job: the job on local files of which a slice is run.
        s3_resource_name: the credential set of the S3 store.
        instance: the Dagster instance, None where it cannot be opened.
        instance_error: the sentence that says why.
    """

    run_id: str
    job: str = DEFAULT_JOB
    s3_resource_name: str = DEFAULT_RESOURCE
    instance: DagsterInstance | None = None
    instance_error: str | None = None


Check = Callable[[HealthContext], str]
Look = Callable[[], str]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found."""

    name: str
    status: Status
    reason: str  # a sentence
    seconds: float
    source: str  # the distribution that brought the check

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Health:
    """What all checks found."""

    checks: tuple[CheckResult, ...]

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that found something wrong."""
        return tuple(result for result in self.checks if result.status == "failed")

    @property
    def is_ok(self) -> bool:
        """Whether no check found anything wrong."""
        return not self.failed

    def sentence(self) -> str:
        """Return the outcome: of what is wrong, all names and the first reason."""
        if self.is_ok:
            return f"All {len(self.checks)} health checks passed or did not apply."
        first, *others = self.failed
        names = "".join(f", {quoted_name(result.name)}" for result in others)
        reason = first.reason.rstrip(".")
        return (
            f"{len(self.failed)} of {len(self.checks)} health checks failed: "
            f"{quoted_name(first.name)} ({reason}){names}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the results as plain data."""
        return {
            "schema": HEALTH_SCHEMA,
            "ok": self.is_ok,
            "checks": [result.to_dict() for result in self.checks],
        }


def check_health(context: HealthContext, names: Sequence[str] = ()) -> Health:
    """Run the checks of these names, all where none is named, in the order of their packages.

    Raises:
        ConfigurationError: if there is no check of a name.
    """
    known = plugin_manager().named("register_health_checks")
    _refuse_unknown(names, known)
    chosen = [check for name, check in known.items() if not names or name in names]
    return Health(
        tuple(_result(check, lambda one=check.value: one(context)) for check in chosen)  # type: ignore[misc]
    )


def look_around() -> tuple[CheckResult, ...]:
    """Return what this machine has and lacks; what is absent is 'skipped', with how to get it."""
    looks = plugin_manager().named("register_equipment").values()
    return tuple(_result(look, look.value) for look in looks)


def _refuse_unknown(names: Sequence[str], known: Mapping[str, Registered]) -> None:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean '{near[0]}'" if near else f"known are {', '.join(known)}"
            raise ConfigurationError(f"There is no health check {quoted_name(name)}; {hint}.")


def _result(registered: Registered, look: Look) -> CheckResult:
    began = time.monotonic()
    status, reason = _outcome(look)
    seconds = round(time.monotonic() - began, 3)
    return CheckResult(registered.name, status, reason, seconds, registered.plugin.distribution)


def _outcome(look: Look) -> tuple[Status, str]:
    try:
        return "ok", _told(look())
    except NotApplicableError as error:
        return "skipped", str(error)
    except DataServicesError as error:
        return "failed", str(error)
    except PLUGIN_ERRORS as error:  # whatever it is, its text stays here
        return "failed", f"The check stopped on an unexpected {type(error).__name__}."


def _told(reason: Any) -> str:
    if not isinstance(reason, str):
        raise UnhealthyError(f"The check returned {type(reason).__name__} instead of a sentence.")
    return reason
