"""The Ray cluster whose nodes are SLURM jobs: what its head and its nodes are started with."""

import os
from types import SimpleNamespace

import pytest

from losslaws.curves import InputError

pytest.importorskip("ray")

from training.engines import allocation

pytestmark = pytest.mark.slow  # Ray takes seconds to import


def test_head_and_nodes_are_started_with_one_environment_in_which_a_choice_of_the_user_stays(monkeypatch):
    seen = []

    def started(*_, **__):
        seen.append(dict(os.environ))
        return SimpleNamespace(poll=lambda: 1, returncode=1)

    monkeypatch.setattr(allocation, "start", started)
    monkeypatch.setattr(allocation, "end", lambda process: None)
    monkeypatch.setattr(allocation, "reachable", lambda address: False)
    monkeypatch.setattr(allocation.signal, "signal", lambda *_: None)
    given = {"RAY_USAGE_STATS_ENABLED": "1", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    monkeypatch.setattr(os, "environ", dict(given))
    with pytest.raises(InputError, match="the head of a Ray cluster did not start"), allocation.head():
        pass
    monkeypatch.setattr(os, "environ", dict(given))
    allocation.host("nowhere:1", 1, 0)
    on_head, on_node = seen
    assert on_head == on_node
    assert on_node == given | {"RAY_AUTH_MODE": "disabled", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1"}
