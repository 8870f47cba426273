import json

import pandas as pd
import pytest

from util_services.runs.failure import unexpected


@pytest.mark.parametrize("stumble", [lambda: json.loads("x"), lambda: pd.Series([1])["absent"]])
def test_an_unexpected_error_is_placed_in_the_code_that_called_a_library(stumble):
    with pytest.raises((ValueError, KeyError)) as raised:
        stumble()

    line = stumble.__code__.co_firstlineno
    assert unexpected(raised.value).startswith(
        f"The step stopped on an unexpected {raised.type.__name__} in test_failure.py, line {line};"
    )


def test_an_unexpected_error_inside_a_library_alone_is_placed_there():
    with pytest.raises(ValueError, match="Expecting") as raised:
        json.loads("x")
    error = raised.value.with_traceback(raised.value.__traceback__.tb_next)

    assert " in decoder.py, line " in unexpected(error)
