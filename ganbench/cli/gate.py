"""Results against what they once were: `baseline` and `check`."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganbench.cli.console import DONE, REGRESSION, command_line, err, out, print_json, writing
from ganbench.cli.options import ResultsArgument
from ganbench.errors import BadResults, BenchError

if TYPE_CHECKING:
    from ganbench.compare.baseline import Baseline
    from ganbench.compare.gate import Gate
    from ganbench.compare.regression import Check
    from ganbench.store import Results


def baseline(
    results: ResultsArgument,
    out_file: Annotated[Path, typer.Option("--out", help="A file for git, as baselines/quick.json.")],
    reason: Annotated[str, typer.Option(help="Why these results are good, kept in the file.")] = "first baseline",
) -> None:
    """Write down what a suite's results are, for later ones to be held against."""
    from ganbench.compare.baseline import accepted, measure
    from ganbench.compare.baseline_file import write_baseline
    from ganbench.compare.gate import Gate
    from ganbench.store import read

    if out_file.exists():
        raise BadResults(
            f"{out_file} exists. To accept new results in its place and keep its history: "
            f"ganbench check {results} --baseline {out_file} --update --reason WHY"
        )
    stored = read(results)
    first = accepted(measure(stored), Gate.of_results(stored.path), reason)
    with writing(out_file):
        write_baseline(first, out_file)
    err.print(f"Written: {out_file}")


def check(
    results: ResultsArgument,
    baseline_file: Annotated[Path, typer.Option("--baseline", help="As `ganbench baseline` wrote it.")],
    tolerance: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[METRIC=]SHARE", help="Smaller changes are none: 0.1, or fid=0.15. Default: the suite's."
        ),
    ] = None,
    error: Annotated[
        float | None,
        typer.Option(min=1e-6, max=0.5, help="Of boards on which nothing changed, the share that may raise an alarm."),
    ] = None,
    markdown: Annotated[Path | None, typer.Option(help="For a comment on a pull request; - is stdout.")] = None,
    junit: Annotated[Path | None, typer.Option(help="XML for CI systems.")] = None,
    github: Annotated[bool, typer.Option("--github", help="Annotations for GitHub Actions.")] = False,
    update: Annotated[bool, typer.Option("--update", help="Accept these results as the baseline; say why.")] = False,
    reason: Annotated[str, typer.Option(help="With --update: why, kept in the file.")] = "",
    json: Annotated[bool, typer.Option("--json", help="All verdicts as JSON, in place of the words.")] = False,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Train alarmed rows again, with fresh seeds: does the alarm stand?")
    ] = False,
    fresh: Annotated[
        int | None, typer.Option(min=2, help="With --confirm: how many seeds; default: as many as the baseline has.")
    ] = None,
    suite: Annotated[
        Path | None, typer.Option(help="With --confirm: the suite's file, if it names others beside it.")
    ] = None,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Make a copy of the results worse: does this gate see it?")
    ] = False,
) -> None:
    """Hold results against a baseline. 0: no regression, 1: a regression, 2: something was not measured again."""
    from ganbench.compare import regression, selftest
    from ganbench.compare.baseline import measure
    from ganbench.compare.baseline_file import read_baseline
    from ganbench.compare.gate import Gate, held_to
    from ganbench.reports.formats import gate as gate_format
    from ganbench.store import read

    stored, before = read(results), read_baseline(baseline_file)
    now, own = measure(stored), Gate.of_results(stored.path)
    kept, remarks = held_to(before.gate, own)
    gate = kept.changed(error, dict(map(_tolerance, tolerance or [])))
    gate.check_metrics((metric for *_, metric in [*before.scores, *now.scores]), "--tolerance: ")
    if self_test:
        trials = selftest.self_test(now, gate)
        if json:
            print_json([{**asdict(trial), "passed": trial.passed} for trial in trials])
        else:
            out.print(gate_format.trial_outcomes(trials))
        raise typer.Exit(DONE if selftest.proven(trials) else REGRESSION)
    checked = regression.check(now, before, gate, remarks)
    if confirm:
        checked = _confirmed(checked, stored, now, before, fresh, suite)
    for file, text in ((markdown, gate_format.check_markdown), (junit, gate_format.junit_xml)):
        if file and str(file) != "-":
            with writing(file):
                file.write_text(text(checked), encoding="utf-8")
    if json:
        sys.stdout.write(gate_format.check_json(checked))
    elif markdown and str(markdown) == "-":
        sys.stdout.write(gate_format.check_markdown(checked))
    else:
        out.print(gate_format.check_in_terminal(checked))
    if github:
        print(*gate_format.github_annotations(checked), sep="\n")
    if update:
        _accept(baseline_file, now, own, before, checked, reason)
        return
    raise typer.Exit(checked.exit_code)


def _confirmed(
    checked: "Check", stored: "Results", now: "Baseline", before: "Baseline", count: int | None, suite: Path | None
) -> "Check":
    """The same check after its alarmed rows were trained again; without an alarm nothing is."""
    from ganbench.compare import confirm as confirming
    from ganbench.compare.baseline import measure
    from ganbench.store import read
    from ganbench.suite.again import train_again

    if not (rows := confirming.alarmed_rows(checked)):
        return checked
    seeds = confirming.fresh_seeds(now, before, count)
    err.print(f"Training {len(rows)} alarmed row(s) again, with seeds {seeds[0]} to {seeds[-1]}.")
    folder = train_again(stored, rows, seeds, suite, command_line(), err)
    return confirming.confirm(checked, measure(read(folder)), before)


def _tolerance(text: str) -> tuple[str, float]:
    """`fid=0.15` -> the metric and its tolerance; `0.1` -> the one of all others, under no name."""
    metric, _, share = text.rpartition("=")
    try:
        tolerance = float(share)
    except ValueError:
        tolerance = -1.0
    if not 0 <= tolerance < float("inf"):
        raise BenchError(f"Found --tolerance {text}, but it needs a share from 0 on: --tolerance 0.1, or fid=0.15.")
    return metric.strip(), tolerance


def _accept(file: Path, now: "Baseline", gate: "Gate", before: "Baseline", checked: "Check", reason: str) -> None:
    """Write a new baseline in an old one's place, with the suite's own rules."""
    from ganbench.compare.baseline import accepted
    from ganbench.compare.baseline_file import write_baseline
    from ganbench.reports.formats import gate as gate_format

    if not reason.strip():
        raise BenchError("Found --update without --reason. Say why these results are to be the new baseline.")
    worse = [gate_format.verdict_sentence(row) for row in checked.of("regression").itertuples(index=False)]
    worse += [f"{n} row(s) {word}" for word in ("missing", "not comparable") if (n := len(checked.of(word)))]
    worse += [f"gate.{rule}" for rule in (before.gate.differences(gate) if before.gate else [])]
    with writing(file):
        write_baseline(accepted(now, gate, reason, before, worse), file)
    err.print(f"Written: {file}")
