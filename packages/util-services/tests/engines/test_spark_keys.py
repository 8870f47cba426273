"""Functions with keys on their way to Spark's workers: what can be seen of them, and by whom."""

import pickle

import pandas as pd
import pyarrow as pa
import pytest
from key_forms import shows

from util_services.encryption.secret import SecretHandlingError
from util_services.engines.choice import open_engine
from util_services.engines.failures import EngineError, EngineResourceError
from util_services.engines.spark_keys import HandedOver, handed_over
from util_services.keys import Keyset

pytest.importorskip("pyspark")


def keys_in(keyset):
    return [material.reveal() for material in keyset.materials.values()]


def using(keyset):
    def function(text):
        return keyset.primary.subkey("study", text).reveal()

    return function


@pytest.fixture
def keyset():
    return Keyset.generate("clinic")


def test_a_function_does_the_same_where_it_is_opened(tmp_path, keyset):
    function = using(keyset)

    with handed_over(function, tmp_path) as sealed:
        there = pickle.loads(pickle.dumps(sealed))  # noqa: S301 - of this test
        assert there("hash") == function("hash")


def test_neither_the_file_nor_what_travels_shows_a_key(tmp_path, keyset):
    from pyspark import cloudpickle

    plain = pickle.dumps(keys_in(keyset))
    assert shows(plain, keys_in(keyset))  # it would be found

    with handed_over(using(keyset), tmp_path) as sealed:
        sealed("hash")
        (file,) = tmp_path.iterdir()
        assert not shows(file.read_bytes(), keys_in(keyset))
        assert file.stat().st_mode & 0o777 == 0o600
        assert not shows(cloudpickle.dumps(sealed), keys_in(keyset))
        assert repr(sealed) == "HandedOver(…)"


def test_nothing_can_be_opened_once_the_work_is_done(tmp_path, keyset):
    with handed_over(using(keyset), tmp_path) as sealed:
        pass

    assert list(tmp_path.iterdir()) == []
    with pytest.raises(EngineResourceError, match="cannot reach the staging"):
        sealed("hash")


def test_the_file_goes_where_the_work_fails(tmp_path, keyset):
    with pytest.raises(ZeroDivisionError), handed_over(using(keyset), tmp_path):
        raise ZeroDivisionError

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", ["file", "key"])
def test_what_was_changed_is_not_opened(tmp_path, keyset, change):
    with handed_over(using(keyset), tmp_path) as sealed:
        _, (file, key) = sealed.__reduce__()
        (path,) = tmp_path.iterdir()
        if change == "file":
            path.write_bytes(path.read_bytes()[:-1] + b"\0")
        else:
            key = bytes(len(key))

        with pytest.raises(SecretHandlingError):
            HandedOver(file, key)("hash")


@pytest.mark.parametrize("kind", ["local", "spark"])
def test_an_engine_hands_keys_to_functions_that_say_so_alone(
    request, tmp_path, stage, keyset, kind
):
    request.getfixturevalue(kind)
    dataset = stage(pa.table({"text": [f"t{n}" for n in range(5)]}))

    def keyed(batch):
        tokens = [keyset.primary.subkey("study", text).reveal().hex() for text in batch["text"]]
        return pd.DataFrame({"text": pd.array(tokens, dtype=pd.ArrowDtype(pa.string()))})

    with open_engine(tmp_path) as engine:
        rows = engine.scan(dataset)
        schema = engine.arrow_schema(rows)
        done = engine.rows(engine.map_batches(rows, keyed, schema, is_secret=True))
        assert list(tmp_path.glob("*.sealed")) == []
        if kind == "spark":
            with pytest.raises(EngineError) as refused:
                engine.map_batches(rows, keyed, schema)
            assert not shows(str(refused.value).encode(), keys_in(keyset))

    expected = [keyset.primary.subkey("study", f"t{n}").reveal().hex() for n in range(5)]
    assert [row["text"] for row in done] == expected
