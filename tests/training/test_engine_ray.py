"""The Ray engine on a cluster of two nodes on this machine: a worker is killed, then a node is stopped."""

import os
import signal
import threading
import time

import pytest

from tests.training.conftest import CELLS, worker_of
from training import config, engines, sweep
from training.loop import train

ray = pytest.importorskip("ray")


pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(monkeypatch):
    """A head that runs nothing and two nodes of one CPU each, bound to this machine."""
    from ray._private import ray_constants
    from ray.cluster_utils import Cluster

    # all addresses are 127.0.0.1, in this process and in those that it starts; other tests know nothing of it
    monkeypatch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", False)
    monkeypatch.setenv(ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR, "0")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    small = {"object_store_memory": 80 * 2**20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
    nodes = [cluster.add_node(num_cpus=1, **small) for _ in range(2)]
    yield cluster, nodes
    ray.shutdown()
    cluster.shutdown()


def node_of(pid, nodes):
    """The node whose raylet is an ancestor of process `pid`."""
    import psutil

    raylets = {info.process.pid: node for node in nodes for info in node.all_processes["raylet"]}
    return next(raylets[parent.pid] for parent in psutil.Process(pid).parents() if parent.pid in raylets)


def wait_for(cell, steps, launch):
    while cell.folder.recorded_steps() < steps:
        assert launch.is_alive()
        time.sleep(0.01)


def test_a_launch_that_ray_ends_upon_sigterm_ends_as_any_other(tmp_path, capsys):
    small = sweep.Sweep("small", 1, 1e10, {}, tmp_path, tmp_path / "runs")
    with pytest.raises(SystemExit) as caught, engines.ended_in_order(small):
        raise SystemExit(signal.SIGTERM)  # what ray.init has SIGTERM do
    assert caught.value.code == 143
    assert capsys.readouterr().err == "sweep 'small': ended by SIGTERM; the same command goes on\n"
    with pytest.raises(SystemExit) as caught, engines.ended_in_order(small):
        raise SystemExit(1)
    assert caught.value.code == 1 and not capsys.readouterr().err


def test_a_raylet_that_dies_leaves_its_name_where_its_worker_could_not(write_sweep, monkeypatch):
    from training.engines import ray as engine

    def died(reference):
        raise ray.exceptions.LocalRayletDiedError

    planned = sweep.load(write_sweep({"trunk": CELLS["trunk"]}))
    monkeypatch.setattr(ray, "get", died)
    engine.report(planned.segments()[0], None)
    state, steps, line = sweep.state(planned.cells["trunk"])
    assert (state, steps) == ("failed", 0) and line.startswith("LocalRayletDiedError: ")


def test_a_killed_worker_and_a_stopped_node_lose_nothing(cluster, write_sweep, tmp_path):
    cluster, nodes = cluster
    cells = {**CELLS, "trunk": "fit | schedule=constant schedule.warmup=5 steps=600 checkpoint.every=20"}
    planned = sweep.load(write_sweep(cells))
    trunk = planned.cells["trunk"]
    launch = threading.Thread(target=engines.run, args=(planned, "ray", [f"address={cluster.address}"]))
    launch.start()
    wait_for(trunk, 100, launch)
    os.kill(worker_of(trunk), signal.SIGKILL)
    wait_for(trunk, 250, launch)
    cluster.remove_node(node_of(worker_of(trunk), nodes), allow_graceful=False)
    launch.join()
    assert len([node for node in planned.segments() if not node.done()]) == 0
    for name, cell in planned.cells.items():
        alone = train(config.load([*cell.overrides, f"runs={tmp_path / 'alone'}"]))
        assert cell.folder.record.read_bytes() == alone.record.read_bytes(), name
    assert (trunk.folder.path / "log.txt").read_text().count("tokens per step") >= 3  # begun, and begun again twice
