"""What results say: `status`, `report`, `rank`, `compare` and `history`."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from ganbench.cli.console import err, out, print_json, say_what_is_left_out, writing
from ganbench.cli.options import FinalCheckpoint, Json, ResultsArgument
from ganbench.errors import BenchError
from ganbench.reports.formats import FORMATS

# What a report is written as: a name of the table of formats.
Format = StrEnum("Format", {name: name for name in FORMATS})  # type: ignore[misc]
HTML = Format("html")


class Printed(StrEnum):
    """What an answer is printed as."""

    text = "text"
    md = "md"
    json = "json"


def report(
    results: ResultsArgument,
    out_path: Annotated[
        Path | None,
        typer.Option("--out", help="Default: stdout; for html, report.html in the results. A folder becomes a site."),
    ] = None,
    format: Annotated[
        Format,
        typer.Option(help="csv: one row per score; json: all frames; png: the page's first screen."),
    ] = HTML,
    dark: Annotated[bool, typer.Option("--dark", help="With --format png: for a dark ground.")] = False,
    served: Annotated[
        bool, typer.Option("--serve", help="Show the page on localhost, up to date while a suite runs.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="With --serve; 0: any that is free.")] = 8000,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Write the report of a suite's results: a page that travels as one file, a site, tables, or a picture."""
    from ganbench.reports import formats
    from ganbench.reports.html import site
    from ganbench.store import read

    format = Format("json") if as_json else format
    if served:
        if out_path or format is not HTML:
            raise BenchError("Found --serve with --out or --format, but what is served is the page. Leave them out.")
        _serve(results, port)
        return
    picture = format.value == "png"
    if dark and not picture:
        raise BenchError("Found --dark without --format png, but only a picture has one ground. Leave it out.")
    options = {"dark": True} if dark else {}
    found = read(results, forgiving=True)
    if out_path is None and format is not HTML:
        if picture and sys.stdout.isatty():
            raise BenchError("A picture is nothing for a terminal. Name a file: --out board.png")
        _print(formats.report(found, format.value, **options))
        say_what_is_left_out(found.damaged)
        return
    out_path = out_path or found.path / "report.html"
    folder = out_path.is_dir() or (format is HTML and not out_path.suffix)
    if folder and format is not HTML:
        raise BenchError(
            f"{out_path} is a folder, but {format.value} is one file: --out {out_path / 'report'}.{format.value}"
        )
    with writing(out_path):
        if folder:
            written = site.write_site(found, out_path)
        else:
            written = formats.write_report(found, out_path, format.value, **options)
    err.print(f"Written: {written}")
    say_what_is_left_out(found.damaged)


def status(
    results: ResultsArgument,
    as_json: Json = False,
) -> None:
    """Say how far a suite is: done, running, failed and missing runs."""
    from ganbench.suite import status as standing

    found = standing.status_of(results)
    if as_json:
        print_json(standing.as_json(found))
    else:
        print(*standing.as_lines(found), sep="\n")
    say_what_is_left_out(found.damaged)


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="Results, as `report` takes them.")],
    b: Annotated[Path | None, typer.Argument(metavar="B", help="The results to hold against A; default: A.")] = None,
    variants: Annotated[
        tuple[str, str] | None, typer.Option(help="A row of A and a row of B; default: each row with its namesake.")
    ] = None,
    checkpoint: Annotated[FinalCheckpoint, typer.Option()] = "last",
    metric: Annotated[list[str] | None, typer.Option(help="Only this one; may be given several times.")] = None,
    tolerance: Annotated[
        float | None, typer.Option(min=0, max=10, help="Differences below this share of A's mean are none: 0.05.")
    ] = None,
    format: Annotated[Printed, typer.Option()] = Printed.text,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Is B better than A? Differences with intervals, verdicts, and the seeds that would decide."""
    from ganbench.compare import compare as comparing
    from ganbench.reports.formats import comparison

    found = comparing.compare(a, b, variants, checkpoint, metric or [], tolerance)
    format = Printed.json if json else format
    if format is Printed.text:
        out.print(comparison.comparison_in_terminal(found), crop=False)
    else:
        sys.stdout.write(comparison.comparison_markdown(found) if format is Printed.md else comparing.to_json(found))


class RankFormat(StrEnum):
    """What a ranking is written as."""

    table = "table"
    md = "md"
    latex = "latex"
    csv = "csv"
    json = "json"
    html = "html"


def rank(
    scores: Annotated[Path, typer.Argument(help="CSV of any tool, a row per run: label, seed, value; - is stdin.")],
    direction: Annotated[
        Literal["lower", "higher"] | None,
        typer.Option(help="Which values are better, if no column `direction` says so."),
    ] = None,
    format: Annotated[RankFormat, typer.Option(help="csv: the pairs; json: everything.")] = RankFormat.table,
    out_path: Annotated[Path | None, typer.Option("--out", help="Default: stdout.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Who is better, and is that real? Anybody's scores: tiers, intervals, pairs, the seeds that would decide."""
    from ganbench.compare.rank import rank as ranking_of
    from ganbench.compare.scores import read_scores
    from ganbench.reports.formats import rank as shown

    found = ranking_of(read_scores(scores), direction)
    format = RankFormat.json if as_json else format
    if format is RankFormat.table and out_path is None:
        out.print(shown.rank_in_terminal(found))
        return
    text = shown.WRITERS["md" if format is RankFormat.table else format.value](found)
    if out_path is None:
        sys.stdout.write(text)
        return
    with writing(out_path):
        out_path.write_text(text, encoding="utf-8")
    err.print(f"Written: {out_path}")


def history(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULTS...", help="Of one suite at several commits; baselines will do too.")
    ],
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="history.csv, history.json and history.html go here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Follow a suite's scores over many commits: lines with intervals, and where they step."""
    from ganbench.compare.history import read_history, to_plain, write_history
    from ganbench.reports.formats import history as shown
    from ganbench.reports.html.history import write_history_page

    scores = read_history(results)
    if as_json:
        print_json(to_plain(scores))
    else:
        out.print(shown.terminal(scores))
    if out_dir:
        with writing(out_dir):
            write_history(scores, out_dir)
            write_history_page(scores, out_dir / "history.html")
        err.print(f"Written: {out_dir}")


def _serve(results: Path, port: int) -> None:
    """Serve the page until Ctrl-C."""
    from functools import partial

    from ganbench.reports.html import serve
    from ganbench.store import suite_folder
    from ganbench.suite import progress

    folder = suite_folder(results)
    live = serve.Live(
        partial(progress.results_so_far, folder),
        partial(progress.read_progress, folder),
        partial(progress.stamp, folder),
    )
    live.page()  # what cannot be read is said here rather than in the browser
    with serve.server(live, port) as server:
        err.print(f"The page: http://localhost:{server.server_port}/  (Ctrl-C ends it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            err.print()


def _print(content: bytes) -> None:
    """Write to stdout what may be text or a picture."""
    if hasattr(sys.stdout, "buffer") and not sys.stdout.isatty():
        sys.stdout.buffer.write(content)
    else:  # captured by somebody, or a terminal, which may not know all characters
        sys.stdout.write(content.decode())
