"""Steps are tried on the columns of a dataset, without rows, once in a process."""

import pyarrow as pa
import pytest

from data_processing.steps.plan import plan
from data_processing.steps.recipe import Recipe
from util_services.engines.local import LocalEngine
from util_services.errors import ConfigurationError

SCHEMA = pa.schema([("id", pa.int64()), ("city", pa.string()), ("income", pa.float64())])
STEPS = [
    {"step": "normalise_text", "columns": ["city"]},
    {"step": "remove_duplicates"},
    {"step": "fill_missing_values", "columns": {"income": {"strategy": "median"}}},
]


class Watched(LocalEngine):
    """An engine that notes what it computes."""

    def _run(self, work):
        self.computed = getattr(self, "computed", 0) + 1
        return super()._run(work)


@pytest.fixture
def engine(tmp_path, clean_environment):
    with Watched(tmp_path) as engine:
        yield engine


def computed(engine, steps, schema):
    before = getattr(engine, "computed", 0)
    found = plan(Recipe.of(steps), schema, engine=engine)
    return getattr(engine, "computed", 0) - before, found.schema


def test_a_step_is_tried_again_only_with_other_options_or_columns(engine):
    schema = SCHEMA.append(pa.field("only in this test", pa.int64()))
    times, made = computed(engine, STEPS, schema)
    assert times > 0

    assert computed(engine, STEPS, schema) == (0, made)
    other = [*STEPS[:1], {"step": "remove_duplicates", "subset": ["id"]}, *STEPS[2:]]
    assert computed(engine, other, schema)[0] > 0
    assert computed(engine, STEPS, schema.set(0, pa.field("id", pa.string())))[0] > 0


def test_columns_are_told_as_they_are_after_each_of_two_recipes(engine):
    halves = [
        {"step": "fill_missing_values", "columns": {"id": {"strategy": strategy}}}
        for strategy in ("mean", "constant")
    ]
    halves[1]["columns"]["id"]["value"] = 0

    for _ in range(2):
        assert computed(engine, halves[:1], SCHEMA)[1].field("id").type == pa.float64()
        assert computed(engine, halves[1:], SCHEMA)[1].field("id").type == pa.int64()


def test_a_step_that_cannot_work_on_columns_is_refused_each_time(engine):
    steps = [{"step": "normalise_text", "columns": ["income"]}]

    for _ in range(2):
        with pytest.raises(ConfigurationError) as refused:
            plan(Recipe.of(steps), SCHEMA, engine=engine)
        assert "The column 'income' holds double, not texts" in str(refused.value)
