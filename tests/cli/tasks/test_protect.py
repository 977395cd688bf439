from __future__ import annotations

import pytest

from tests.support.alias_tasks import (
    protect,
)

pytestmark = pytest.mark.usefixtures("alias_store")


class TestProtect:
    def test_reports_the_protection(self, capsys: pytest.CaptureFixture[str]) -> None:
        protect()
        protect()
        protect(lift=True, why="no customers left")
        protect(lift=True)
        assert capsys.readouterr().out.splitlines() == [
            "champion of sums is protected",
            "champion of sums is protected, as before",
            "champion of sums is not protected",
            "champion of sums is not protected, as before",
        ]
