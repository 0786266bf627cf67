"""Console output of widespread trainers gives the run that was printed."""

import numpy as np
import pytest

from losslaws.curves import logs
from tests.losslaws.curves.logs.consoles import BOTH, CONSOLES, LITGPT_HAS_NO_RATE, console
from tests.losslaws.curves.logs.sample_logs import RUN


@pytest.mark.parametrize("name", CONSOLES)
def test_a_console_gives_the_run(name, tmp_path):
    (tmp_path / "run.log").write_text(console(name))
    given = RUN.schedule if name in LITGPT_HAS_NO_RATE else None
    reading = logs.look(tmp_path / "run.log", schedule=given)
    curve, steps = reading.whole(), np.arange(10, 401, 10)
    assert reading.last == 400 and abs(curve.schedule.warmup - 50) <= 10
    np.testing.assert_allclose(curve.schedule.lr[60:], RUN.schedule.lr[60:], atol=0.02e-3)
    np.testing.assert_allclose(curve.train_loss[steps - 1], RUN.train_loss[steps - 1], atol=1e-4)
    if CONSOLES[name][1] == BOTH:
        np.testing.assert_array_equal(curve.step, RUN.step)
        np.testing.assert_allclose(curve.loss, RUN.loss, atol=1e-4)
    else:
        assert reading.used == "train_loss"
