"""The Dagster objects of the plugin."""

import dagster as dg
from pydantic import Field


class CountWordsConfig(dg.Config):
    text: str = Field(default="three small words", description="The text to count words in.")


@dg.op
def count_words(config: CountWordsConfig) -> int:
    """Count the words of a text."""
    return len(config.text.split())


@dg.job
def count_words_job():
    """Count the words of a text."""
    count_words()


@dg.sensor(job=count_words_job, description="Launches a count for each tick.")
def new_text_sensor():
    """Launch a count for each tick."""
    return dg.RunRequest(run_key="once")
