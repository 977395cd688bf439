"""All pages of MLflow's paginated searches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from mlflow.store.entities.paged_list import PagedList

__all__ = ["search_all"]

T = TypeVar("T")


def search_all(search: Callable[..., PagedList[T]], *args: object, **kwargs: object) -> Iterator[T]:
    """Yield the results of all pages of a search.

    Make a list of them before you change what the search is about.

    Args:
        search: A search method of `MlflowClient`.
        *args: Its positional arguments.
        **kwargs: Its keyword arguments, without `page_token`.
    """
    token: str | None = None
    while True:
        page = search(*args, page_token=token, **kwargs)
        yield from page
        token = page.token
        if not token:
            return
