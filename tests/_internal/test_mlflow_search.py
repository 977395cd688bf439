from __future__ import annotations

from mlflow.store.entities import PagedList

from modelpact._internal.mlflow_search import search_all


def search(prefix: str, page_token: str | None = None, *, max_results: int = 1) -> PagedList[str]:
    first = int(page_token or 0)
    last = min(first + max_results, 5)
    return PagedList([f"{prefix}{i}" for i in range(first, last)], str(last) if last < 5 else None)


def test_yields_the_results_of_all_pages() -> None:
    assert list(search_all(search, "run ")) == ["run 0", "run 1", "run 2", "run 3", "run 4"]
    assert list(search_all(search, "x", max_results=3)) == ["x0", "x1", "x2", "x3", "x4"]
    assert list(search_all(search, "x", max_results=5)) == ["x0", "x1", "x2", "x3", "x4"]
