"""Where a sample comes from: one class a source, each with a YAML file in `conf/data`."""

from modelpact.data.bundled import DiabetesData, DigitsData, IrisData
from modelpact.data.digests import digest
from modelpact.data.files import CsvData, JsonlData, ParquetData
from modelpact.data.inline import InlineData
from modelpact.data.sources import DataSource

__all__ = [
    "CsvData",
    "DataSource",
    "DiabetesData",
    "DigitsData",
    "InlineData",
    "IrisData",
    "JsonlData",
    "ParquetData",
    "digest",
]
