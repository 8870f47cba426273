"""The magics of the kit for Jupyter: the workspace in cells, as text and as HTML."""

from __future__ import annotations

import argparse
import functools
import html
import os
import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.display import display

from util_services.errors import DataServicesError, printable
from workspace_core import api
from workspace_core.errors import ApiParamError
from workspace_core.kits.notebook import PATH_VARIABLE, notebook_path
from workspace_core.results.comparison import shown_value
from workspace_core.results.table import legend, table
from workspace_core.workspace import enclosing_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pandas as pd

    from workspace_core.results.comparison import Comparison

SWITCH = "DWS_MAGIC_DISABLE"  # of the notebook: True lets the magics do nothing
TAIL = 10  # snapshots that --tail shows
WIDTH, HEIGHT = 780, 380  # pixels, of a graph
CELL = "padding:4px 10px;border:1px solid #d5d3d8;text-align:left;vertical-align:top"
LOADED = (
    "There are %dws_info, %dws_snapshot, %dws_history, %dws_lineage_table,\n"
    "%dws_lineage_graph and %dws_results; each tells its options with --help."
)


class Table:
    """A table in a cell; `to_frame` makes a data frame of it."""

    def __init__(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        self.columns, self.rows = tuple(columns), [tuple(row) for row in rows]

    def to_frame(self) -> pd.DataFrame:
        """Return the table as a frame, with the first column as its index."""
        import pandas as pd

        return pd.DataFrame(self.rows, columns=list(self.columns)).set_index(self.columns[0])

    def __repr__(self) -> str:
        texts = [self.columns, *([_text(one) for one in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        return "\n".join(
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
            for row in texts
        )

    def _repr_html_(self) -> str:
        head = "".join(f'<th style="{CELL}">{html.escape(one)}</th>' for one in self.columns)
        body = "".join(
            "<tr>"
            + "".join(f'<td style="{CELL}">{html.escape(_text(one))}</td>' for one in row)
            + "</tr>"
            for row in self.rows
        )
        return (
            '<table style="border-collapse:collapse;font-size:13px"><thead><tr>'
            f"{head}</tr></thead><tbody>{body}</tbody></table>"
        )


class HistoryTable(Table):
    """Snapshots and their metrics, in colours that say how good these are."""

    def __init__(self, comparison: Comparison, *, heatmap: bool) -> None:
        self.comparison, self._heatmap = comparison, heatmap
        super().__init__(
            ("snapshot", "timestamp", "hash", "tags", "message", *comparison.names),
            (
                (
                    one.number,
                    one.timestamp[:19],
                    one.hashval[:8],
                    ", ".join(one.tags),
                    one.message,
                    *(one.values.get(name) for name in comparison.names),
                )
                for one in comparison.entries
            ),
        )

    def _repr_html_(self) -> str:
        said = html.escape(legend(self.comparison, heatmap=self._heatmap))
        drawn = table(self.comparison, heatmap=self._heatmap)
        return f'{drawn}<p style="font-size:12px;color:#605d66">{said}</p>'


class _HelpShown(Exception):  # noqa: N818 - it is no error
    """Raised when somebody has asked for help, and got it."""


class _Options(argparse.ArgumentParser):
    """Options of a magic, which end no kernel."""

    def __init__(self, name: str, does: str) -> None:
        super().__init__(f"%{name}", description=does)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}; {self.prog} --help tells the options.")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:  # noqa: ARG002
        raise _HelpShown


def _magic(
    *options: tuple[tuple[str, ...], dict[str, Any]],
) -> Callable[[Callable[[DwsMagics, argparse.Namespace], Any]], Any]:
    """Let a method be a magic with options, whose errors are one sentence."""

    def decorate(method: Callable[[DwsMagics, argparse.Namespace], Any]) -> Any:
        does = (method.__doc__ or "").splitlines()[0]

        @functools.wraps(method)
        def run(self: DwsMagics, line: str) -> Any:
            if self.names.get(SWITCH):
                print(f"Magics are switched off; set {SWITCH} to False.")  # noqa: T201
                return None
            parser = _Options(method.__name__, does)
            for names, how in options:
                parser.add_argument(*names, **how)
            try:
                return method(self, parser.parse_args(_words(line)))
            except _HelpShown:
                return None
            except DataServicesError as error:
                raise UsageError(str(error)) from None

        return line_magic(run)

    return decorate


SNAPSHOT = (("--snapshot",), {"metavar": "TAG|HASH", "help": "by default as things are now"})
RESOURCE = (("--resource",), {"metavar": "NAME", "help": "by default all, or the first"})


@magics_class
class DwsMagics(Magics):
    """The magics."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        if (path := notebook_path()) is not None:
            shell.push({PATH_VARIABLE: path})
        self.names = shell.user_ns
        print(LOADED)  # noqa: T201 - cells are read

    @_magic()
    def dws_info(self, _options: argparse.Namespace) -> Table:
        """Tell of the workspace, the notebook and the resources."""
        workspace = _workspace()
        path = notebook_path()
        print(f"Workspace: {workspace}")  # noqa: T201
        print(f"Notebook:  {path or f'nobody tells; set {PATH_VARIABLE} to its file'}")  # noqa: T201
        return Table(
            ("Resource", "Role", "Type", "Local path"),
            (
                (one.name, one.role, one.resource_type, one.local_path or "")
                for one in api.get_resource_info(workspace)
            ),
        )

    @_magic(
        (("-m", "--message"), {"default": "", "help": "what is to be remembered of it"}),
        (("-t", "--tag"), {"help": "what it is to be called"}),
    )
    def dws_snapshot(self, options: argparse.Namespace) -> None:
        """Take a snapshot, with the notebook as it was saved last."""
        workspace = _workspace()
        hashval = api.take_snapshot(workspace, options.tag, options.message)
        taken = next(
            one
            for one in api.get_snapshot_history(workspace, reverse=True)
            if one.hashval == hashval
        )
        tag = f" ({options.tag})" if options.tag else ""
        print(f"Took the snapshot {taken.snapshot_number:03d} {hashval[:8]}{tag}.")  # noqa: T201

    @_magic(
        (("--max-count",), {"type": int, "metavar": "N", "help": "so many of the newest"}),
        (("--tail",), {"action": "store_true", "help": f"the newest {TAIL}, the newest first"}),
        (("--baseline",), {"metavar": "TAG|HASH", "help": "say what is better and worse than it"}),
        (("--heatmap",), {"action": "store_true", "help": "show by colours what is good"}),
        (("--maximize-metrics",), {"metavar": "A,B", "default": "", "help": "more is better"}),
        (("--minimize-metrics",), {"metavar": "A,B", "default": "", "help": "less is better"}),
    )
    def dws_history(self, options: argparse.Namespace) -> HistoryTable:
        """Show the snapshots and their metrics."""
        if options.heatmap and options.baseline is not None:
            raise ApiParamError("--heatmap and --baseline both colour numbers; give one of them.")
        if options.max_count is not None and options.max_count < 1:
            raise ApiParamError("--max-count is 1 or more.")
        found = api.compare_metrics(
            _workspace(),
            limit=options.max_count or (TAIL if options.tail else None),
            baseline=options.baseline,
            maximise=_names(options.maximize_metrics),
            minimise=_names(options.minimize_metrics),
            every=True,
        )
        if options.tail:
            found = found.reversed()
        return HistoryTable(found, heatmap=options.heatmap)

    @_magic(SNAPSHOT)
    def dws_lineage_table(self, options: argparse.Namespace) -> Table:
        """Show what steps have made, of what, and whether it is out of date."""
        rows = api.make_lineage_table(_workspace(), options.snapshot)
        return Table(
            ("Resource", "Lineage type", "Details", "Inputs"),
            ((ref, kind, details, ", ".join(inputs)) for ref, kind, details, inputs in rows),
        )

    @_magic(RESOURCE, SNAPSHOT)
    def dws_lineage_graph(self, options: argparse.Namespace) -> None:
        """Draw which data, code and runs made what is there."""
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "lineage.html")
            api.make_lineage_graph(
                file,
                _workspace(),
                options.resource,
                options.snapshot,
                width=WIDTH,
                height=HEIGHT,
            )
            with open(file, encoding="utf-8") as written:
                page = written.read()
        frame = (
            f'<iframe title="Lineage" width="100%" height="{HEIGHT + 160}" style="border:0" '
            f'sandbox="allow-scripts" srcdoc="{html.escape(page)}"></iframe>'
        )
        both = {"text/html": frame, "text/plain": "<the lineage, as a graph>"}
        display(both, raw=True)  # type: ignore[no-untyped-call]  # IPython has no type for it

    @_magic(RESOURCE, SNAPSHOT)
    def dws_results(self, options: argparse.Namespace) -> Table | None:
        """Show results: those of now or of a snapshot, by default the newest that has some."""
        workspace = _workspace()
        found = api.get_results(workspace, options.snapshot, options.resource)
        if found is None and options.snapshot is None:
            for one in api.get_snapshot_history(workspace, reverse=True):
                if (found := api.get_results(workspace, one.hashval, options.resource)) is not None:
                    break
        if found is None:
            print("There are no results.")  # noqa: T201
            return None
        content, place = found
        print(place)  # noqa: T201
        return Table(("Property", "Value"), _properties(content))


def _workspace() -> str:
    """Return the folder of the nearest workspace from here upwards."""
    return str(enclosing_workspace(Path.cwd()))


def _properties(record: dict[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _properties(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:  # quotes that do not match
        raise ApiParamError(f"The options cannot be read: {error}.") from error


def _names(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _text(value: Any) -> str:
    return printable(
        shown_value(value) if isinstance(value, float) or value is None else str(value)
    )
