"""Who answered what: one schema for SQLite, beside the results, and for PostgreSQL, where a study is shared.

A rater's questions are written down when they begin, so that a closed browser or a killed server loses nothing. An
answer is written once, and only to a question that has been shown; it is on disk when the rater hears of it.
"""

from datetime import UTC, datetime
from secrets import randbits, token_urlsafe
from typing import Any, NamedTuple

import pandas as pd
from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    event,
    func,
    insert,
    select,
    update,
)  # fmt: skip
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from ganbench.errors import BenchError
from ganbench.rating.pictures import digest
from ganbench.rating.study import ANSWERS, Picture, Study, Trial

WAIT_S = 30  # for another writer of the same file

_tables = MetaData()
_raters = Table(
    "raters", _tables,
    # Tells raters apart in exports, and is worth nothing to a stranger: two that begin at once get two numbers.
    Column("number", Integer, primary_key=True),
    Column("rater", String(32), nullable=False, unique=True),  # random; who knows it goes on with these questions
    Column("nickname", String(40), nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("key", String(12), nullable=False),  # the study's
    Column("began", DateTime(timezone=True), nullable=False),
)  # fmt: skip
_trials = Table(
    "trials", _tables,
    Column("trial", String(32), primary_key=True),  # random
    Column("rater", ForeignKey("raters.rater"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("dataset", String(400), nullable=False),
    Column("first_run", String(80), nullable=False), Column("first_number", Integer, nullable=False),
    Column("first_digest", String(16), nullable=False),
    Column("second_run", String(80)), Column("second_number", Integer), Column("second_digest", String(16)),
    Column("truth", String(10), nullable=False),
    Column("practice", Boolean, nullable=False), Column("known", Boolean, nullable=False),
    Column("shown", DateTime(timezone=True)),
    Column("answered", DateTime(timezone=True)),
    Column("answer", String(10)),
    UniqueConstraint("rater", "position"),
)  # fmt: skip


class Asked(NamedTuple):
    """A question as it is kept."""

    id: str
    position: int  # from 0
    trial: Trial


class Refused(Exception):
    """An answer, or a rater, that the study does not take; the message says why."""


class Answers:
    """The answers to a study, in the database of that URL."""

    def __init__(self, url: str):
        """Raises BenchError if the database cannot be opened."""
        try:
            self.engine = create_engine(url, pool_size=20, pool_timeout=WAIT_S, **_options(url))
            if self.engine.dialect.name == "sqlite":
                event.listen(self.engine, "connect", _durable)
                event.listen(self.engine, "begin", _write_at_once)
            _tables.create_all(self.engine)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise BenchError(
                f"--answers {url!r} is no database that can be used: {error}. "
                "Needed is sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME."
            ) from error
        except SQLAlchemyError as error:
            cause = str(getattr(error, "orig", None) or error).strip()
            raise BenchError(f"The answers' database cannot be opened: {cause}. See --answers.") from error

    def add_rater(self, study: Study, nickname: str = "", simulated: bool = False) -> str:
        """A new rater's identifier; their questions are written down."""
        rater, seed = token_urlsafe(16), randbits(31)
        rows = [self._row(study, rater, i, trial) for i, trial in enumerate(study.trials(seed))]
        with self.engine.begin() as connection:
            who = {"rater": rater, "nickname": nickname, "simulated": simulated, "key": study.key, "began": _now()}
            connection.execute(insert(_raters), who)
            connection.execute(insert(_trials), rows)
        return rater

    def next_question(self, study: Study, rater: str) -> tuple[Asked | None, int]:
        """A rater's first question without an answer, from now on shown, and how many they have; None: all answered.

        Raises Refused for somebody who is no rater of this study.
        """
        with self.engine.begin() as connection:
            total = self._questions(connection, study, rater)
            row = _next_row(connection, rater)
            if row is None:
                return None, total
            if row.shown is None:
                connection.execute(update(_trials).where(_trials.c.trial == row.trial).values(shown=_now()))
            return Asked(row.trial, row.position, _trial(row)), total

    def answer(self, rater: str, trial: str, answer: str) -> Trial:
        """Write an answer down; the question it answers. Raises Refused, and then writes nothing."""
        with self.engine.begin() as connection:
            row = connection.execute(
                select(_trials).where(_trials.c.trial == trial, _trials.c.rater == rater)
            ).one_or_none()
            if row is None or row.shown is None:
                raise Refused("That question has not been shown to this rater.")
            if answer not in ANSWERS[row.kind]:
                raise Refused(f"Found {answer[:40]!r}; an answer is one of {', '.join(ANSWERS[row.kind])}.")
            written = connection.execute(
                update(_trials)
                .where(_trials.c.trial == trial, _trials.c.answer.is_(None))
                .values(answer=answer, answered=_now())
            )
            if written.rowcount != 1:
                raise Refused("That question has been answered already.")
            return _trial(row)

    def frame(self) -> pd.DataFrame:
        """A row per answer, practice left out: rater (a number), nickname, simulated, key, kind, dataset, first_run,
        first_digest, second_run, second_digest, truth, known, answer, seconds.
        """
        asked = select(
            _raters.c.number.label("rater"), _raters.c.nickname, _raters.c.simulated, _raters.c.key, _trials.c.position,
            _trials.c.kind, _trials.c.dataset, _trials.c.first_run, _trials.c.first_digest, _trials.c.second_run,
            _trials.c.second_digest, _trials.c.truth, _trials.c.known, _trials.c.answer, _trials.c.shown,
            _trials.c.answered,
        )  # fmt: skip
        asked = asked.join(_raters, _raters.c.rater == _trials.c.rater)
        asked = asked.where(_trials.c.answer.is_not(None), _trials.c.practice.is_(False))
        with self.engine.connect() as connection:
            found = pd.read_sql(asked.order_by(_raters.c.number, _trials.c.position), connection)
        taken = pd.to_datetime(found.pop("answered"), utc=True) - pd.to_datetime(found.pop("shown"), utc=True)
        return found.assign(seconds=taken.dt.total_seconds())

    def _row(self, study: Study, rater: str, position: int, trial: Trial) -> dict[str, Any]:
        pixels = study.pools[trial.dataset].pixels
        second = trial.second
        return {
            "trial": token_urlsafe(16), "rater": rater, "position": position, "kind": trial.kind,
            "dataset": trial.dataset, "first_run": trial.first.run, "first_number": trial.first.number,
            "first_digest": digest(pixels(trial.first)),
            "second_run": second and second.run, "second_number": second and second.number,
            "second_digest": second and digest(pixels(second)),
            "truth": trial.truth, "practice": trial.practice, "known": trial.known,
        }  # fmt: skip

    def _questions(self, connection: Connection, study: Study, rater: str) -> int:
        """How many questions a rater has."""
        key = connection.scalar(select(_raters.c.key).where(_raters.c.rater == rater))
        if key != study.key:
            raise Refused("Nobody of that identifier has begun this study.")
        return int(connection.scalar(select(func.count()).where(_trials.c.rater == rater)) or 0)


def _next_row(connection: Connection, rater: str) -> Any:
    unanswered = select(_trials).where(_trials.c.rater == rater, _trials.c.answer.is_(None))
    return connection.execute(unanswered.order_by(_trials.c.position).limit(1)).one_or_none()


def _trial(row: Any) -> Trial:
    second = None if row.second_run is None else Picture(row.second_run, row.second_number)
    first = Picture(row.first_run, row.first_number)
    return Trial(row.kind, row.dataset, first, second, row.truth, row.practice, row.known)


def _options(url: str) -> dict[str, Any]:
    return {"connect_args": {"timeout": WAIT_S}} if url.startswith("sqlite") else {}


def _durable(connection: Any, _: object) -> None:
    """An answer is on disk before the rater hears of it; readers do not stop writers."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def _write_at_once(connection: Connection) -> None:
    """Take the write lock first: two that have both read could otherwise not both write."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _now() -> datetime:
    return datetime.now(UTC)
