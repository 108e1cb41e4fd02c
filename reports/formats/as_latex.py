"""The whole report as LaTeX sections and booktabs tables, without a preamble."""

from pandas import DataFrame

from ganbench.reports.formats.document import Markup, document
from ganbench.store import Results


def to_latex(results: Results) -> str:
    """The sections and tables of `as_md.to_md`."""
    heads = r"\section{{{}}}", r"\subsection{{{}}}", r"\subsubsection{{{}}}"
    return "% needs \\usepackage{booktabs}\n" + document(results, Markup(heads, latex_table, latex_text))


def latex_table(table: DataFrame) -> str:
    """A frame of text as a booktabs table, for `\\usepackage{booktabs}`."""
    head, *body = [list(map(str, table.columns)), *table.astype(str).to_numpy().tolist()]
    lines = [" & ".join(map(latex_text, line)) + r" \\" for line in (head, *body)]
    start = rf"\begin{{tabular}}{{{'l' * table.shape[1]}}}"
    return "\n".join([start, r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule", r"\end{tabular}"])


def latex_text(text: str) -> str:
    """Text as LaTeX, with its special characters escaped."""
    special = {c: f"\\{c}" for c in "&%$#_{}"} | {
        "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "↓": r"$\downarrow$",
        "↑": r"$\uparrow$", "−": "$-$", "–": "--", "∞": r"$\infty$", "<": r"\textless{}", ">": r"\textgreater{}",
        "\n": " ", "\u2068": "", "\u2069": "", "[": "{[}", "]": "{]}", "…": r"\dots{}",
    }  # fmt: skip
    return "".join(special.get(c, c) for c in text)
