"""Data sources read samples. One class per source, each with a config file in `conf/data`."""

from modelpact.data.base import DataSource
from modelpact.data.builtin import DiabetesData, DigitsData, IrisData
from modelpact.data.file_sources import CsvData, JsonlData, ParquetData
from modelpact.data.inline import InlineData
from modelpact.data.memory import MemoryData
from modelpact.data.sample_digest import digest_sample

__all__ = [
    "CsvData",
    "DataSource",
    "DiabetesData",
    "DigitsData",
    "InlineData",
    "IrisData",
    "JsonlData",
    "MemoryData",
    "ParquetData",
    "digest_sample",
]
