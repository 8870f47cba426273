"""The sections that plugins add to the report of a run."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from util_services.plugins.manager import PLUGIN_ERRORS, plugin_manager
from util_services.reports.section import Section, only
from util_services.reports.shown import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from util_services.plugins.records import Registered
    from util_services.reports.record import Report

log = logging.getLogger(__name__)


def sections_of_plugins(report: Report) -> Iterator[Section]:
    """Give what the functions of ``register_report_sections`` add to a report, in their order.

    The data are finished by then, so a function that fails does not take them down: its place is
    taken by a section with a warning, which says that something is missing.
    """
    for registered in plugin_manager().named("register_report_sections").values():
        try:
            yield from _made_by(registered, report)
        except PLUGIN_ERRORS as error:  # whatever it is, its text stays here
            kind = type(error).__name__
            log.warning("'%s' of %s raised %s.", registered.name, registered.plugin, kind)
            yield _missing(registered, kind)


def _made_by(registered: Registered, report: Report) -> list[Section]:
    made = only(Section, list(registered.value(report)), registered.name)
    return [replace(section, source=registered.plugin.distribution) for section in made]


def _missing(registered: Registered, kind: str) -> Section:
    return Section(
        title=words(registered.name),
        warnings=(
            f"This section is missing: '{registered.name}' of {registered.plugin} stopped on an "
            f"unexpected {kind}; report that to its maintainers.",
        ),
        source=registered.plugin.distribution,
    )
