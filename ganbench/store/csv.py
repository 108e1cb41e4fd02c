"""Tables as CSV, in which no spreadsheet finds a formula to run."""

from pandas import DataFrame
from pandas.api.types import is_numeric_dtype

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # first characters of what spreadsheets run


def to_csv(frame: DataFrame) -> str:
    """A line for each row; a number that is not known is an empty field.

    A text that a spreadsheet would run has an apostrophe before it, which spreadsheets take for "this is text".
    """
    texts = [name for name in frame if not is_numeric_dtype(frame[name].dtype)]
    shown = frame.copy()
    for name in texts:
        shown[name] = frame[name].map(_as_text)
    return str(shown.rename(columns=_as_text).to_csv(index=False, lineterminator="\n"))


def _as_text(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" ").startswith(FORMULAS) else cell
