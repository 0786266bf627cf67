from training.bench import measure


def test_the_bench_times_three_loops_on_the_same_batches(overrides):
    rows = measure("llama-0.1m", rounds=1, steps=2, overrides=overrides[1:])
    assert [row["loop"] for row in rows] == ["ours", "trainer", "plain"]
    for row in rows:
        assert row["tokens_per_second"] > 0
        assert row["tokens_per_step"] == 8 * 32
    assert rows[1]["speed_over_trainer"] == 1.0
