"""What the command line can do: one class a task, each with a YAML file in `conf/task`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpact.exports import lazy

if TYPE_CHECKING:
    from modelpact.tasks.base import Task
    from modelpact.tasks.check import CheckTask
    from modelpact.tasks.diff import DiffTask
    from modelpact.tasks.export import ExportTask
    from modelpact.tasks.inspect import InspectTask
    from modelpact.tasks.parity import ParityTask
    from modelpact.tasks.predict import PredictTask
    from modelpact.tasks.publish import PublishTask
    from modelpact.tasks.repair import RepairTask
    from modelpact.tasks.resign import ResignTask
    from modelpact.tasks.serve import ServeTask

__all__ = [
    "CheckTask",
    "DiffTask",
    "ExportTask",
    "InspectTask",
    "ParityTask",
    "PredictTask",
    "PublishTask",
    "RepairTask",
    "ResignTask",
    "ServeTask",
    "Task",
]

__getattr__ = lazy(
    __name__,
    {
        "CheckTask": "modelpact.tasks.check",
        "DiffTask": "modelpact.tasks.diff",
        "ExportTask": "modelpact.tasks.export",
        "InspectTask": "modelpact.tasks.inspect",
        "ParityTask": "modelpact.tasks.parity",
        "PredictTask": "modelpact.tasks.predict",
        "PublishTask": "modelpact.tasks.publish",
        "RepairTask": "modelpact.tasks.repair",
        "ResignTask": "modelpact.tasks.resign",
        "ServeTask": "modelpact.tasks.serve",
        "Task": "modelpact.tasks.base",
    },
)
