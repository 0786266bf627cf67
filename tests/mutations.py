"""Mutations made by cosmic-ray, drawn at random over what computes and reports: `make mutants` says which the tests catch.

In each file of WHERE, places are drawn (with a fixed seed) and one mutation at each; it is written into a copy of the repository, and the tests named
for the file run there. ONLY=WORD runs the files whose name holds the word, SAMPLE=n draws n places a file.
"""

import os
import random
import re
import shlex
import sys
from itertools import groupby
from pathlib import Path

from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import WorkItem

from tests.mutants import BOARD, CAST, FITTING, LAWS, LIMIT, PAPERS, A, F, L, copied

# what is mutated, and the tests that should see it
WHERE = {
    f"{LAWS}/annealing.py": L,
    f"{LAWS}/relaxation.py": L,
    f"{LAWS}/_blocks.py": L,
    f"{FITTING}/fits.py": F,
    f"{FITTING}/prior.py": F,
    f"{FITTING}/metrics.py": f"{F} {BOARD}",
    "losslaws/curves/store.py": "tests/losslaws/curves/test_store.py",
    "losslaws/search/kaplan.py": "tests/analysis/papers/kaplan/test_kaplan.py",
    "losslaws/forecast/predict.py": f"{CAST} tests/losslaws/forecast/test_refusals.py",
    "analysis/leaderboard/board.py": BOARD,
    "analysis/leaderboard/ranking.py": BOARD,
    "analysis/papers/claim.py": f"{A}/test_claims.py tests/analysis/papers/test_claim.py",
    f"{PAPERS}/noise.py": f"{A}/test_noise.py {A}/test_claims.py",
    f"{PAPERS}/grid.py": f"{A}/test_grid.py {A}/test_claims.py",
    f"{PAPERS}/verify.py": f"{A}/test_verify.py",
    f"{PAPERS}/benchmark.py": f"{A}/test_benchmark.py",
}
# left out: `|` stands in annotations, where nothing runs; bits and identity of floats raise at once, which any test sees; a decorator less is no arithmetic
LEFT_OUT = re.compile(r"BinaryOperator_BitOr|_(BitOr|BitAnd|BitXor|LShift|RShift|Is|IsNot)$|RemoveDecorator")


def drawn(file: str, many: int) -> list[WorkItem]:
    """Mutations of one file: places drawn at random, one of the operators that apply to each."""
    with use_db(":memory:", WorkDB.Mode.create) as found:
        init([Path(file)], found, {})
        items = [i for i in found.work_items if not LEFT_OUT.search(i.mutations[0].operator_name)]
    items.sort(
        key=lambda item: (item.mutations[0].start_pos, item.mutations[0].operator_name, item.mutations[0].occurrence)
    )
    dice = random.Random(file)
    places = [dice.choice(list(same)) for _, same in groupby(items, key=lambda item: item.mutations[0].start_pos)]
    return dice.sample(places, min(many, len(places)))


def main(only: str, many: int) -> int:
    """Run the mutations of every file whose name holds `only`; return how many survive."""
    survivors, caught = [], 0
    with copied() as copy:
        os.chdir(copy)
        os.environ["OMP_NUM_THREADS"] = "1"
        for file, tests in WHERE.items():
            if only not in file:
                continue
            command = shlex.join(
                [sys.executable, "-m", "pytest", "-n0", "-x", "-q", "-p", "no:cacheprovider", *tests.split()]
            )
            if mutate_and_test([], command, LIMIT).is_killed:
                raise SystemExit(f"{tests}: these tests fail without any mutation")
            for item in drawn(file, many):
                result = mutate_and_test(item.mutations, command, LIMIT)
                caught += result.is_killed
                survivors += [] if result.is_killed else [result.diff]
                at = f"{file}:{item.mutations[0].start_pos[0]} {item.mutations[0].operator_name.split('/')[-1]}"
                print(f"{caught + len(survivors)} {'caught' if result.is_killed else 'SURVIVES'}: {at}", flush=True)
    print(f"{caught} of {caught + len(survivors)} mutations caught")
    for diff in survivors:
        print(f"survives:\n{diff}")
    return len(survivors)


if __name__ == "__main__":
    sys.exit(bool(main(os.environ.get("ONLY", ""), int(os.environ.get("SAMPLE", "6")))))
