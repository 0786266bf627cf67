"""CPU seconds of our fits beside the published procedures: results/bench_fit.csv (minutes)"""

import os
import subprocess
import sys

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def arguments(parser) -> None:
    pass


def run(args) -> None:
    # numpy reads the number of threads when it is loaded, which has happened here already
    done = subprocess.run([sys.executable, "-m", "analysis.published.bench"], env=os.environ | ONE_THREAD)
    sys.exit(done.returncode)
