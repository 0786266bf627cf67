"""Hydra's own multirun with its plug-in launchers, for simple sweeps."""

import pytest

from training.run_folder import RunFolder

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("plugin", "launcher"), [("joblib", "joblib"), ("submitit", "submitit_local")])
def test_a_multirun_through_a_launcher(overrides, command, tmp_path, plugin, launcher):
    pytest.importorskip(f"hydra_plugins.hydra_{plugin}_launcher")
    limit = ["hydra.launcher.n_jobs=2"] if launcher == "joblib" else ["hydra.launcher.timeout_min=60"]
    done = command(["-m", *overrides, f"hydra/launcher={launcher}", *limit, "steps=10", "schedule=constant,cosine"])
    assert done.returncode == 0, done.stderr
    folders = [RunFolder(path.parent) for path in (tmp_path / "runs").glob("*/complete.json")]
    assert sorted(folder.path.name.split("-")[0] for folder in folders) == ["constant", "cosine"]
    assert all(folder.complete["status"] == "complete" for folder in folders)
