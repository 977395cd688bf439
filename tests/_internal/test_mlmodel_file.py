from __future__ import annotations

from pathlib import Path

import pytest
from mlflow.models import Model

from modelpact._internal.mlmodel_file import parse_metadata, parse_signature, read_mlmodel
from modelpact.signature import parse

SIGNATURE = parse({"inputs": {"age": "double"}})

MALFORMED = ["[", "- 1", "7", "\0", b"\xff\xff", "signature: 7", "signature: {inputs: '['}"]


def test_reads_the_file_in_a_folder_or_at_a_uri(tmp_path: Path) -> None:
    Model(flavors={}, signature=SIGNATURE, model_uuid=None).save(str(tmp_path / "MLmodel"))
    for location in (str(tmp_path), f"file://{tmp_path}"):
        text = read_mlmodel(location)
        assert parse_signature(text) == parse_metadata(text).signature == SIGNATURE


def test_a_model_without_a_signature() -> None:
    assert parse_signature("flavors: {}") is None
    assert parse_metadata("flavors: {}").signature is None


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="its MLmodel file does not exist"):
        read_mlmodel(str(tmp_path))
    (tmp_path / "MLmodel").mkdir()
    with pytest.raises(ValueError, match="its MLmodel file cannot be read: it is a folder"):
        read_mlmodel(str(tmp_path))


@pytest.mark.parametrize("content", MALFORMED)
def test_a_malformed_file_is_a_value_error(content: str | bytes) -> None:
    for read in (parse_signature, parse_metadata):
        with pytest.raises(ValueError, match="its MLmodel file"):
            read(content)
