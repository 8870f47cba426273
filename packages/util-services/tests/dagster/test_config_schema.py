"""Dagster's fields of a model admit what YAML makes of what a user writes."""

from typing import Literal

import dagster as dg
import pytest
from pydantic import BaseModel

from util_services.config_schema import fields_of


class Options(BaseModel):
    unmatched: Literal["keep", "null"] = "keep"
    case: Literal["lower", "upper"] = "lower"


@dg.op(config_schema=fields_of(Options))
def work(context):
    return context.op_config


@dg.job
def work_job():
    work()


def test_null_is_a_choice_with_and_without_quotes():
    for written in ("null", None):
        config = {"ops": {"work": {"config": {"unmatched": written}}}}

        filled = dg.validate_run_config(work_job, config)

        assert filled["ops"]["work"]["config"] == {"unmatched": written, "case": "lower"}


def test_a_choice_without_null_wants_a_word():
    with pytest.raises(dg.DagsterInvalidConfigError):
        dg.validate_run_config(work_job, {"ops": {"work": {"config": {"case": None}}}})
