"""A Ray cluster of two nodes does the runs as this machine does, and survives the loss of a node."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from shutil import rmtree
from threading import Thread
from time import monotonic, sleep
from typing import Any

import pandas as pd
import pytest

from ganbench.errors import NoDevice
from ganbench.executors import Job, JobReport
from ganbench.store import read

ray = pytest.importorskip("ray")
Command = Callable[..., Any]

OBJECTS = 80 * 2**20  # bytes of a node's object store: about the least that Ray takes
TOY = 'name = "gan"\noptions = { width = 8, z_dim = 2 }'


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without processors for runs, so that all runs are on nodes that can be lost. Nothing of it stays."""
    import psutil
    from ray.cluster_utils import Cluster

    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # a short name: sockets lie in it
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)
        head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": OBJECTS}
        made = Cluster(initialize_head=True, head_node_args=head)
        try:
            yield made
        finally:
            there = processes()
            ray.shutdown()
            made.shutdown()
            _, left = psutil.wait_procs(there, timeout=120)
            rmtree(folder, ignore_errors=True)
    assert not left


@pytest.fixture
def nodes(cluster: Any) -> Iterator[list[Any]]:
    """Two nodes for one run each."""
    added = [cluster.add_node(num_cpus=1, memory=2 * 2**30, object_store_memory=OBJECTS) for _ in range(2)]
    cluster.wait_for_nodes()
    yield added
    for node in added:
        if node in cluster.worker_nodes:
            cluster.remove_node(node)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[JobReport]:
    """What the driver hears of its runs."""
    from ganbench.executors.ray import Ray

    reports, call = list[JobReport](), Ray.__call__

    def listened(executor: Ray, jobs: Iterable[Job]) -> Iterator[JobReport]:
        with closing(call(executor, jobs)) as found:  # type: ignore[type-var]
            for report in found:
                reports.append(report)
                yield report

    monkeypatch.setattr(Ray, "__call__", listened)
    return reports


def processes() -> list[Any]:
    """Those of the cluster, and all that they have started."""
    import psutil

    alive = [one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE]
    rays = [one for one in alive if "ray/" in one.exe() + " ".join(one.cmdline()[:3])]
    return [*rays, *(child for one in rays for child in one.children(recursive=True))]


def wait_until(found: Callable[[], object], seconds: float = 600) -> None:
    end = monotonic() + seconds
    while not found():
        assert monotonic() < end
        sleep(0.05)


def assert_same_records(one: Path, other: Path) -> None:
    """To the bit, but for what was measured with a clock."""
    a, b = read(one), read(other)
    pd.testing.assert_frame_equal(a.scores, b.scores, check_exact=True)
    pd.testing.assert_frame_equal(a.losses, b.losses, check_exact=True)
    for run in a.runs["run"]:
        files = [{file.name for file in (found.path / run).iterdir()} for found in (a, b)]
        assert files[0] == files[1]
        for name in ("last.safetensors", "selected.safetensors", "samples.npy"):
            assert (a.path / run / name).read_bytes() == (b.path / run / name).read_bytes()
    columns = [c for c in a.runs if not c.endswith(("seconds", "_s", "second", "memory")) and c != "command"]
    pd.testing.assert_frame_equal(a.runs[columns], b.runs[columns], check_exact=True)


@pytest.mark.cluster
def test_records_are_those_of_one_machine_to_the_bit(
    ganbench: Command, suite_file: Command, cluster: Any, nodes: list[Any], tmp_path: Path
) -> None:
    """Also of a variant from a file beside the suite."""
    suite = suite_file((TOY, 'name = "toys.py:Toy"'))
    ran = ganbench("run", suite, "--results", tmp_path / "ray", "--executor", "ray", "--address", cluster.address)
    assert ran.code == 0, ran.err
    assert ganbench("run", suite, "--results", tmp_path / "local", "--device", "cpu", "--workers", 2).code == 0
    assert_same_records(tmp_path / "ray", tmp_path / "local")


def kill(process: Any) -> None:
    """Kill a process; those that it has started have to end by themselves then."""
    import psutil

    started = process.children(recursive=True)
    process.kill()
    process.wait(120)  # a zombie would look alive to them
    _, left = psutil.wait_procs(started, timeout=120)
    assert not left


def lose_a_node(cluster: Any, nodes: list[Any]) -> None:
    import psutil

    (raylet,) = nodes[0].all_processes["raylet"]
    kill(psutil.Process(raylet.process.pid))
    cluster.remove_node(nodes[0], allow_graceful=False)


def kill_a_worker(cluster: Any, nodes: list[Any]) -> None:
    tasks = [one for one in processes() if "ray::do_parcel" in "".join(one.cmdline()[:1])]
    assert len(tasks) == 2
    kill(tasks[0])


@pytest.mark.cluster
@pytest.mark.parametrize("fault", [lose_a_node, kill_a_worker])
def test_what_is_lost_goes_on_from_its_last_state_and_ends_as_on_one_machine(
    fault: Callable[..., None], ganbench: Command, suite_file: Command, cluster: Any, nodes: list[Any],
    heard: list[JobReport], tmp_path: Path,
) -> None:  # fmt: skip
    """Two runs wait in their 25th of 40 steps, of which the 20th was the last that was saved, until one is lost."""
    states, gate = tmp_path / "states", tmp_path / "gate"
    suite = suite_file(
        (TOY, f'name = "toys.py:Waits"\noptions = {{ until = "{gate}" }}'),
        ("updates = 20", "updates = 40"), ("evaluations = 2", "evaluations = 4"), ('["real", "noise"]', "[]"),
    )  # fmt: skip

    broken = []

    def break_it() -> None:
        try:
            wait_until(lambda: len({report.job.spec.id for report in heard if report.share > 0.55}) == 2)
            assert len([*states.glob("*.pt")]) == 2
            fault(cluster, nodes)
            broken.append(fault)
        finally:
            gate.touch()

    breaking = Thread(target=break_it, daemon=True)
    breaking.start()
    options = ["--executor", "ray", "--address", cluster.address, "--checkpoints", states]
    ran = ganbench("run", suite, "--results", tmp_path / "ray", *options)
    assert ran.code == 0, ran.err
    assert broken
    assert [*states.iterdir()] == [], "states of runs that have ended are removed"

    falls = []
    for run in {report.job.spec.id for report in heard}:
        shares = [report.share for report in heard if report.job.spec.id == run]
        falls += [next(s for s in shares[i:] if s) for i, (a, b) in enumerate(pairwise(shares), 1) if b < a]
    assert falls == [pytest.approx(21 / 40)], "one run began again, after its 20th step"

    assert ganbench("run", suite, "--results", tmp_path / "local", "--device", "cpu", "--workers", 2).code == 0
    assert_same_records(tmp_path / "ray", tmp_path / "local")


@pytest.mark.cluster
def test_a_run_that_kills_itself_is_done_again_once(
    ganbench: Command, suite_file: Command, cluster: Any, nodes: list[Any], tmp_path: Path
) -> None:
    suite = suite_file(
        (TOY, 'name = "toys.py:Killed"\nlabel = "toy"'),
        ("seeds = 2", "seeds = 1"),
        ('["real", "noise"]', '["real"]'),
    )
    ran = ganbench("run", suite, "--results", tmp_path, "--executor", "ray", "--address", cluster.address)
    assert ran.code == 3 and "toy on ring8, seed 0: to be done again" in ran.err
    assert read(tmp_path).runs.set_index("label")["status"].to_dict() == {"toy": "crashed", "real": "done"}


def test_a_cluster_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from ganbench.executors import ray as ours

    def refuses(**_: Any) -> None:
        raise ConnectionError("nobody answers")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", refuses)
    with pytest.raises(NoDevice, match="No Ray cluster at far:6379: ConnectionError: nobody answers"):
        ours._connected("far:6379")
