"""Drivers in one folder: who lives, and whose a run is."""

import os
from pathlib import Path

import pytest

from ganbench.errors import BadResults
from ganbench.store import drivers
from ganbench.store.drivers import EXPIRES_S, at_work, living, spoken


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """What drivers have begun so far runs on another machine, whose locks are not seen."""
    here = drivers.machine()
    monkeypatch.setattr(drivers, "machine", lambda: f"other-{here}")
    monkeypatch.setattr(drivers, "_is_locked", lambda file: None)


def grow_old(file: Path, seconds: float) -> None:
    then = file.stat().st_mtime - seconds
    os.utime(file, (then, then))


def test_one_driver_works_at_a_time_unless_another_joins_it(tmp_path: Path) -> None:
    with at_work(tmp_path) as first:
        with pytest.raises(BadResults, match=f"at work in .*: process {os.getpid()} on .* share its runs with --join"):
            at_work(tmp_path).__enter__()
        assert living(tmp_path) == [first.name], "who was refused leaves nothing"
        with at_work(tmp_path, join=True) as second:
            assert sorted(living(tmp_path)) == sorted([first.name, second.name])
            assert (first.others(), second.others()) == ([second.name], [first.name])
    assert living(tmp_path) == [] and [*tmp_path.iterdir()] == []
    with at_work(tmp_path):
        pass


def test_a_run_is_one_drivers_until_it_lets_go(tmp_path: Path) -> None:
    with at_work(tmp_path) as first, at_work(tmp_path, join=True) as second:
        assert first.claim("a") and first.claim("a") and first.holds("a")
        assert not second.claim("a") and second.claim("b")
        assert not first.claim("b")
        first.release("b")
        assert second.holds("b"), "nobody lets go of what is not theirs"
        first.release("a")
        assert not first.holds("a") and second.claim("a")


def test_the_end_of_a_driver_lets_go_of_all(tmp_path: Path) -> None:
    with at_work(tmp_path) as first:
        with at_work(tmp_path, join=True) as second:
            assert second.claim("a")
        assert first.claim("a")


def test_a_driver_on_this_machine_is_dead_as_soon_as_its_process_is(tmp_path: Path) -> None:
    """Its files are there and fresh, but nobody holds the lock."""
    if (child := os.fork()) == 0:
        manager = at_work(tmp_path)
        os._exit(0 if manager.__enter__().claim("a") else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert len([*tmp_path.glob("drivers/*.json")]) == 1 and living(tmp_path) == []
    with at_work(tmp_path) as next_one:
        assert next_one.claim("a") and next_one.holds("a")
    assert [*tmp_path.iterdir()] == [], "what the dead one left is swept up"


@pytest.mark.usefixtures("elsewhere")
def test_a_driver_elsewhere_lives_as_long_as_it_touches_its_file(tmp_path: Path) -> None:
    with at_work(tmp_path) as first, at_work(tmp_path, join=True) as second:
        assert first.claim("a")
        grow_old(first.file, EXPIRES_S - 10)
        assert not second.claim("a")
        grow_old(first.file, EXPIRES_S)
        assert second.claim("a") and second.holds("a")
        assert not first.holds("a"), "it was silent for too long, and its run is another's now"
        first.release("a")
        assert second.holds("a")


@pytest.mark.usefixtures("elsewhere")
def test_a_dead_claim_is_taken_over_by_one_of_several(tmp_path: Path) -> None:
    with at_work(tmp_path) as dead, at_work(tmp_path, join=True) as b, at_work(tmp_path, join=True) as c:
        assert dead.claim("a")
        last = b._last("a")
        dead.file.unlink()
        assert b.claim("a")
        c._last = lambda run: last if run == "a" else None  # type: ignore[method-assign]  # it looked before b did
        assert not c.claim("a")


def test_a_claim_that_is_being_written_is_one(tmp_path: Path) -> None:
    with at_work(tmp_path) as ours:
        claim = tmp_path / "claims/a.1"
        claim.parent.mkdir()
        claim.touch()
        assert not ours.claim("a")
        grow_old(claim, EXPIRES_S + 1)
        assert ours.claim("a")


@pytest.mark.parametrize("content", [b"\0\0\0", b"\xff", b"../../elsewhere", 5_000 * b"x"])
def test_a_claim_that_names_no_driver_is_nobodys_after_a_while(tmp_path: Path, content: bytes) -> None:
    """A machine that lost its power leaves zeros."""
    claim = tmp_path / "claims" / "a.1"
    claim.parent.mkdir()
    claim.write_bytes(content)
    with at_work(tmp_path) as driver:
        assert not driver.claim("a"), "it may be that somebody writes it"
        grow_old(claim, EXPIRES_S + 60)
        assert driver.claim("a")


def test_the_heart_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drivers, "BEAT_S", 0.01)
    with at_work(tmp_path) as ours:
        grow_old(ours.file, 1000)
        old = ours.file.stat().st_mtime
        for _ in range(500):
            if ours.file.stat().st_mtime > old + 500:
                break
            drivers.Event().wait(0.01)
        assert ours.file.stat().st_mtime > old + 500


def test_a_driver_is_spoken_of_by_its_process_and_host(tmp_path: Path) -> None:
    with at_work(tmp_path) as ours:
        assert spoken(ours.name) == f"process {os.getpid()} on {drivers.machine().partition('@')[0]}"
