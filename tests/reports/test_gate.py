"""Verdicts of a gate in four languages, and no name in them is more than text."""

import math
import re
from io import StringIO
from typing import Any
from xml.etree import ElementTree

import pytest
from pandas import DataFrame
from rich.console import Console, RenderableType

from ganbench.compare.gate import Gate
from ganbench.compare.regression import EVERY, VERDICTS, Check
from ganbench.compare.selftest import Trial
from ganbench.reports.formats import gate
from ganbench.reports.formats.gate import (
    check_answer,
    check_markdown,
    detectable_changes,
    github_annotations,
    junit_xml,
    verdict_counts,
    verdict_sentence,
)
from ganbench.reports.numbers import percent

EVIL = "<img src=x>|`\x1b[31m\u202e]]>&\"'[bold]%\r\n::warning::"


def row(verdict: str = "regression", **changes: Any) -> dict[str, Any]:
    about = {
        "dataset": "ring8", "variant": "gan", "metric": "fid", "verdict": verdict, "direction": "lower", "unit": "",
        "before": 10.0, "after": 15.0, "change": 0.5, "low": 0.2, "high": 0.9, "p": 0.003, "tolerance": 0.1,
        "weight": 10.0, "detectable": 0.3, "seeds_before": 5, "seeds_after": 4, "remark": "",
    }  # fmt: skip
    return about | changes


def untested(verdict: str, **changes: Any) -> dict[str, Any]:
    return row(verdict, **dict.fromkeys(("after", "change", "low", "high", "p", "detectable"), math.nan), **changes)


def checked(*rows: dict[str, Any]) -> Check:
    return Check("quick", Gate(), DataFrame(rows, columns=VERDICTS))


EACH = checked(
    row("same", variant="a", change=0.0, p=1.0),
    row("undecided", variant="b", p=0.4),
    untested("missing", variant="c", remark="it did not run"),
    untested("not comparable", variant="d", remark="its key is x, in the baseline k"),
    row("better", variant="e", after=5.0, change=-0.5, low=-0.9, high=-0.2),
    row("regression", variant="f"),
    untested("other machine", variant="g", metric="images_per_second", unit="images/s"),
    untested("new", variant="h", before=math.nan),
)
HOSTILE = checked(row(dataset=EVIL, variant=EVIL, metric=EVIL, unit=EVIL, remark=EVIL), row(variant=EVIL))


def printed(shown: RenderableType, width: int = 120) -> str:
    console = Console(file=StringIO(), width=width, emoji=False)
    console.print(shown)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


# Words


def test_a_regression_names_variant_dataset_metric_before_after_and_interval() -> None:
    said = verdict_sentence(next(EACH.of("regression").itertuples(index=False)))
    assert said == (
        "f on ring8: fid went from 10 to 15, by +50 % [+20 %, +90 %]; tolerated: 10 %, p = 0.0030, "
        "5 seeds before and 4 now"
    )


def test_what_was_not_measured_says_why() -> None:
    assert verdict_sentence(next(EACH.of("missing").itertuples(index=False))) == (
        "c on ring8: fid, 10 in the baseline (it did not run)"
    )


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.5, "+50 %"), (-0.034, "−3.4 %"), (0.0, "+0.0 %"), (14.0, "×15"), (math.inf, "+∞"), (math.nan, "n/a")],
)
def test_a_change_is_a_percentage_with_its_sign(share: float, said: str) -> None:
    assert percent(share) == said


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (EACH, "1 regression in quick: f on ring8."),
        (checked(row("same"), untested("missing")), "quick does not pass: 1 row of the baseline cannot be compared."),
        (checked(row("undecided", p=math.nan)), "quick does not pass: no row could be tested"),
        (checked(), "quick does not pass: no row could be tested"),
        (checked(row("same")), "No regression in quick."),
    ],
)
def test_the_answer_says_what_the_exit_code_says(check: Check, said: str) -> None:
    assert check_answer(check).startswith(said)
    assert ("No regression" in said) == (check.exit_code == 0)


def test_every_verdict_is_counted() -> None:
    assert verdict_counts(EACH) == (
        "8 rows: 1 regression, 1 missing, 1 not comparable, 1 better, 1 same, 1 undecided, 1 other machine, 1 new"
    )


def test_what_could_have_been_found_is_told_of_the_metric_that_counts_most() -> None:
    rows = [row("same", variant=v, detectable=d) for v, d in (("a", 0.2), ("b", 0.6), (EVERY, 0.1))]
    (said,) = detectable_changes(checked(*rows, row("same", metric="is", weight=1.0, detectable=9.0)))
    assert "a change of fid of 10 % if all change, of 20 % to 60 % in a single variant" in said


# Terminal and Markdown


def test_a_terminal_shows_what_is_not_as_it_was_the_worst_first() -> None:
    lines = printed(gate.check_in_terminal(EACH), 400).splitlines()
    assert lines[0] == "1 regression in quick: f on ring8."
    assert [line.split(":")[0] for line in lines[2:-1]] == [
        "regression", "missing", "not comparable", "better", "other machine",
    ]  # fmt: skip
    assert "fid went from 10 to 15, by +50 % [+20 %, +90 %]" in lines[2]


def test_a_terminal_is_not_flooded() -> None:
    many = checked(*(untested("not comparable", variant=f"v{i}") for i in range(150)))
    lines = printed(gate.check_in_terminal(many), 400).splitlines()
    assert len(lines) == 2 + 20 + 1 and lines[-1] == "not comparable: 130 more"


def test_markdown_can_be_found_again_and_has_all_rows_folded() -> None:
    written = check_markdown(EACH)
    assert written.startswith("<!-- ganbench check quick -->\n\n### 1 regression in quick: f on ring8.")
    shown, folded = written.split("<details>")
    assert "undecided | ring8" not in shown and "undecided | ring8" in folded
    tables = [block.splitlines() for block in written.split("\n\n") if block.startswith("| verdict |")]
    assert [len(lines) - 2 for lines in tables] == [5, 8], "worst first, then all"
    assert tables[0][2].startswith("| regression | ring8 | f |")
    assert len({line.count(" | ") for lines in tables for line in lines}) == 1
    assert "one false alarm in 20 boards" in written


def test_what_could_be_markup_is_text() -> None:
    written = check_markdown(HOSTILE)
    assert not re.search(r"(?<!\\)<img", written) and "\x1b" not in written and "\u202e" not in written
    assert written.count("<details>") == 1 and r"\<img src=x\>\|\`" in written
    tables = [block.splitlines() for block in written.split("\n\n") if block.startswith("| verdict |")]
    assert [len(lines) for lines in tables] == [4, 4], "a line break in a name ends no row"
    shown = printed(gate.check_in_terminal(HOSTILE), 400)
    assert "[bold]" in shown and "\x1b" not in shown


# JUnit


def test_junit_counts_failures_and_what_says_nothing() -> None:
    root = ElementTree.fromstring(junit_xml(EACH))
    (suite,) = root
    assert {name: suite.get(name) for name in ("name", "tests", "failures", "errors", "skipped")} == {
        "name": "quick.ring8", "tests": "8", "failures": "3", "errors": "0", "skipped": "3",
    }  # fmt: skip
    cases = {case.get("classname"): case for case in suite}
    assert len(cases) == 8
    failure = cases["quick.ring8.f"].find("failure")
    assert failure is not None and failure.get("type") == "regression" and "from 10 to 15" in str(failure.text)
    assert cases["quick.ring8.b"].find("skipped") is not None and len(cases["quick.ring8.a"]) == 0
    assert {cases[f"quick.ring8.{variant}"][0].get("type") for variant in "cd"} == {"missing", "not comparable"}


def test_junit_is_xml_whatever_the_names() -> None:
    (one, two) = ElementTree.fromstring(junit_xml(HOSTILE))
    assert EVIL.replace("\x1b", "").replace("\u202e", "").replace("\r\n", "") in str(one[0].get("name"))
    assert len(one) == len(two) == 1


# GitHub


def test_annotations_are_one_line_each_and_escaped() -> None:
    (command, other) = github_annotations(HOSTILE)
    assert "\n" not in command and "\r" not in command and "%25" in command
    assert command.startswith("::error title=regression::") and command.count("::error") == 1
    assert github_annotations(checked(row("same"))) == ["::notice title=ganbench::No regression in quick."]
    assert other.startswith("::error title=regression::")


def test_titles_cannot_end_early() -> None:
    assert gate._command("error", "a:b,c%\n", "50 %\r\n") == "::error title=a%3Ab%2Cc%25%0A::50 %25%0D%0A"


def test_no_more_annotations_than_are_shown() -> None:
    lines = github_annotations(checked(*(row(variant=f"v{i}") for i in range(14))))
    assert len(lines) == 10 and lines[-1].startswith("::error title=more::5 more. 14 regressions in quick")


def test_a_board_that_could_not_fail_is_an_error() -> None:
    (line,) = github_annotations(checked(row("undecided", p=math.nan)))
    assert line.startswith("::error title=ganbench::quick does not pass")


# The self-test


def test_what_a_self_test_caught_is_said() -> None:
    shown = printed(
        gate.trial_outcomes([Trial("noise", 9, 3), Trial("half speed", 3, 0), Trial("modes dropped", 0, 0)])
    )
    assert shown.splitlines() == [
        "noise: caught, in 3 rows of 9",
        "half speed: NOT caught, in none of 3 rows",
        "modes dropped: not tried, since no such row can be compared",
    ]
