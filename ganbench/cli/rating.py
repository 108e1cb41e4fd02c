"""People judge: `rate`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganbench.cli.console import err, out, print_json, writing
from ganbench.cli.options import Json, ResultsArgument
from ganbench.errors import BenchError

if TYPE_CHECKING:
    from ganbench.rating.answers import Answers
    from ganbench.rating.study import Kind, Study
    from ganbench.rating.tally import Tally

LONGEST = 600.0  # seconds for which a picture may be seen


class StudyKind(StrEnum):
    """What is asked."""

    real_or_fake = "real-or-fake"
    which_is_better = "which-is-better"
    both = "both"

    @property
    def kinds(self) -> "tuple[Kind, ...]":
        """The kinds of questions, in their order."""
        every: tuple[Kind, ...] = ("real-or-fake", "which-is-better")
        return every if self is StudyKind.both else tuple(kind for kind in every if kind == self.value)


def rate(
    results: ResultsArgument,
    study: Annotated[
        StudyKind, typer.Option(help="One picture, real or fake; or the better one of two.")
    ] = StudyKind.both,
    trials: Annotated[int, typer.Option(min=2, max=1_000, help="Questions of each rater, practice left out.")] = 60,
    limit: Annotated[
        float, typer.Option(min=0, max=LONGEST, help="Seconds for which a picture is seen; 0: until it is answered.")
    ] = 0,
    dataset: Annotated[list[str] | None, typer.Option(help="Only this one; may be given several times.")] = None,
    url: Annotated[
        str, typer.Option("--answers", help="postgresql+psycopg://...; default: a SQLite file in the results.")
    ] = "",
    tallied: Annotated[bool, typer.Option("--tally", help="Serve nothing: count the answers that there are.")] = False,
    csv: Annotated[Path | None, typer.Option(help="Write every answer to this file as well.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8000,
    shared: Annotated[
        bool, typer.Option("--shared", help="For a network: needs the token in the link. TLS is a proxy's.")
    ] = False,
    host: Annotated[
        list[str] | None, typer.Option(help="With --shared: a name or address under which raters reach this machine.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Let people judge in the browser, blind: real or fake, and which is better. Their answers become scores."""
    if host and not shared:
        raise BenchError(
            "Found --host without --shared, but only a shared study is reached from elsewhere. Add --shared."
        )
    asked, answers = _opened(results, study.kinds, trials, limit, dataset or [], url)
    if not tallied:
        _serve(asked, answers, port, shared, tuple(host or ()))
    if csv:
        from ganbench.store.csv import to_csv

        with writing(csv):
            csv.write_text(to_csv(answers.frame()), encoding="utf-8")
    _tally(asked, answers, as_json)


def _opened(
    results: Path, kinds: "tuple[Kind, ...]", trials: int, limit: float, datasets: list[str], url: str
) -> "tuple[Study, Answers]":
    try:
        from ganbench.rating.answers import Answers
        from ganbench.rating.study import Design, Study
    except ModuleNotFoundError as error:
        raise BenchError(f"{error.name} is not installed, which a study needs: pip install 'ganbench[rate]'") from error
    from ganbench.store import read
    from ganbench.store.people import people_folder

    found = read(results)
    study = Study(found, Design(kinds, trials, limit), datasets)
    with writing(found.path):
        folder = people_folder(found.path)
    return study, Answers(url or f"sqlite:///{folder.resolve() / 'answers.sqlite'}")


def _serve(study: "Study", answers: "Answers", port: int, shared: bool, hosts: tuple[str, ...]) -> None:
    """Serve the study until Ctrl-C."""
    from secrets import token_urlsafe
    from socket import create_server, gethostname

    import uvicorn

    from ganbench.rating.server import LOCAL, Door, app

    door = Door(hosts=(*LOCAL, *hosts, gethostname()), token=token_urlsafe(16)) if shared else Door()
    try:
        listening = create_server(("0.0.0.0" if shared else "127.0.0.1", port))
    except OSError as error:
        raise BenchError(
            f"Port {port} cannot be used: {error.strerror}. Choose another with --port, or 0 for any."
        ) from error
    number = listening.getsockname()[1]
    names = (hosts or (gethostname(),)) if shared else ("localhost",)
    for name in names:
        err.print(f"The study: http://{name}:{number}/{'#' + door.token if shared else ''}  (Ctrl-C ends it)")
    config = uvicorn.Config(
        app(study, answers, door), log_level="warning", timeout_keep_alive=10, limit_concurrency=500
    )
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        err.print()


def _tally(study: "Study", answers: "Answers", as_json: bool) -> None:
    """Print what the answers say, and write people's scores beside the suite's."""
    from ganbench.rating.tally import tally
    from ganbench.reports.formats import rating
    from ganbench.store.people import write_people_scores

    given = answers.frame()
    counted = [tally(study, given, simulated) for simulated in (False, True)]
    if as_json:
        print_json([{"judge": each.judge, "raters": len(each.raters), **_plain(each)} for each in counted])
    for each in counted:
        if len(each.raters) and not as_json:
            out.print(rating.terminal(each), crop=False)
    if not any(len(each.raters) for each in counted):
        err.print("Nobody has answered a question that counts yet.")
    with writing(study.results.path):
        write_people_scores(study.results.path, [each.scores for each in counted])


def _plain(counted: "Tally") -> dict[str, Any]:
    """The tables of a tally that name nobody."""
    from ganbench.store.whole import json_rows

    return {name: json_rows(getattr(counted, name)) for name in ("errors", "strengths", "agreement", "scores")}
