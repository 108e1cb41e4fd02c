import re
from types import ModuleType
from typing import Any

import pandas as pd

from ganbench.reports.formats.as_latex import to_latex
from ganbench.reports.formats.as_md import to_md
from ganbench.reports.formats.text_tables import pair_cells, published_cells
from ganbench.reports.frames import glossary


def test_an_empty_report_says_so(synthetic: ModuleType) -> None:
    assert "No run has finished yet." in to_md(synthetic.empty())


def test_markdown_and_latex_read_names_as_text(hostile: Any) -> None:
    markdown, latex = to_md(hostile), to_latex(hostile)
    assert "<script>" not in markdown and "<script>" not in latex
    widths = {line.count(" | ") for line in markdown.splitlines() if line.startswith("| Rank ")}
    assert len(widths) == 4  # one per dataset and checkpoint: no name added a column
    tables = re.findall(r"(?:^\|.*\n)+", markdown, flags=re.MULTILINE)
    assert all(len({re.sub(r"\\.", "", line).count("|") for line in table.splitlines()}) == 1 for table in tables)
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") > 0


def test_a_report_holds_the_tables_of_the_page(full: Any) -> None:
    written = to_md(full)
    for head in ("## Over all datasets", "### Stability, by FID on the validation split", "### Failed runs"):
        assert head in written
    lines = written.splitlines()
    ranks = lines[lines.index("## Over all datasets") + 4 :][:5]
    assert ranks[0].startswith(
        "| mean rank | variant | runs | score ↑ | better than | ring8, Reverse KL | mnist5k, FID |"
    )
    assert ranks[2].startswith("| 1.50 | dcgan | 6 |"), "the best at the top, of three seeds on two datasets"
    assert "| gan | 3 | 1 (from 62 k) |" in written, "when the first run failed"


def test_stability_leaves_out_what_nobody_has(synthetic: ModuleType) -> None:
    written = to_md(synthetic.make(datasets=("ring8",), evaluations=2))
    table = written.split("### Stability")[1].splitlines()[2]
    assert "swing" not in table and "last − selected" in table


def test_published_values_stand_beside_ours(full: Any) -> None:
    row = {"label": "gan", "metric": "fid", "source": "a paper, table 2", "trials": 10, "theirs": 3.0}
    row |= {"theirs_low": 2.8, "theirs_high": 3.2, "ours": float("nan"), "ours_low": float("nan"), "ours_high": 1.0}
    rows = pd.DataFrame([row | {"n": 0}, row | {"ours": 2.5, "ours_low": 2.0, "n": 3}])
    cells = published_cells(rows, glossary.read(full.scores))
    assert list(cells["published"]) == ["3.00 [2.80, 3.20]"] * 2 and cells["ours"].iloc[0] == "–"


def test_pairs_that_change_places_are_listed() -> None:
    pair = {"a": "gan", "b": "wgan", "a_by": ["FID", "KID"], "b_by": ["Recall"]}
    cells = pair_cells(pd.DataFrame([pair])).iloc[0]
    assert list(cells) == ["gan", "FID and KID", "wgan", "Recall"]
