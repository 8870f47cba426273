"""Names of columns that are no identifiers, or that engines and steps use themselves (DP-44)."""

ODD = [
    "a.b",
    "*",
    'quote"d',
    "it's",
    "select",
    " ",
    "naïve 名前 🦆",
    "COLUMNS(*)",
    "number",
    "kind",
]
