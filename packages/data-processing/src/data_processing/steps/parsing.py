"""From the text of an expression to a tree of its parts, within limits that no text can exceed."""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import expressions as ast
from sqlglot.tokenizer_core import TokenType

from util_services.errors import ConfigurationError, quoted_name

MAX_LENGTH = 10_000  # characters
MAX_NESTING = 24  # brackets inside one another; the parser calls itself several times for each
MAX_DEPTH = 60  # parts inside one another

OPENING = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE}
CLOSING = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END}
PREFIXES = {TokenType.NOT, TokenType.DASH, TokenType.PLUS, TokenType.TILDE}
CHAINS = (ast.And, ast.Or, ast.DPipe)  # which may be as long as they like


def tree_of(text: str) -> Any:
    """Return the parsed expression, of which nothing has been admitted yet.

    Raises:
        ConfigurationError: if it is no expression, or too large to be parsed with safety.
    """
    if not text.strip() or len(text) > MAX_LENGTH:
        raise ConfigurationError(
            f'An expression must be a text such as "age >= 18", of {MAX_LENGTH:,} characters at '
            "most."
        )
    if any(one == "\0" or "\ud800" <= one <= "\udfff" for one in text):
        raise ConfigurationError(
            f"The expression {quoted_name(text)} holds a character that no text may hold; take it "
            "out."
        )
    too_deep = ConfigurationError(
        f"The expression {quoted_name(text)} has too many parts inside one another; split it over "
        "several steps."
    )
    try:
        if _nesting(text) > MAX_NESTING:
            raise too_deep
        trees = sqlglot.parse(text, dialect="duckdb")
    except sqlglot.errors.SqlglotError as error:
        places = [found.get("col") for found in getattr(error, "errors", [])]
        place = f" at character {places[0]}" if places and places[0] else ""
        raise ConfigurationError(
            f"The expression {quoted_name(text)} cannot be read{place}; write it as in "
            "\"age >= 18 AND city = 'Rome'\", with texts in ' and odd names in \"."
        ) from None
    except RecursionError:
        raise too_deep from None
    if len(trees) != 1 or trees[0] is None:
        raise ConfigurationError(
            f"The expression {quoted_name(text)} must be one expression alone; take out the rest."
        )
    if _depth(trees[0]) > MAX_DEPTH:
        raise too_deep
    return trees[0]


def _nesting(text: str) -> int:
    """Return how many brackets stand inside one another, and signs before one another."""
    depth = deepest = signs = 0
    for token in sqlglot.tokenize(text, dialect="duckdb"):
        signs = signs + 1 if token.token_type in PREFIXES else 0
        depth += (token.token_type in OPENING) - (token.token_type in CLOSING)
        deepest = max(deepest, depth + signs)
    return deepest


def _depth(tree: Any) -> int:
    """Return how many parts stand inside one another; a chain of one kind is one of them."""
    deepest, left = 0, [(tree, 1)]
    while left:
        node, depth = left.pop()
        deepest = max(deepest, depth)
        for child in node.iter_expressions():
            is_chain = isinstance(child, CHAINS) and type(child) is type(node)
            left.append((child, depth if is_chain else depth + 1))
    return deepest
