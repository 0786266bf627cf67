"""What a watch is tried on, and how the tries are counted."""

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
    rows = pd.DataFrame(benchmark.rows(RUN)).set_index(["kind", "size"])
    assert not rows.loc[(benchmark.HEALTHY, 0.0), "alarm"] and rows.loc[(benchmark.HEALTHY, 0.0), "inside"] > 0.9
    found = rows.loc[("spike that stays", 0.03)]
    assert found["alarm"] and found["side"] == "above" and 0 < found["delay"] < 12 and abs(found["since"]) <= 1
    assert rows.loc[("other data", -0.03), "side"] == "below"
    assert not rows.loc[("spike that recovers", 0.03), "alarm"]


def table():
    """Two rules, two groups of authors: the lower limit has a false alarm where it is chosen."""
    rows = []
    for authors, limit in [(a, b) for a in (benchmark.CHOSEN_ON[0], "B") for b in (6.0, 12.0, 16.0)]:
        for i in range(10):
            about = {"authors": authors, "allowance": 1.5, "limit": limit, "inside": 0.95, "losses": 50}
            false = authors != "B" and limit == 6.0 and i == 0
            rows.append(
                about | {"kind": benchmark.HEALTHY, "size": 0.0, "alarm": false, "delay": np.nan, "since": np.nan}
            )
            hit = i < {6.0: 9, 12.0: 6, 16.0: 2}[limit]
            rows.append(about | {"kind": "slow drift", "size": 0.01, "alarm": hit, "delay": 5.0, "since": -1.0})
    return pd.DataFrame(rows)


def test_the_rule_that_notices_most_without_a_false_alarm_is_chosen():
    assert benchmark.choose(table()) == (1.5, 12.0)
    chosen = benchmark.under(table(), (1.5, 12.0))
    false = benchmark.false_alarms(chosen).set_index("authors")
    assert false.loc["unseen", "runs"] == 10 and false.loc["unseen", "false_alarms"] == 0
    assert false.loc["unseen", "rate_at_most"] == pytest.approx(1 - 0.05**0.1)
    hits = benchmark.hits(chosen)
    assert list(hits["share"]) == [0.6, 0.6] and list(hits["since"]) == [1.0, 1.0]
    assert list(benchmark.rules(table())["false_chosen_on"]) == [1, 0, 0]


def test_the_page_is_written(tmp_path):
    pages = benchmark.write(table(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} >= {"watch.md", "false_alarms.csv", "hits.csv", "rules.csv"}
    text = pages[0].read_text()
    assert "allowance 1.5, limit 12" in text and ("the library has" in text) == (
        (RULE.allowance, RULE.limit) != (1.5, 12)
    )
