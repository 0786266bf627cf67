import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from losslaws.curves import InputError
from training.corpus.batches import train_batch, val_batches

shapes = st.tuples(st.integers(2, 300), st.integers(1, 9), st.integers(1, 12)).filter(lambda s: s[0] > s[2])


def text(tokens):
    return np.arange(tokens, dtype=np.uint16)  # a token says where it stands


@given(shapes, st.integers(0, 5), st.integers(0, 3))
def test_every_epoch_visits_every_window_once(shape, seed, epoch):
    tokens, sequences, length = shape
    windows = (tokens - 1) // length
    first, last = epoch * windows, (epoch + 1) * windows  # of all windows that training visits, in order
    steps = range(first // sequences + 1, (last - 1) // sequences + 2)
    rows = np.concatenate([train_batch(text(tokens), step, seed, sequences, length) for step in steps])
    skip = first - (steps[0] - 1) * sequences
    starts = rows[skip : skip + windows, 0]
    assert sorted(starts) == [window * length for window in range(windows)]


@given(shapes, st.integers(0, 5), st.integers(1, 40))
def test_a_batch_holds_whole_windows_and_follows_from_step_and_seed(shape, seed, step):
    tokens, sequences, length = shape
    rows = train_batch(text(tokens), step, seed, sequences, length)
    assert rows.shape == (sequences, length + 1)
    assert rows.dtype == np.int64
    assert (np.diff(rows, axis=1) == 1).all()
    np.testing.assert_array_equal(rows, train_batch(text(tokens), step, seed, sequences, length))


@given(shapes, st.integers(0, 5), st.integers(1, 20))
def test_the_order_of_the_windows_does_not_depend_on_the_batch(shape, seed, step):
    tokens, sequences, length = shape
    singles = [
        train_batch(text(tokens), s, seed, 1, length)[0]
        for s in range((step - 1) * sequences + 1, step * sequences + 1)
    ]
    np.testing.assert_array_equal(train_batch(text(tokens), step, seed, sequences, length), singles)


def test_seeds_and_epochs_have_orders_of_their_own():
    order = {
        (seed, epoch): train_batch(text(1001), epoch + 1, seed, 100, 10)[:, 0].tolist()
        for seed in (0, 1)
        for epoch in (0, 1)
    }
    assert len({tuple(starts) for starts in order.values()}) == 4


@given(shapes)
def test_validation_is_every_full_window_in_order(shape):
    tokens, sequences, length = shape
    batches = list(val_batches(text(tokens), sequences, length))
    assert all(len(rows) == sequences for rows in batches[:-1])
    rows = np.concatenate(batches)
    assert rows[:, 0].tolist() == list(range(0, (tokens - 1) // length * length, length))
    np.testing.assert_array_equal(rows[:, 1:].ravel(), np.arange(1, len(rows) * length + 1))


@pytest.mark.parametrize("read", [lambda t: train_batch(t, 1, 0, 2, 10), lambda t: list(val_batches(t, 2, 10))])
def test_a_text_shorter_than_a_sequence_is_refused(read):
    with pytest.raises(InputError, match="10 tokens holds no sequence of 10"):
        read(text(10))
    assert len(read(text(11)))
