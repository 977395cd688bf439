from __future__ import annotations

import pytest

from modelpact.errors import (
    AliasError,
)
from modelpact.registry.aliases import Aliases
from tests.support.alias_tasks import (
    BETTER,
    BREAKING,
    UNVERIFIED,
    WORSE,
    aliased_version,
    move_alias,
    rollback,
)
from tests.support.publishing import client

pytestmark = pytest.mark.usefixtures("alias_store")


class TestRollback:
    def test_each_rollback_goes_further_back(self, capsys: pytest.CaptureFixture[str]) -> None:
        for version in (WORSE, BETTER, BREAKING):
            move_alias(version)
        rollback(why="errors since noon")
        rollback()
        assert capsys.readouterr().out.splitlines() == [
            "champion of sums: version 3 -> version 2",
            "champion of sums: version 2 -> version 1",
        ]
        assert aliased_version() == 1
        with pytest.raises(
            AliasError, match="champion of sums: it named no version before version 1"
        ) as caught:
            rollback()
        assert (
            "task=promote task.uri=models:/sums/<version> task.alias=champion"
            in caught.value.remedy
        )
        assert Aliases(client(), "sums").state("champion").moves[3].why == "errors since noon"

    def test_a_rolled_back_version_is_not_a_target(self) -> None:
        for version in (WORSE, BETTER):
            move_alias(version)
        rollback()
        move_alias(BREAKING)
        rollback()
        assert aliased_version() == WORSE

    def test_an_earlier_version_can_be_chosen(self) -> None:
        for version in (WORSE, BETTER, BREAKING):
            move_alias(version)
        rollback(version=WORSE)
        assert aliased_version() == WORSE
        for version, text in (
            (UNVERIFIED, "it never named version 4"),
            (WORSE, "it names version 1 already"),
        ):
            with pytest.raises(AliasError, match=text):
                rollback(version=version)

    def test_the_error_lists_earlier_versions(self) -> None:
        for version in (WORSE, BETTER, BREAKING):
            move_alias(version)
        with pytest.raises(AliasError) as caught:
            rollback(version=4)
        assert (
            caught.value.remedy == "Earlier versions: 2, 1. For any other version: "
            "task=promote task.uri=models:/sums/<version> task.alias=champion."
        )

    def test_a_deleted_version_is_rejected(self) -> None:
        move_alias(WORSE)
        move_alias(BETTER)
        client().delete_model_version("sums", "1")
        with pytest.raises(AliasError, match="version 1 of sums does not exist"):
            rollback()
        assert aliased_version() == BETTER

    def test_an_alias_that_was_never_moved(self) -> None:
        with pytest.raises(AliasError, match="was never moved"):
            rollback()

    def test_a_removed_alias_is_restored(self) -> None:
        move_alias(WORSE)
        client().delete_registered_model_alias("sums", "champion")
        rollback()
        assert aliased_version() == WORSE
