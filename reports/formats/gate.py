"""The verdicts of a gate as text: in a terminal, Markdown for a pull request, JUnit's XML, GitHub's annotations.

Pure functions of `ganbench.compare.regression.Check`. Names never become markup.
"""

import json
import math
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from pandas import DataFrame
from rich.console import Group, RenderableType
from rich.text import Text

from ganbench.compare.regression import CLEARED, EVERY, FAILS, NOTHING, SILENT, Check
from ganbench.compare.rows import ENDED
from ganbench.compare.selftest import Trial
from ganbench.reports.formats.as_md import markdown_table
from ganbench.reports.formats.as_md import markdown_text as plain
from ganbench.reports.frames.rows import each
from ganbench.reports.numbers import CONTROL, arrow, count, listed, number, p_value, percent, probability, short
from ganbench.statistics.intervals import LEVEL

ANNOTATIONS = 10  # GitHub shows so many of a step
MOST_LINES = 20  # of one verdict in a terminal
STYLES = {"regression": "red", "better": "green"}
ORDER = [*FAILS, CLEARED, "better", "same", "undecided", "other machine", "new"]
SHOWN = [*FAILS, CLEARED, "better", "other machine"]
OUTCOMES = {"failures": FAILS, "skipped": SILENT}  # in JUnit's words


def verdict_sentence(row: Any) -> str:
    """One row in words: who, from what to what, by how much, and how sure that is."""
    text = f"{short(row.variant)} on {short(row.dataset)}: {short(row.metric)}"
    if math.isfinite(row.change):
        text += f" went from {number(row.before)} to {number(row.after)} {short(row.unit) if row.unit else ''}".rstrip()
        text += f", by {_change(row)}; tolerated: {_size(row.tolerance)}, {p_value(row.p)}"
        text += f", {row.seeds_before} seeds before and {row.seeds_after} now"
    elif row.metric == ENDED and math.isfinite(row.before):
        text += f" {row.after:.0f} of {count(int(row.before), 'run')} that ended in the baseline"
    elif math.isfinite(row.before):
        text += f", {number(row.before)} in the baseline"
    return text + (f" ({short(row.remark, 200)})" if row.remark else "")


def check_answer(check: Check) -> str:
    """What happened, in a line."""
    worse, unmeasured = check.of("regression"), check.of("missing", "not comparable")
    if len(worse):
        names = list(dict.fromkeys(f"{short(row.variant)} on {short(row.dataset)}" for row in each(worse)))
        return f"{count(len(worse), 'regression')} in {short(check.suite)}: {listed(names)}."
    if len(unmeasured):
        unmeasurable = f"{count(len(unmeasured), 'row')} of the baseline cannot be compared."
        return f"{short(check.suite)} does not pass: {unmeasurable} Nothing else got worse."
    if check.exit_code == NOTHING:
        return f"{short(check.suite)} does not pass: no row could be tested, so none could have failed."
    if len(cleared := check.of(CLEARED)):
        return f"No regression in {short(check.suite)}: fresh seeds cleared {count(len(cleared), 'alarm')}."
    return f"No regression in {short(check.suite)}."


def _size(share: float) -> str:
    """Of a change, whichever its sign."""
    return percent(abs(float(share))).lstrip("+")


def verdict_counts(check: Check) -> str:
    """How many rows have which verdict."""
    numbers = check.rows["verdict"].value_counts()
    return f"{count(len(check.rows), 'row')}: " + ", ".join(
        f"{numbers[word]} {word}" for word in ORDER if word in numbers
    )


def detectable_changes(check: Check) -> list[str]:
    """What could have been found: of each dataset, in the metric that counts most."""
    lines = []
    tested = check.rows[check.rows["detectable"].notna()]
    for dataset, rows in tested.groupby("dataset", sort=False):
        rows = rows[rows["weight"] == rows["weight"].max()]
        rows = rows[rows["metric"] == rows["metric"].iloc[0]]
        single, every = rows[rows["variant"] != EVERY], rows[rows["variant"] == EVERY]
        sizes = [_size(size) for size in sorted(single["detectable"].abs())]
        common = f"of {_size(every['detectable'].iloc[0])} if all change, " if len(every) else ""
        lines.append(
            f"{short(dataset)}: with these seeds, a change of {short(rows['metric'].iloc[0])} {common}"
            f"of {' to '.join(dict.fromkeys([sizes[0], sizes[-1]]))} in a single variant, would be found four times in "
            "five."
        )
    return lines


def check_in_terminal(check: Check) -> RenderableType:
    """The answer, what is not as it was, and what could have been found; names are never read as markup."""
    parts = [Text(check_answer(check), style="bold"), Text(verdict_counts(check))]
    parts += [Text(short(remark, 500), style="yellow") for remark in check.remarks]
    for verdict in ORDER:
        rows, style = check.of(verdict), STYLES.get(verdict, "yellow")
        rows = rows if verdict in SHOWN else rows[rows["remark"] != ""]
        parts += [Text(f"{verdict}: {verdict_sentence(row)}", style=style) for row in each(rows[:MOST_LINES])]
        if len(rows) > MOST_LINES:
            parts.append(Text(f"{verdict}: {len(rows) - MOST_LINES} more", style=style))
    return Group(*parts, *(Text(line, style="dim") for line in detectable_changes(check)))


def check_json(check: Check) -> str:
    """For programs. JSON has no NaN and no infinity: null is a number that there cannot be."""
    finite = check.rows.astype(object).where(check.rows.notna(), None).replace([math.inf, -math.inf], None)
    content = {
        "suite": check.suite,
        "exit_code": check.exit_code,
        "answer": check_answer(check),
        "gate": check.gate.model_dump(mode="json", exclude_none=True),
        "remarks": check.remarks,
        "rows": finite.to_dict("records"),
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def check_markdown(check: Check) -> str:
    """A comment for a pull request. The first line names it, so that it can be found and replaced."""
    shown = _ordered(check.rows[check.rows["verdict"].isin(SHOWN) | (check.rows["remark"] != "")])
    parts = [f"<!-- ganbench check {''.join(c for c in short(check.suite) if c.isalnum())} -->"]
    parts += [f"### {plain(check_answer(check))}", plain(verdict_counts(check))]
    parts += [plain(short(remark, 500)) for remark in check.remarks]
    if len(shown):
        parts.append(markdown_table(_cells(shown)))
    everything = markdown_table(_cells(_ordered(check.rows)))
    parts.append(f"<details><summary>All rows</summary>\n\n{everything}\n\n</details>")
    parts += [plain(line) for line in detectable_changes(check)]
    parts.append(
        f"A regression is worse by more than tolerated and by more than chance, with p-values of all rows adjusted "
        f"together to one false alarm in {number(1 / check.gate.error, 2)} boards on which nothing changed. "
        f"Intervals: {LEVEL:.0%} each."
    )
    return "\n\n".join(parts) + "\n"


def junit_xml(check: Check) -> str:
    """XML that CI systems read: a suite for each dataset, a class for each variant, a test for each metric.

    What a gate must not pass is a failure; what says nothing is skipped, with the reason.
    """
    root = ElementTree.Element("testsuites", name=_xml(check.suite))
    for dataset, rows in check.rows.groupby("dataset", sort=False):
        totals = {"tests": len(rows), "errors": 0}
        totals |= {word: int(rows["verdict"].isin(verdicts).sum()) for word, verdicts in OUTCOMES.items()}
        about = {"name": _xml(f"{check.suite}.{dataset}"), **{word: str(n) for word, n in totals.items()}}
        suite = ElementTree.SubElement(root, "testsuite", about)
        for row in each(rows):
            place = _xml(f"{check.suite}.{dataset}.{row.variant}")
            case = ElementTree.SubElement(suite, "testcase", classname=place, name=_xml(row.metric), time="0")
            if row.verdict in FAILS:
                element = ElementTree.SubElement(case, "failure", type=row.verdict, message=_xml(verdict_sentence(row)))
                element.text = _xml(verdict_sentence(row))
            elif row.verdict in SILENT:
                ElementTree.SubElement(case, "skipped", message=_xml(f"{row.verdict}: {verdict_sentence(row)}"))
    ElementTree.indent(root, " ")
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def github_annotations(check: Check) -> list[str]:
    """Workflow commands of GitHub Actions, one line each: an error for each row that fails, as many as are shown.

    https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
    """
    failed = _ordered(check.of(*FAILS))
    lines = [_command("error", row.verdict, verdict_sentence(row)) for row in each(failed[:ANNOTATIONS])]
    if len(failed) > ANNOTATIONS:
        lines[-1] = _command("error", "more", f"{len(failed) - ANNOTATIONS + 1} more. {check_answer(check)}")
    return lines or [_command("notice" if not check.exit_code else "error", "ganbench", check_answer(check))]


def trial_outcomes(found: Sequence[Trial]) -> RenderableType:
    """What a self-test caught."""
    return Group(
        *(Text(f"{trial.name}: {outcome}", style=style) for trial in found for outcome, style in [_caught(trial)])
    )


def _caught(trial: Trial) -> tuple[str, str]:
    """In words, and their colour."""
    if not trial.tried:
        return "not tried, since no such row can be compared", "yellow"
    if not trial.passed:
        return f"NOT caught, in none of {count(trial.tried, 'row')}", "red"
    return f"caught, in {count(trial.caught, 'row')} of {trial.tried}", "green"


def _ordered(rows: DataFrame) -> DataFrame:
    """The worst first."""
    place = {word: i for i, word in enumerate(ORDER)}
    return rows.sort_values("verdict", key=lambda words: words.map(place), kind="stable")


def _cells(rows: DataFrame) -> DataFrame:
    """Verdicts -> a frame of text."""
    lines = [
        {
            "verdict": row.verdict,
            "dataset": short(row.dataset),
            "variant": short(row.variant),
            "metric": f"{short(row.metric)} {arrow(row.direction)}".strip(),
            "before": number(row.before),
            "now": number(row.after),
            f"change [{LEVEL:.0%}]": _change(row),
            "p": probability(row.p),
            "seeds": f"{row.seeds_before}, {row.seeds_after}",
            "remark": short(row.remark, 200) if row.remark else "",
        }
        for row in each(rows)
    ]
    return DataFrame(lines)


def _change(row: Any) -> str:
    if not math.isfinite(row.low):
        return percent(row.change) if not math.isnan(row.change) else ""
    return f"{percent(row.change)} [{percent(row.low)}, {percent(row.high)}]"


def _xml(text: object) -> str:
    """Without characters that XML has no place for."""
    return CONTROL.sub("", str(text))


def _command(kind: str, title: str, message: str) -> str:
    text = {"%": "%25", "\r": "%0D", "\n": "%0A"}
    escaped = "".join(text.get(c, c) for c in message)
    heading = "".join({**text, ":": "%3A", ",": "%2C"}.get(c, c) for c in title)
    return f"::{kind} title={heading}::{escaped}"
