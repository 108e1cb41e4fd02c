"""LaTeX reads names as text."""

import pandas as pd

from ganbench.reports.formats.as_latex import latex_table


def test_latex_escapes_what_latex_would_read() -> None:
    made = latex_table(pd.DataFrame({"a_b": ["50 % & \\x", "#1"]}))
    assert r"a\_b" in made and r"50 \% \& \textbackslash{}x" in made and r"\#1" in made
