"""The certificate of metrics in the terminal, and as the Markdown that ships with the documentation."""

from pathlib import Path
from typing import Any

from pandas import DataFrame
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ganbench.audit.certificate import Certificate
from ganbench.reports.formats.as_md import markdown_table
from ganbench.reports.formats.audit import bare_table
from ganbench.reports.numbers import number

FILE = "certificate.md"
SOURCE = (
    'Räisä, van Breugel and van der Schaar, "Position: All Current Generative Fidelity and Diversity Metrics are '
    'Flawed", ICML 2025, https://arxiv.org/abs/2505.22450'
)


def verdicts(certificate: Certificate) -> DataFrame:
    """A row per check, the last with how many are passed, and a column per metric: "pass", or what does not hold."""
    rows: dict[str, dict[str, str]] = {}
    for verdict in certificate.verdicts:
        rows.setdefault(verdict.check.title, {})[verdict.metric] = verdict.word
    rows["passed"] = {name: "{} of {}".format(*certificate.passed(name)) for name in certificate.metrics}
    return DataFrame([{"check": check, **words} for check, words in rows.items()])


def copies(certificate: Certificate) -> DataFrame:
    """What metrics that see copies say of the training data given back, and whether that would lead a board."""
    rows = [
        (name, number(found.new, 3), number(found.copied, 3), "fail: copies lead" if found.lead else "pass")
        for name, found in certificate.copies.items()
    ]
    return DataFrame(rows, columns=["metric", "new samples", "training data given back", "copies do not lead"])


def to_plain(certificate: Certificate) -> dict[str, list[dict[str, Any]]]:
    """For programs: the two tables, a row each."""
    return {name: table(certificate).to_dict("records") for name, table in (("verdicts", verdicts), ("copies", copies))}  # type: ignore[misc]


def terminal(certificate: Certificate) -> RenderableType:
    """Both tables; of what fails, that it fails."""
    return Group(
        _table("Published checks of fidelity, diversity and distances", verdicts(certificate)),
        _table("Metrics that claim to see copies", copies(certificate)),
    )


def _table(title: str, frame: DataFrame) -> Table:
    table = bare_table(title)
    for column in frame:
        table.add_column(str(column).replace("_", " "), no_wrap=column == "check", overflow="fold")
    for row in frame.to_numpy().tolist():
        words = [word.partition(":")[0] for word in row]
        table.add_row(*(Text(word, style="bold yellow" if word == "fail" else "") for word in words))
    return table


def markdown(certificate: Certificate) -> str:
    """What ships with the documentation."""
    versions = ", ".join(f"`{name}` {version}" for name, version in certificate.versions.items())
    parts = [
        "# A certificate of metrics",
        "Which metric of fidelity, of diversity, and which distance can be believed where. Written by "
        "`ganbench audit --certificate --cards docs`, as is every word of the tables. The checks are those of "
        f"{SOURCE}; `ganbench/audit/sanity.py` has their distributions and thresholds, and says where they are shorter "
        "than the authors'.",
        "A metric passes a check if all holds that should: near 1 where samples are as good as real data (*same*), "
        "near 0 where they share nothing (*far*, *apart*), and rising, falling or flat in between. A distance, such as "
        "`fid`, must be next to nothing where samples are as good as real data (*same*), and the larger the further "
        "they depart (*growing*). A cell of a failed check names what does not hold. No metric passes them all, as the "
        "paper found of its twelve, none of them a distance: read a board's "
        "numbers against the row of real data, and against each other.",
        markdown_table(
            verdicts(certificate).rename(columns=lambda name: name if name == "check" else f"`{name}`"), str
        ),
        "## Copies",
        "The training data, given back, must not lead a board by a metric that claims to see copies. `ct` ranks "
        "nobody; it must be far below that of new samples.",
        markdown_table(copies(certificate).assign(metric=[f"`{name}`" for name in certificate.copies]), str),
        f"Versions of the metrics: {versions}.",
    ]
    return "\n\n".join(parts) + "\n"


def write_certificate(certificate: Certificate, folder: Path) -> Path:
    """Write certificate.md -> the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    file.write_text(markdown(certificate), encoding="utf-8", newline="\n")
    return file
