"""The ops of the template job: a pattern to copy for one's own."""

import dagster as dg
from pydantic import Field


class FetchDataConfig(dg.Config):
    """What to fetch."""

    rows: int = Field(default=5, ge=1, description="How many numbers to make.")


@dg.op
def fetch_data(config: FetchDataConfig) -> list[int]:
    """Make the square numbers from 1 on."""
    return [number**2 for number in range(1, config.rows + 1)]


@dg.op
def process_data(context: dg.OpExecutionContext, numbers: list[int]) -> dict[str, int]:
    """Summarise numbers by their count, minimum and maximum."""
    summary = {"count": len(numbers), "min": min(numbers), "max": max(numbers)}
    context.add_output_metadata(summary)
    return summary
