"""What a file of a partitioned job says: a job, a scheme, and where each partition lies.

    description: Clean the visits of each day.
    job: remove_duplicates
    partitions: {scheme: daily, start: 2026-01-01}
    ops:
      read_dataset: {path: "in/visits/{partition}.csv"}
      remove_duplicates: {subset: [visit_id]}
      write_dataset: {path: "out/visits/{partition}.parquet"}
    watch: {storage: s3}

The file's name is the job's. ``ops`` is the run config of a partition; ``{partition}`` in it stands
for the partition.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from util_services.errors import ConfigurationError, quoted_name
from util_services.partitions.scheme import KEY_FORMS, KINDS, Scheme
from util_services.partitions.template import DATE_PART, DATE_PARTS, PathTemplate, forms_of
from util_services.runs.op_names import READ_OP, REPORT_OP, WRITE_OP
from util_services.storage.patterns import ANY
from util_services.yaml_file import YamlFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

KEYS = ("description", "job", "partitions", "ops", "watch", "packages")
SCHEME_KEYS = ("scheme", "start", "timezone")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
STORAGES = ("local", "s3")
NUMBERS = ("stable_seconds", "minimum_interval_seconds", "most_runs")
WATCH_KEYS = ("storage", "running", *NUMBERS, "ignore", "include_outputs")


class PartitionsError(ConfigurationError):
    """Raised for what is wrong with such a file; it begins with the file and the line."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What looks for new objects: of which storage, whether from the start, and how."""

    storage: Literal["local", "s3"]
    running: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)  # of `new_object_sensor`


@dataclass(frozen=True, slots=True)
class PartitionsFile:
    """A partitioned job as its file describes it."""

    description: str
    job: str
    scheme: Scheme
    ops: Mapping[str, Mapping[str, Any]]
    watch: Watch | None
    packages: tuple[str, ...]  # distributions without which it is not there
    yaml: YamlFile = field(repr=False)

    @classmethod
    def read(cls, file: Traversable) -> PartitionsFile:
        """Read a file.

        Raises:
            PartitionsError: for the first thing that is wrong with it.
        """
        yaml = YamlFile.read(file, "partitioned job", "daily_visits.yaml", PartitionsError)
        content = yaml.value
        if not isinstance(content, dict):
            raise yaml.error(
                (),
                "a partitioned job is a mapping of 'description', 'job', 'partitions' and 'ops'.",
            )
        yaml.refuse_unknown(content, KEYS)
        description, job = yaml.described("partitioned job"), content.get("job")
        if not isinstance(job, str) or not job:
            raise yaml.error(("job",), "name under 'job' what is run for each partition.")
        packages = content.get("packages", [])
        if not isinstance(packages, list) or not all(isinstance(name, str) for name in packages):
            raise yaml.error(("packages",), "'packages' must be a list of distributions.")
        scheme = _scheme(yaml, content.get("partitions"))
        ops = _ops(yaml, content.get("ops"), scheme)
        watch = _watch(yaml, content["watch"], ops) if "watch" in content else None
        return cls(description, job, scheme, ops, watch, tuple(packages), yaml)

    @property
    def name(self) -> str:
        """The name of the job, without ``_job``."""
        return self.yaml.name

    @property
    def source(self) -> PathTemplate:
        """Where partitions are read."""
        return PathTemplate(self.ops[READ_OP]["path"], self.scheme)


def _scheme(yaml: YamlFile, content: Any) -> Scheme:
    place = ("partitions",)
    if not isinstance(content, dict):
        raise yaml.error(
            place, "'partitions' must be a mapping such as {scheme: daily, start: 2026-01-01}."
        )
    yaml.refuse_unknown(content, SCHEME_KEYS, place)
    kind = content.get("scheme")
    if kind not in KINDS:
        raise yaml.error((*place, "scheme"), f"'scheme' must be one of {', '.join(KINDS)}.")
    if kind == "prefix":
        for key in ("start", "timezone"):
            if key in content:
                raise yaml.error((*place, key), f"a prefix has no '{key}'; leave it out.")
        return Scheme(kind)
    timezone = content.get("timezone", "UTC")
    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError, TypeError, OSError):
        raise yaml.error(
            (*place, "timezone"), "'timezone' must be the name of a zone, such as Europe/Madrid."
        ) from None
    return Scheme(kind, _day(yaml, content.get("start")), timezone)


def _day(yaml: YamlFile, given: Any) -> date:
    try:
        if isinstance(given, str) and DAY.fullmatch(given):
            return date.fromisoformat(given)
    except ValueError:
        pass
    raise yaml.error(("partitions", "start"), "'start' must be a day, such as 2026-01-01.")


def _ops(yaml: YamlFile, content: Any, scheme: Scheme) -> dict[str, dict[str, Any]]:
    """Return the config of each op, whose paths differ from partition to partition."""
    if not isinstance(content, dict):
        raise yaml.error(("ops",), "'ops' must be a mapping of the names of ops and their configs.")
    for name, config in content.items():
        if not isinstance(config, dict) or not all(isinstance(key, str) for key in config):
            raise yaml.error(("ops", str(name)), "the config of an op must be a mapping of keys.")
        for path, text in _texts(config):
            for form in forms_of(text):
                _refuse_form(yaml, ("ops", str(name), *path), form, scheme)
    ops = {str(name): dict(config) for name, config in content.items()}
    last = REPORT_OP if REPORT_OP in ops else WRITE_OP
    for op in (READ_OP, last):
        named = ops.get(op, {}).get("path")
        if not isinstance(named, str) or not forms_of(named):
            raise yaml.error(
                ("ops", op, "path"),
                f"'{op}' must have a 'path' with {{partition}} in it, or all partitions would "
                "have the same.",
            )
    return ops


def _refuse_form(
    yaml: YamlFile, place: tuple[str | int, ...], form: str | None, scheme: Scheme
) -> None:
    """Refuse a form of a partition that does not tell it from all others."""
    if form is None:
        return
    if not scheme.has_dates:
        raise yaml.error(place, "a prefix has no date; write {partition} alone.")
    parts = {part for part in DATE_PART.split(form) if part.startswith("%")}
    wanted = set(DATE_PART.findall(KEY_FORMS[scheme.kind]))
    if not wanted <= parts <= set(DATE_PARTS):
        raise yaml.error(
            place,
            f"{quoted_name('{partition:' + form + '}')} must hold {', '.join(sorted(wanted))}, and "
            f"nothing with '%' besides {', '.join(DATE_PARTS)}.",
        )


def _texts(value: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield the texts in a config, each with the path to it."""
    if isinstance(value, str):
        yield (), value
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for key, one in inner:
        for path, text in _texts(one):
            yield (key, *path), text


def _watch(yaml: YamlFile, content: Any, ops: Mapping[str, Mapping[str, Any]]) -> Watch:
    place = ("watch",)
    if not isinstance(content, dict):
        raise yaml.error(place, "'watch' must be a mapping such as {storage: s3}.")
    yaml.refuse_unknown(content, WATCH_KEYS, place)
    if content.get("storage") not in STORAGES:
        raise yaml.error((*place, "storage"), "'storage' must be 'local' or 's3'.")
    for key in ("running", "include_outputs"):
        if not isinstance(content.get(key, False), bool):
            raise yaml.error((*place, key), f"'{key}' must be true or false.")
    for key in NUMBERS:
        if key in content:
            _refuse_number(yaml, key, content[key])
    ignore = content.get("ignore", [])
    if not isinstance(ignore, list) or not all(isinstance(one, str) for one in ignore):
        raise yaml.error((*place, "ignore"), "'ignore' must be a list of patterns.")
    if ANY in ops[READ_OP]["path"]:
        raise yaml.error(
            ("ops", READ_OP, "path"),
            "a path with '*' cannot be watched; end it in '/' for all objects in a folder.",
        )
    options = {k: v for k, v in content.items() if k not in ("storage", "running")}
    return Watch(content["storage"], content.get("running", False), options)


def _refuse_number(yaml: YamlFile, key: str, value: Any) -> None:
    kinds = (int, float) if key == "stable_seconds" else (int,)
    least = 0 if key == "stable_seconds" else 1
    if isinstance(value, bool) or not isinstance(value, kinds) or not value >= least:
        what = "number" if key == "stable_seconds" else "whole number"
        raise yaml.error(("watch", key), f"'{key}' must be a {what} of at least {least}.")
