"""What a cleaning step is: one function, from which its options, checks, jobs and pages come.

    @step
    def shout(frame: pd.DataFrame, *, columns: Columns) -> pd.DataFrame:
        return frame.assign(**{name: frame[name].str.upper() for name in columns})

A step of this form is a *map*: it gets some rows and returns as many, in the same order. Other
kinds are declared: ``step(choose=True)`` returns which rows stay, ``step(fit=…)`` gets a state that
was worked out over all rows, ``step(table=True)`` gets all rows at once, and ``step(plan=True)``
returns such parts itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from data_processing.steps.parameters import options_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pydantic import BaseModel

    from util_services.engines import stages

Kind = Literal["map", "choose", "fit", "table", "plan"]
Function = Callable[..., Any]


class Step:
    """A declared step; `step` makes one.

    Attributes:
        name: its name in recipes, jobs, commands and the documentation.
        description: what it does, in words.
        kind: how it works on rows.
        options: the model of its options.
    """

    def __init__(
        self,
        function: Function,
        kind: Kind,
        *,
        fit: Function | None = None,
        writes: str | None = None,
        reads: str | None = None,
    ) -> None:
        self.name = function.__name__
        self.description = inspect.getdoc(function) or ""
        self.kind: Kind = kind
        self.function, self.fit = function, fit
        self.writes, self.reads = writes, reads
        self.options: type[BaseModel] = options_of(function, self.name)
        self.__doc__, self.__module__ = self.description, function.__module__

    def __call__(self, frame: pd.DataFrame, **options: Any) -> pd.DataFrame:
        """Return what the step makes of a frame, as a recipe of this step alone does.

        Raises:
            ConfigurationError: if an option is unknown or out of its range.
        """
        from data_processing.api import clean

        cleaned: pd.DataFrame = clean(frame, [{"step": self.name, **options}])[0]
        return cleaned

    def build(self, options: BaseModel, schema: pa.Schema) -> Sequence[stages.Step]:
        """Return the parts of the step for a dataset of these columns."""
        from data_processing.steps import build

        return build.build(self, options, schema)


@overload
def step(function: Function, /) -> Step: ...
@overload
def step(
    *,
    choose: bool = False,
    fit: Function | None = None,
    table: bool = False,
    plan: bool = False,
    writes: str | None = None,
    reads: str | None = None,
) -> Callable[[Function], Step]: ...
def step(
    function: Function | None = None,
    /,
    *,
    choose: bool = False,
    fit: Function | None = None,
    table: bool = False,
    plan: bool = False,
    writes: str | None = None,
    reads: str | None = None,
) -> Step | Callable[[Function], Step]:
    """Declare a function as a step; its keyword-only parameters are the step's options.

    Args:
        function: gets a frame of some rows and returns as many.
        choose: the function returns one truth value for each row: whether it stays.
        fit: reduces all rows to a state, which the function gets as its second argument. It gets
            the options and narwhals expressions for the columns that they name, by these names, and
            returns expressions that reduce a column to one value, by names for the state.
        table: the function gets all rows (`stages.Rows`) and returns `stages.Tabled`.
        plan: the function gets the Arrow schema and returns the parts of the step.
        writes: the option whose columns are all that the step changes; a step that may change any
            column cannot share a pass with a later fit.
        reads: the option whose columns are all that the step looks at beside those; a step that may
            look at any column is given all of them in each pass, which takes longer.
    """
    kinds = {"choose": choose, "fit": fit is not None, "table": table, "plan": plan}
    chosen: list[Any] = [kind for kind, is_chosen in kinds.items() if is_chosen] or ["map"]
    if len(chosen) > 1:
        raise TypeError(f"A step is of one kind, not {' and '.join(chosen)} at once.")

    def declare(function: Function) -> Step:
        return Step(function, chosen[0], fit=fit, writes=writes, reads=reads)

    return declare if function is None else declare(function)
