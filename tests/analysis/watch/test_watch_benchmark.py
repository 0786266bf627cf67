"""What a watch is tried on, and how the tries are counted."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from analysis.watch import benchmark
from analysis.watch.damage import DAMAGES, Run, begin, damaged
from losslaws.forecast.watch import RULE
from tests.losslaws.forecast.made import made, plan

RUN = Run("A", "made", "adamw", made(plan("constant", 12_000)))


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damage_leaves_what_was_before_it_and_has_the_size_that_is_said(kind):
    k, size = begin(RUN.curve), DAMAGES[kind][0][-1]
    change = damaged(RUN, kind, size).loss / RUN.curve.loss - 1
    assert np.all(change[:k] == 0) and np.any(np.abs(change[k:]) > 1e-4)
    ends = {"spike that stays": size, "spike that recovers": 0, "slow drift": size, "other data": size}
    if kind in ends:
        assert change[-1] == pytest.approx(ends[kind], abs=1e-3)
    else:  # the loss falls with the rate: the noise goes
        assert change[k + 3] < -1e-3


def test_a_large_damage_is_noticed_and_a_healthy_run_is_not():
    rows = benchmark.under(pd.DataFrame(benchmark.rows(RUN)), RULE).set_index(["kind", "size"])
    assert not rows.loc[(benchmark.HEALTHY, 0.0), "alarm"] and rows.loc[(benchmark.HEALTHY, 0.0), "inside"] > 0.9
    found = rows.loc[("spike that stays", 0.03)]
    assert found["alarm"] and found["side"] == "above" and 0 < found["delay"] < 12 and abs(found["since"]) <= 1
    assert rows.loc[("other data", -0.03), "side"] == "below"
    assert not rows.loc[("spike that recovers", 0.03), "alarm"]


def table():
    """Every rule on two groups of authors: the soonest have a false alarm where a rule is chosen."""
    rows = []
    for authors, rule in product((benchmark.CHOSEN_ON[0], "B"), benchmark.RULES):
        about = {"authors": authors, "allowance": rule.allowance, "limit": rule.limit, "inside": 0.95, "losses": 50}
        for i in range(10):
            false = authors != "B" and benchmark.soonest(rule) < 9 and i == 0
            rows.append(
                about | {"kind": benchmark.HEALTHY, "size": 0.0, "alarm": false, "delay": np.nan, "since": np.nan}
            )
            if rule == RULE:
                rows.append(about | {"kind": "slow drift", "size": 0.01, "alarm": i < 6, "delay": 5.0, "since": -1.0})
    return pd.DataFrame(rows)


def test_the_soonest_rule_without_a_false_alarm_is_chosen():
    rule = benchmark.choose(table())
    assert (rule.allowance, rule.limit) == (2.0, 14.0) and benchmark.soonest(rule) == pytest.approx(14 / 1.5)
    chosen = benchmark.under(table(), RULE)
    false = benchmark.false_alarms(chosen).set_index("authors")
    assert false.loc["unseen", "runs"] == 10 and false.loc["unseen", "false_alarms"] == 0
    assert false.loc["unseen", "rate_at_most"] == pytest.approx(1 - 0.05**0.1)
    hits = benchmark.hits(chosen)
    assert list(hits["share"]) == [0.6, 0.6] and list(hits["since"]) == [1.0, 1.0]
    rules = benchmark.rules(table())
    assert list(rules["false_chosen_on"]) == [int(soon < 9) for soon in rules["losses_until_noticed"]]
    assert all(rule.limit / rule.most == pytest.approx(benchmark.LEAST) for rule in benchmark.RULES)


def test_the_page_is_written(tmp_path):
    pages = benchmark.write(table(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} >= {"watch.md", "false_alarms.csv", "hits.csv", "rules.csv"}
    assert "Chosen here: 2 and 14" in pages[0].read_text()
