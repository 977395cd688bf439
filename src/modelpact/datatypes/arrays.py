"""NumPy arrays, sparse matrices, and what pandas has beside DataFrames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from modelpact.datatypes.base import Counts, Kind, Tolerance, UnlikeError, find_kind, register

if TYPE_CHECKING:
    from hashlib import _Hash

    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["ArrayKind", "SeriesKind", "SparseKind"]


_DOUBLES = {"f": np.float64, "c": np.complex128}
"""The dtypes of Python's numbers by the kind of dtype."""


@register
class ArrayKind(Kind["Array"]):
    """An ndarray; the first axis is rows, and an array without axes is one row."""

    types = frozenset({("numpy", "ndarray")})

    def count_rows(self, value: Array) -> int:
        return len(value) if value.ndim else 1

    def take_rows(self, value: Array, positions: Sequence[int]) -> Array:
        return value[list(positions)] if value.ndim else value

    def join_rows(self, first: Array, second: Array) -> Array:
        concatenate = np.ma.concatenate if isinstance(first, np.ma.MaskedArray) else np.concatenate
        return concatenate([first, second]) if first.ndim else first

    def update_digest(self, sha: _Hash, value: Array) -> None:
        sha.update(f"{value.dtype}{value.shape}".encode())
        if value.dtype.kind in "OT":
            items = value.tolist()
            find_kind(items).update_digest(sha, items)
            return
        sha.update(value.tobytes())
        mask = np.ma.getmask(value)
        if mask is not np.ma.nomask:
            sha.update(mask.tobytes())

    def compare(self, after: Array, before: Array, tolerance: Tolerance) -> Counts:
        if after.shape != before.shape:
            raise UnlikeError(f"the shape was {before.shape} and is {after.shape}")
        if after.dtype.kind in "fc" and before.dtype.kind in "fc":
            equal = np.isclose(after, before, *tolerance, equal_nan=True)
        elif "O" in (after.dtype.kind, before.dtype.kind):
            return _compare_items(np.ravel(after), np.ravel(before), tolerance)
        else:
            equal = _equal_or_null(after, before)
        return Counts(int(np.size(equal) - np.count_nonzero(equal)), int(np.size(equal)))

    def to_columns(self, value: Array, names: Sequence[str] | None) -> dict[str, Array]:
        if value.ndim == 2 and names is not None and len(names) == value.shape[1] > 1:
            return dict(zip(names, value.T, strict=True))
        return super().to_columns(value, names)

    def to_python(self, value: Array) -> Any:
        if value.dtype.kind in "mM":
            return _moments(value).tolist()
        nested = value.tolist()
        return find_kind(nested).to_python(nested) if value.dtype.kind == "O" else nested

    def to_json(self, value: Array) -> Any:
        if value.dtype.kind in "mM":
            nested = _moments(value).tolist()
            return find_kind(nested).to_json(nested)
        if value.dtype.kind in _DOUBLES:
            # Python numbers: `tolist` returns NumPy scalars for a longdouble.
            value = value.astype(_DOUBLES[value.dtype.kind])
        nested = value.tolist()
        is_json = value.dtype.kind in "biuf" and np.isfinite(value).all()
        return nested if is_json else find_kind(nested).to_json(nested)


@register
class SparseKind(Kind[Any]):
    """A matrix or an array of SciPy, in any format."""

    types = frozenset({("scipy", "spmatrix"), ("scipy", "sparray"), ("scipy", "_spbase")})

    def count_rows(self, value: Any) -> int:
        return int(value.shape[0])

    def take_rows(self, value: Any, positions: Sequence[int]) -> Any:
        return value.tocsr()[list(positions)].asformat(value.format)

    def join_rows(self, first: Any, second: Any) -> Any:
        from scipy.sparse import vstack

        return vstack([first, second], format=first.format)

    def update_digest(self, sha: _Hash, value: Any) -> None:
        for array in (np.array(value.shape), *_canonical_arrays(value)):
            find_kind(array).update_digest(sha, array)

    def compare(self, after: Any, before: Any, tolerance: Tolerance) -> Counts:
        if after.shape != before.shape:
            raise UnlikeError(f"the shape was {before.shape} and is {after.shape}")
        *new_cells, new = _canonical_arrays(after)
        *old_cells, old = _canonical_arrays(before)
        if all(map(np.array_equal, new_cells, old_cells)):
            return ArrayKind().compare(new, old, tolerance)
        return ArrayKind().compare(after.toarray(), before.toarray(), tolerance)

    def to_columns(self, value: Any, names: Sequence[str] | None) -> dict[str, Any]:
        return ArrayKind().to_columns(value.toarray(), names)

    def to_python(self, value: Any) -> Any:
        return value.toarray().tolist()

    def to_json(self, value: Any) -> Any:
        return ArrayKind().to_json(value.toarray())


@register
class SeriesKind(Kind[Any]):
    """A Series, an Index, or an array of pandas, such as a Categorical."""

    types = frozenset({("pandas", "Series"), ("pandas", "Index"), ("pandas", "ExtensionArray")})

    def count_rows(self, value: Any) -> int:
        return len(value)

    def take_rows(self, value: Any, positions: Sequence[int]) -> Any:
        taken = value.take(list(positions))
        return taken.reset_index(drop=True) if hasattr(value, "iloc") else taken

    def join_rows(self, first: Any, second: Any) -> Any:
        import pandas as pd

        if hasattr(first, "iloc"):
            return pd.concat([first, second], ignore_index=True)
        is_index = isinstance(first, pd.Index)
        return first.append(second) if is_index else first._concat_same_type([first, second])

    def update_digest(self, sha: _Hash, value: Any) -> None:
        import pandas as pd

        sha.update(f"{getattr(value, 'name', None)}{value.dtype}{len(value)}".encode())
        # pandas gives 1 and "1" in an object column the same hash, and cannot hash lists.
        if getattr(value.dtype, "kind", "O") == "O":
            cells = value.tolist()
            find_kind(cells).update_digest(sha, cells)
        else:
            hashes = pd.util.hash_pandas_object(pd.Series(value), index=False)
            sha.update(hashes.to_numpy().tobytes())

    def compare(self, after: Any, before: Any, tolerance: Tolerance) -> Counts:
        if len(after) != len(before):
            raise UnlikeError(f"the length was {len(before)} and is {len(after)}")
        return ArrayKind().compare(np.asarray(after), np.asarray(before), tolerance)

    def to_python(self, value: Any) -> Any:
        cells = value.tolist()
        return find_kind(cells).to_python(cells)

    def to_json(self, value: Any) -> Any:
        cells = value.tolist()
        return find_kind(cells).to_json(cells)


def _compare_items(after: Array, before: Array, tolerance: Tolerance) -> Counts:
    new, old = after.tolist(), before.tolist()
    return find_kind(old).compare(new, old, tolerance)


def _equal_or_null(after: Array, before: Array) -> NDArray[np.bool_]:
    import pandas as pd

    equal = np.asarray(after == before)
    both_null = np.asarray(pd.isna(after)) & np.asarray(pd.isna(before))
    return equal | both_null


def _moments(array: Array) -> NDArray[np.object_]:
    """Return datetimes and timedeltas as objects of pandas; `tolist` may return integers."""
    import pandas as pd

    flat = np.ravel(array)
    index = pd.DatetimeIndex(flat) if array.dtype.kind == "M" else pd.TimedeltaIndex(flat)
    return np.asarray(index.astype(object)).reshape(array.shape)


def _canonical_arrays(value: Any) -> tuple[Array, Array, Array]:
    """Return the arrays of a sparse value in the CSR format, which are equal for equal values."""
    csr = value.tocsr(copy=True)
    csr.sum_duplicates()
    csr.eliminate_zeros()
    csr.sort_indices()
    return csr.indptr.astype(np.int64), csr.indices.astype(np.int64), csr.data
