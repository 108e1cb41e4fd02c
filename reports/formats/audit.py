"""An audit in the terminal, and as the Markdown that ships with a judge's card."""

from pathlib import Path

from pandas import DataFrame
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ganbench.audit.verdicts import Audit
from ganbench.reports.formats.as_md import markdown_table
from ganbench.reports.frames.audit import (
    AGREEING,
    DIFFERS,
    TERMS,
    agreement_text,
    audit_conditions,
    spoken,
    strengths,
    verdict_words,
)

# Terminal

SHORT = {"blind": "blind", "mixed": "mixed", "reversed": "rev."}


def terminal(audit: Audit) -> RenderableType:
    """The verdicts of every judge, and how far two agree."""
    parts: list[RenderableType] = []
    for judge in audit.judges:
        wide = verdict_words(audit, judge)
        table = bare_table(_title(audit, judge))
        table.add_column("metric", no_wrap=True)
        for disturbance in wide:
            table.add_column(spoken(str(disturbance)), overflow="fold")
        for metric, words in wide.iterrows():
            table.add_row(Text(str(metric)), *(Text(SHORT.get(text, text[-1]), style=_style(text)) for text in words))
        parts.append(table)
    parts.append(Text("1 to 5: seen from that strength on. rev.: reversed, called better. mixed: in no order.", "dim"))
    if len(audit.judges) == 2:
        table = bare_table("Agreement of the two judges")
        agreeing = agreement_text(audit)
        for title in agreeing:
            table.add_column(str(title), justify="left" if title == "metric" else "right")
        for row in agreeing.to_numpy().tolist():
            table.add_row(*map(Text, row))
        parts.append(table)
    return Group(*parts)


def bare_table(title: str) -> Table:
    """A table of narrow columns under a title."""
    return Table(box=box.SIMPLE, padding=(0, 1, 0, 0), title=Text(title), title_justify="left", title_style="dim")


def _style(text: str) -> str:
    return {"blind": "dim", "reversed": "bold yellow", "mixed": "magenta"}.get(text, "blue")


def _title(audit: Audit, judge: str) -> str:
    c = audit.conditions
    return f"What metrics see through {judge}, on {c['samples']:,} samples of {c['dataset']}"


# Markdown


def write_cards(audit: Audit, folder: Path, named: str | None = None) -> list[Path]:
    """Write JUDGE-audit.md for every judge, JUDGE-audit-DATASET.md on a dataset that was `named` -> the files."""
    folder.mkdir(parents=True, exist_ok=True)
    on = f"-{named.partition(':')[0]}" if named else ""
    files = {judge: folder / f"{judge}-audit{on}.md" for judge in audit.judges}
    for judge, file in files.items():
        file.write_text(markdown(audit, judge, named), encoding="utf-8", newline="\n")
    return list(files.values())


def command(audit: Audit, named: str | None) -> str:
    """The command that such an audit is made by."""
    judge, *others = audit.judges
    options = {"dataset": named, "samples": str(audit.conditions["samples"]), "against": others[0] if others else None}
    asked = [f" --{option} {value}" for option, value in options.items() if value]
    return f"ganbench audit {judge}{''.join(asked)} --cards DIR"


def markdown(audit: Audit, judge: str, named: str | None = None) -> str:
    """What ships beside the judge's card; `named` is the dataset, if it is not the judge's own."""
    c, wide = audit.conditions, verdict_words(audit, judge)
    treated = "" if c["preprocessing"] == "none" else f" ({c['preprocessing']})"
    parts = [
        f"# What metrics see through the `{judge}` judge",
        f"Written by `{command(audit, named)}`, as is every number here. {c['samples']:,} fresh real "
        f"samples of `{c['dataset']}`{treated} were disturbed in {len(wide.columns)} ways at five "
        f"strengths, and judged against the {c['split']} split. The noise of undisturbed data comes from "
        f"{c['draws of real data']} draws without a sample in common.",
        DIFFERS,
        "\n".join(f"- **{term}**: {meaning}" for term, meaning in TERMS.items()),
        "## Verdicts",
        markdown_table(_as_code(wide.rename(columns=lambda one: spoken(str(one))).reset_index(), "metric"), str),
        "## Disturbances",
        markdown_table(strengths(audit), str),
    ]
    if len(audit.judges) == 2:
        one, other = audit.judges
        parts += [
            f"## Agreement of `{one}` and `{other}`",
            AGREEING,
            markdown_table(_as_code(agreement_text(audit), "metric"), str),
        ]
    if audit.left_out:
        parts += ["## Left out", "\n".join(f"- `{metric}`: {why}" for metric, why in audit.left_out.items())]
    parts += ["## Conditions", markdown_table(_as_code(audit_conditions(audit), "value"), str)]
    return "\n\n".join(parts) + "\n"


def _as_code(text: DataFrame, column: str) -> DataFrame:
    return text.assign(**{column: [f"`{cell}`" for cell in text[column]]})
