"""A Ray cluster of two nodes does the runs as this machine does, and survives the loss of a node."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pandas as pd
import pytest

from ganbench.errors import NoDevice
from ganbench.store import read

ray = pytest.importorskip("ray")
Command = Callable[..., Any]
pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without processors for runs, so that all runs are on nodes that can be lost."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture
def nodes(cluster: Any) -> Iterator[list[Any]]:
    """Two nodes for one run each."""
    added = [cluster.add_node(num_cpus=1, memory=2 * 2**30) for _ in range(2)]
    cluster.wait_for_nodes()
    yield added
    for node in added:
        if node in cluster.worker_nodes:
            cluster.remove_node(node)


def wait_until(found: Callable[[], object], seconds: float = 600) -> None:
    end = monotonic() + seconds
    while not found():
        assert monotonic() < end
        sleep(0.05)


def test_records_are_those_of_one_machine_to_the_bit(
    ganbench: Command, suite_file: Command, cluster: Any, nodes: list[Any], tmp_path: Path
) -> None:
    """Also of a variant from a file beside the suite."""
    suite = suite_file(('name = "gan"\noptions = { width = 8, z_dim = 2 }', 'name = "toys.py:Toy"'))
    ran = ganbench("run", suite, "--results", tmp_path / "ray", "--executor", "ray", "--address", cluster.address)
    assert ran.code == 0, ran.err
    assert ganbench("run", suite, "--results", tmp_path / "local", "--device", "cpu", "--workers", 2).code == 0
    one, other = read(tmp_path / "ray"), read(tmp_path / "local")
    pd.testing.assert_frame_equal(one.scores, other.scores, check_exact=True)
    pd.testing.assert_frame_equal(one.losses, other.losses, check_exact=True)
    for run in one.runs["run"]:
        files = [{file.name for file in (found.path / run).iterdir()} for found in (one, other)]
        assert files[0] == files[1]
        for name in ("last.safetensors", "selected.safetensors", "samples.npy"):
            assert (one.path / run / name).read_bytes() == (other.path / run / name).read_bytes()
    columns = [c for c in one.runs if not c.endswith(("seconds", "_s", "second", "memory")) and c != "command"]
    pd.testing.assert_frame_equal(one.runs[columns], other.runs[columns], check_exact=True)


def test_a_lost_node_costs_what_was_done_since_the_last_state(
    ganbench: Command, suite_file: Command, cluster: Any, nodes: list[Any], tmp_path: Path
) -> None:
    from threading import Thread

    from ganbench.executors import Job, JobReport
    from ganbench.executors.ray import Ray
    from ganbench.suite import loading

    suite = suite_file(
        ('name = "gan"\noptions = { width = 8, z_dim = 2 }', 'name = "toys.py:Slow"'),
        ("updates = 20", "updates = 400"), ("evaluations = 2", "evaluations = 20"), ("seeds = 2", "seeds = 1"),
        ('["real", "noise"]', "[]"),
    )  # fmt: skip
    (run,) = loading.load(suite).runs
    states, workdir = tmp_path / "states", tmp_path / "work"
    workdir.mkdir()
    executor = Ray("cpu", address=cluster.address, checkpoints=str(states))
    reports: list[JobReport] = []
    listening = Thread(target=lambda: reports.extend(_kept(executor([Job(run, workdir)]), reports)))
    listening.start()
    wait_until(lambda: [*states.glob("*.pt")])
    wait_until(lambda: any(map(_is_busy, nodes)))
    (used,) = filter(_is_busy, nodes)
    cluster.remove_node(used, allow_graceful=False)
    listening.join(600)
    assert not listening.is_alive()
    assert reports[-1].status == "done", reports[-1]
    shares = [report.share for report in reports]
    again = next(i for i, (a, b) in enumerate(pairwise(shares)) if b < a)
    assert shares[again + 1] > 0.02, "it went on from a state"
    assert not [*states.iterdir()], "nothing is left of it"
    whole = tmp_path / "whole"
    suite.with_name("hurry").touch()
    assert ganbench("run", suite, "--results", whole, "--device", "cpu").code == 0
    found = read(whole)
    pd.testing.assert_frame_equal(
        pd.read_parquet(workdir / "scores.parquet"), pd.read_parquet(found.path / run.id / "scores.parquet")
    )


def _kept(reports: Iterator[Any], seen: list[Any]) -> list[Any]:
    for report in reports:
        seen.append(report)
    return []


def _is_busy(node: Any) -> bool:
    """Whether a task has the node's processor."""
    from ray._private.state import available_resources_per_node

    return not available_resources_per_node()[node.node_id].get("CPU")


def test_a_killed_worker_is_one_run_that_is_done_again(
    ganbench: Command, suite_file: Command, cluster: Any, nodes: list[Any], tmp_path: Path
) -> None:
    suite = suite_file(
        ('name = "gan"\noptions = { width = 8, z_dim = 2 }', 'name = "toys.py:Killed"\nlabel = "toy"'),
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
