"""The job that shows in Dagster's UI which package brings what, and which was left out and why."""

import dagster as dg

from util_services.location import build_location
from util_services.plugins.records import PluginReport

PLUGIN_COLUMNS = ("distribution", "version", "commit", "hooks", "jobs")
FAILURE_COLUMNS = ("distribution", "version", "stage", "reason")


@dg.op(out=dg.Out(dg.Nothing))
def plugin_report(context: dg.OpExecutionContext) -> None:
    """Show the plugins of this code location as tables in the metadata of the op's output."""
    report = build_location(strict=False).report
    context.log.info(f"plugins loaded: {len(report.plugins)}, left out: {len(report.failures)}")
    context.add_output_metadata(
        {
            "plugins": dg.MetadataValue.md(plugins_as_markdown(report)),
            "failures": dg.MetadataValue.md(failures_as_markdown(report)),
            "left_out_by_choice": [str(plugin) for plugin in report.blocked],
        }
    )


@dg.job
def plugin_report_job() -> None:
    """Show which packages bring jobs to this code location, and which were left out and why."""
    plugin_report()


def plugins_as_markdown(report: PluginReport) -> str:
    """Return a table of the loaded plugins."""
    return _table(
        PLUGIN_COLUMNS,
        [
            (
                entry.plugin.distribution,
                entry.plugin.version,
                (entry.commit or "unknown")[:12],
                ", ".join(f"{hook} ({count})" for hook, count in entry.hooks.items()),
                str(entry.jobs),
            )
            for entry in report.plugins
        ],
    )


def failures_as_markdown(report: PluginReport) -> str:
    """Return a table of the plugins that were left out, or a sentence that there are none."""
    if not report.failures:
        return "No plugin was left out."
    return _table(
        FAILURE_COLUMNS,
        [
            (failure.plugin.distribution, failure.plugin.version, failure.stage, failure.reason)
            for failure in report.failures
        ],
    )


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )
