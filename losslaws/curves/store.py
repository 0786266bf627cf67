"""The curves of a results folder: many in one file, `curves.parquet`, or each in a CSV file of its own in `curves/`.

    load_folder(folder)       {name: LossCurve}, whichever way they are kept
    holds_curves(folder)      whether there are any
    save_folder(folder, curves)   write curves.parquet

In the one file stretches that runs share are kept once, and nothing is lost: rows are steps, with rate (float64), training
loss and gradient norm (float32, as they were measured) and validation losses (float64, empty where none was taken). A run
that begins as an earlier one does has only the rows from its fork on; its metadata says whose the others are.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from losslaws.curves.about import check_about
from losslaws.curves.errors import InputError
from losslaws.curves.files import atomic
from losslaws.curves.loss_curve import EACH_STEP, LossCurve
from losslaws.curves.names import check_name

if TYPE_CHECKING:
    import pandas as pd

FILE, FOLDER = "curves.parquet", "curves"
UNREADABLE = (OSError, ValueError, KeyError, RecursionError)
KEY = b"losslaws.curves"  # of the file's metadata: {name: what is known of the run, "begins": [name, steps] or null}


def holds_curves(folder: Path | str) -> bool:
    """Whether `folder` holds curves of either kind."""
    return (Path(folder) / FILE).is_file() or (Path(folder) / FOLDER).is_dir()


def load_folder(folder: Path | str) -> dict[str, LossCurve]:
    """Load every curve of a results folder, by name, in order of their names. Raises InputError for a folder without curves."""
    folder = Path(folder)
    if (folder / FILE).is_file():
        return unpack(folder / FILE)
    curves = {path.stem: LossCurve.load(path) for path in sorted((folder / FOLDER).glob("*.csv"))}
    if not curves:
        raise InputError(f"{folder}: holds no loss curves ({FILE}, or {FOLDER}/*.csv); run `make reproduce` first")
    return curves


def kept_names(folder: Path | str) -> set[str]:
    """The names of the curves in `folder`/curves.parquet, none without one. Raises InputError where it is something else."""
    import pyarrow.parquet as pq
    from pyarrow.lib import ArrowException

    path = Path(folder) / FILE
    try:
        return set(known_runs(pq.read_schema(path).metadata)) if path.exists() else set()
    except (ArrowException, *UNREADABLE) as error:
        raise no_curves(path, error) from None


def save_folder(folder: Path | str, curves: Iterable[LossCurve]) -> Path:
    """Write the curves to `folder`/curves.parquet, whole or not at all; return that path."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    known: dict[str, dict] = {}
    whole: dict[str, pd.DataFrame] = {}
    parts = []
    for curve in sorted(curves, key=lambda curve: curve.name):
        table = curve.table()
        table = table.astype({column: np.float32 for column in EACH_STEP if column in table})
        begins = longest_beginning(table, whole)
        whole[check_name(curve.name, "curve")] = table
        known[curve.name] = curve.about() | {"begins": begins}
        parts.append(table.iloc[begins[1] if begins else 0 :].assign(curve=curve.name))
    rows = pd.concat(parts, ignore_index=True)
    rows = rows.astype({"curve": pd.CategoricalDtype(list(known)), "step": np.int32})
    table = pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata({KEY: json.dumps(known)})
    path = Path(folder) / FILE
    with atomic(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", compression_level=19)
    return path


def longest_beginning(table: "pd.DataFrame", others: dict[str, "pd.DataFrame"]) -> tuple[str, int] | None:
    """The curve among `others` with which `table` has most leading rows in common, bit for bit, and their number."""
    best, most = None, 0
    for name, other in others.items():
        if list(other) != list(table):
            continue
        size = min(len(table), len(other))
        a, b = (one.iloc[:size].to_numpy(np.float64) for one in (table, other))
        same = ((a == b) | (np.isnan(a) & np.isnan(b))).all(axis=1)
        count = size if same.all() else int(np.argmin(same))
        if count > most:
            best, most = name, count
    return (best, most) if best else None


def known_runs(metadata: dict[bytes, bytes] | None) -> dict[str, dict]:
    """What the metadata of a file says of its runs. Raises ValueError and KeyError where it is not what `save_folder` writes."""
    known = json.loads((metadata or {})[KEY])
    if not isinstance(known, dict):
        raise ValueError("its metadata are no object")
    for name, about in known.items():
        begins = about.get("begins") if isinstance(about, dict) else 0
        if begins is not None and not (isinstance(begins, list) and list(map(type, begins)) == [str, int]):
            raise ValueError(f"its metadata of {name!a} do not say how the run begins")
    return known


def no_curves(path: Path, error: Exception) -> InputError:
    """What to say of a file that cannot be read."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return InputError(f"{path}: is not a file of loss curves ({reason})")


def unpack(path: Path) -> dict[str, LossCurve]:
    """Read a file that `save_folder` wrote. Raises InputError that names the file and what is wrong with it."""
    import pandas as pd
    import pyarrow.parquet as pq
    from pyarrow.lib import ArrowException

    try:
        table = pq.read_table(path)
        known = known_runs(table.schema.metadata)
        rows = dict(tuple(table.to_pandas().groupby("curve", observed=True, sort=False)))
    except (ArrowException, *UNREADABLE) as error:
        raise no_curves(path, error) from None
    curves: dict[str, LossCurve] = {}
    whole: dict[str, pd.DataFrame] = {}
    for name, about in known.items():
        part = rows[name].drop(columns="curve").dropna(axis=1, how="all") if name in rows else pd.DataFrame()
        begins = about.pop("begins", None)
        if begins:
            if begins[0] not in whole:
                raise InputError(f"{path}: '{name}' begins as '{begins[0]}' does, which is not there")
            part = pd.concat([whole[begins[0]].iloc[: begins[1]], part], ignore_index=True)
        if list(part.get("step", [])) != list(range(1, len(part) + 1)) or part.empty:
            raise InputError(f"{path}: the steps of '{name}' do not count 1, 2, 3, ...")
        whole[name] = part
        try:
            curves[name] = LossCurve.of(check_name(name, "curve"), part, check_about(about, name))
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
    return curves
