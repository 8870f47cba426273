"""Values as bytes: one form for equal values, whatever holds them; part of the format.

| values | bytes |
|---|---|
| text | ``s`` and its UTF-8 |
| integer | ``i`` and its decimal digits |
| boolean | ``b`` and ``0`` or ``1`` |
| float | ``f`` and 8 bytes, IEEE 754 double, the most significant first; -0.0 as 0.0, one NaN |
| decimal | ``d`` and its digits, without zeros at the end of the fraction |
| date | ``D`` and the days since 1970-01-01 |
| moment without, with zone | ``t``, ``z`` and the microseconds since 1970-01-01 (of UTC), and behind a point the nanoseconds beyond them where there are any |
| time | ``T`` and the nanoseconds since midnight |
| binary | ``x`` and the bytes |

So ``"1"``, ``1``, ``1.0`` and ``True`` differ; the option ``as: text`` makes texts of all of them.
"""  # noqa: E501 - a table

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from field_pseudonymisation.errors import CellsError, PolicyError, TokenError
from field_pseudonymisation.flat import Flat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TO_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}
TO_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 1_000, "ns": 1}
UNREADABLE = "it holds another kind of value than its column held"


def is_text(kind: pa.DataType) -> bool:
    """Whether a type holds texts."""
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def plain(array: pa.Array) -> pa.Array:
    """Return an array without dictionary, chunks and views, in types that kernels know."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    return array.cast(plain_type(array.type))


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type that ``plain`` gives."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if is_text(kind):
        return pa.string() if not pa.types.is_large_string(kind) else pa.large_string()
    return kind


def tag_of(kind: pa.DataType) -> bytes:
    """Return the letter of a type.

    Raises:
        PolicyError: if its values have no form as bytes.
    """
    tests = (
        (is_text, b"s"),
        (pa.types.is_integer, b"i"),
        (pa.types.is_boolean, b"b"),
        (pa.types.is_floating, b"f"),
        (pa.types.is_decimal, b"d"),
        (pa.types.is_date, b"D"),
        (pa.types.is_timestamp, b"z" if getattr(kind, "tz", None) else b"t"),
        (pa.types.is_time, b"T"),
        (pa.types.is_binary, b"x"),
        (pa.types.is_large_binary, b"x"),
        (pa.types.is_fixed_size_binary, b"x"),
    )
    for test, tag in tests:
        if test(kind):
            return tag
    raise PolicyError(
        f"values of the type {kind} cannot be keyed; name the values inside them by a path "
        "('COLUMN -> $.PATH'), or cast the column first"
    )


def joined(kind: pa.DataType, *parts: Any, separator: str | bytes = "") -> pa.Array:
    """Return texts or bytes put together, missing where a part is."""
    typed = [p.cast(kind) if isinstance(p, pa.Array) else pa.scalar(p, kind) for p in parts]
    return pc.binary_join_element_wise(*typed, pa.scalar(separator, kind))


def encode(array: pa.Array, *, as_text: bool = False) -> pa.Array:
    """Return values as bytes (large binary), missing ones missing."""
    array = plain(array)
    if as_text and not is_text(array.type):
        array = _texts(array)
    tag = tag_of(array.type)
    body = _WRITERS[tag](array)
    return joined(pa.large_binary(), tag, body, separator=b"")


def decode(encoded: pa.Array, kind: pa.DataType, *, as_text: bool = False) -> pa.Array:
    """Return values of a type from their bytes.

    Raises:
        TokenError: with the positions of what are no such values.
    """
    kind = plain_type(kind)
    tag = b"s" if as_text else tag_of(kind)
    flat = Flat.of(encoded)
    starts = (np.cumsum(flat.lengths) - flat.lengths)[flat.present]
    rows = np.flatnonzero(flat.present)
    is_empty = flat.lengths[rows] == 0
    first = flat.data[np.minimum(starts, max(len(flat.data) - 1, 0))]
    other = is_empty | (first != tag[0])
    if other.any():
        raise TokenError("values", UNREADABLE, rows[other])
    keeps = np.ones(len(flat.data), bool)
    keeps[starts] = False
    left = Flat(flat.data[keeps], flat.lengths - flat.present, flat.present)
    body = left.to_binary()
    try:
        if as_text:
            return _values(body.cast(pa.large_string()), kind)
        return _READERS[tag](body, kind)
    except (pa.ArrowException, ValueError, ArithmeticError):
        raise TokenError("values", UNREADABLE, ()) from None


def _texts(array: pa.Array) -> pa.Array:
    """Return values as texts, from which `_values` returns them.

    Raises:
        CellsError: for bytes that are no texts.
    """
    try:
        return array.cast(pa.string())
    except pa.ArrowInvalid:
        raise CellsError(
            "values", "bytes that are no text in UTF-8", (), "leave out 'as: text'"
        ) from None


def _values(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    if not pa.types.is_time(kind):
        return texts.cast(kind)
    day = joined(texts.type, "1970-01-01 ", texts)  # times of texts Arrow reads as moments alone
    moments = day.cast(pa.timestamp(kind.unit))
    width = pa.int32() if pa.types.is_time32(kind) else pa.int64()
    return moments.cast(pa.int64()).cast(width).cast(kind)


def decode_each(encoded: Iterable[bytes | None]) -> list[Any]:
    """Return values from their bytes, each by its own letter, as JSON has them.

    Raises:
        TokenError: for one of a letter of which JSON has no values.
    """
    return [None if one is None else _decode_one(one) for one in encoded]


def _decode_one(encoded: bytes) -> Any:
    kinds: dict[bytes, pa.DataType] = {
        b"s": pa.string(),
        b"i": pa.int64(),
        b"b": pa.bool_(),
        b"f": pa.float64(),
    }
    kind = kinds.get(encoded[:1])
    if kind is None:
        raise TokenError("values", UNREADABLE, ())
    if encoded[:1] == b"i":
        return int(encoded[1:])
    return decode(pa.array([encoded], pa.large_binary()), kind)[0].as_py()


def _floats(array: pa.Array) -> pa.Array:
    present = array.is_valid()
    numbers = pc.fill_null(array.cast(pa.float64()), 0.0).to_numpy(zero_copy_only=False) + 0.0
    numbers = np.where(np.isnan(numbers), np.nan, numbers).astype(">f8")
    fixed = pa.Array.from_buffers(pa.binary(8), len(numbers), [None, pa.py_buffer(numbers)])
    return pc.if_else(present, fixed.cast(pa.large_binary()), pa.scalar(None, pa.large_binary()))


def _read_floats(body: pa.Array, kind: pa.DataType) -> pa.Array:
    filled = pc.fill_null(body, bytes(8)).cast(pa.binary(8))
    numbers = np.frombuffer(filled.buffers()[1], ">f8")[filled.offset :][: len(filled)]
    found = pa.array(numbers.astype("f8"), mask=body.is_null().to_numpy(zero_copy_only=False))
    return found.cast(kind, safe=False)


def _decimals(array: pa.Array) -> pa.Array:
    def form(value: Decimal) -> bytes:
        text = format(value, "f")
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        return b"0" if text in {"-0", ""} else text.encode()

    return pa.array([None if v is None else form(v) for v in array.to_pylist()], pa.large_binary())


def _read_decimals(body: pa.Array, kind: pa.DataType) -> pa.Array:
    values = [None if v is None else Decimal(v.decode()) for v in body.to_pylist()]
    return pa.array(values, kind)


def _moments(array: pa.Array) -> pa.Array:
    unit, numbers = array.type.unit, array.cast(pa.int64())
    if unit != "ns":
        try:
            scaled = pc.multiply_checked(numbers, pa.scalar(TO_MICROSECONDS[unit], pa.int64()))
        except pa.ArrowInvalid:
            raise CellsError("values", "a moment hundreds of thousands of years away", ()) from None
        return scaled.cast(pa.large_string())
    filled = pc.fill_null(numbers, 0).to_numpy(zero_copy_only=False)
    quotients, remainders = np.divmod(filled, 1000)  # towards the past, so that no sum overflows
    missing = numbers.is_null().to_numpy(zero_copy_only=False)
    whole = pa.array(quotients, mask=missing).cast(pa.large_string())
    rest = pa.array(remainders)
    digits = pc.utf8_lpad(rest.cast(pa.large_string()), 3, "0")
    fraction = joined(pa.large_string(), whole, digits, separator=".")
    return pc.if_else(pc.equal(rest, 0), whole, fraction)


def _read_moments(body: pa.Array, kind: pa.DataType) -> pa.Array:
    texts = body.cast(pa.large_string())
    parts = pc.extract_regex(texts, r"^(?P<whole>-?\d+)(?:\.(?P<rest>\d{3}))?$")
    whole = pc.struct_field(parts, "whole").cast(pa.int64())
    rest = pc.struct_field(parts, "rest")
    rest = pc.if_else(pc.equal(rest, ""), "0", rest).cast(pa.int64())
    if kind.unit == "ns":
        numbers = _nanoseconds(whole, rest)
    else:
        numbers = pc.divide(whole, TO_MICROSECONDS[kind.unit])
    return numbers.cast(kind)


def _nanoseconds(microseconds: pa.Array, rest: pa.Array) -> pa.Array:
    """Return their sum, also where microseconds alone are beyond 64 bits as nanoseconds."""
    whole, more = (pc.fill_null(a, 0).to_numpy(zero_copy_only=False) for a in (microseconds, rest))
    with np.errstate(over="ignore"):
        numbers = whole * 1000 + more
    if (np.floor_divide(numbers, 1000) != whole).any():
        raise TokenError("values", UNREADABLE, ())
    return pa.array(numbers, mask=microseconds.is_null().to_numpy(zero_copy_only=False))


def _times(array: pa.Array) -> pa.Array:
    width = pa.int32() if pa.types.is_time32(array.type) else pa.int64()
    numbers = array.cast(width).cast(pa.int64())
    return pc.multiply(numbers, TO_NANOSECONDS[array.type.unit]).cast(pa.large_string())


def _read_times(body: pa.Array, kind: pa.DataType) -> pa.Array:
    numbers = pc.divide(body.cast(pa.large_string()).cast(pa.int64()), TO_NANOSECONDS[kind.unit])
    width = pa.int32() if pa.types.is_time32(kind) else pa.int64()
    return numbers.cast(width).cast(kind)


def _days(array: pa.Array) -> pa.Array:
    return array.cast(pa.date32()).cast(pa.int32()).cast(pa.large_string())


def _read_days(body: pa.Array, kind: pa.DataType) -> pa.Array:
    return body.cast(pa.large_string()).cast(pa.int32()).cast(pa.date32()).cast(kind)


def _booleans(array: pa.Array) -> pa.Array:
    return pc.if_else(array, "1", "0")


def _read_booleans(body: pa.Array, kind: pa.DataType) -> pa.Array:
    return pc.equal(body.cast(pa.large_string()), "1").cast(kind)


def _digits(array: pa.Array) -> pa.Array:
    return array.cast(pa.large_string())


def _as_is(array: pa.Array) -> pa.Array:
    return array


def _read_texts(body: pa.Array, kind: pa.DataType) -> pa.Array:
    return body.cast(pa.large_string()).cast(kind)


_WRITERS: dict[bytes, Callable[[pa.Array], pa.Array]] = {
    b"s": _as_is,
    b"x": _as_is,
    b"i": _digits,
    b"b": _booleans,
    b"f": _floats,
    b"d": _decimals,
    b"D": _days,
    b"t": _moments,
    b"z": _moments,
    b"T": _times,
}
_READERS: dict[bytes, Callable[[pa.Array, pa.DataType], pa.Array]] = {
    b"s": _read_texts,
    b"x": lambda body, kind: body.cast(kind),
    b"i": _read_texts,
    b"b": _read_booleans,
    b"f": _read_floats,
    b"d": _read_decimals,
    b"D": _read_days,
    b"t": _read_moments,
    b"z": _read_moments,
    b"T": _read_times,
}
