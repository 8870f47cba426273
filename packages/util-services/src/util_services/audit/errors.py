"""The errors of the audit."""

from __future__ import annotations

from util_services.errors import DataServicesError, RefusedError


class AuditError(RefusedError):
    """Raised when the audit cannot be used; work that cannot be recorded does not begin."""


class BrokenAuditError(DataServicesError):
    """Raised when the audit was found to be broken; names the first broken link."""
