import numpy as np
import pytest

from losslaws import laws
from losslaws.curves import public
from losslaws.fitting import bootstrap, fit


@pytest.mark.parametrize("name, fixed, most", [("annealing", {"lambda": 0.999}, 10), ("multi_power", {}, 25)])
def test_a_fit_asks_for_few_bases_and_a_draw_for_fewer(name, fixed, most, monkeypatch):
    """What a fit costs: how often it evaluates the law's basis, which is where the time goes."""
    law, asked = laws.build(name), []
    basis = type(law).basis
    monkeypatch.setattr(type(law), "basis", lambda *arguments: asked.append(1) or basis(*arguments))
    found = fit(law, [public.multi_power("100M")[key] for key in public.MULTI_POWER_FIT], fixed=fixed)
    starts = np.prod([1 if p.name in fixed else len(p.starts) for p in law.parameters if not p.linear])
    assert len(asked) - starts <= most
    asked.clear()
    bootstrap(found, n=10)
    assert len(asked) <= 10 * most
