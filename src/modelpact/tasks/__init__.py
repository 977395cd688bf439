"""What the command line can do: one class a task, each with a YAML file in `conf/task`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpact.exports import lazy

if TYPE_CHECKING:
    from modelpact.tasks.audit import AuditTask
    from modelpact.tasks.base import Task
    from modelpact.tasks.check import CheckTask
    from modelpact.tasks.diff import DiffTask
    from modelpact.tasks.export import ExportTask
    from modelpact.tasks.history import HistoryTask
    from modelpact.tasks.inspect import InspectTask
    from modelpact.tasks.parity import ParityTask
    from modelpact.tasks.predict import PredictTask
    from modelpact.tasks.promote import PromoteTask
    from modelpact.tasks.protect import ProtectTask
    from modelpact.tasks.publish import PublishTask
    from modelpact.tasks.repair import RepairTask
    from modelpact.tasks.resign import ResignTask
    from modelpact.tasks.rollback import RollbackTask
    from modelpact.tasks.serve import ServeTask

__all__ = [
    "AuditTask",
    "CheckTask",
    "DiffTask",
    "ExportTask",
    "HistoryTask",
    "InspectTask",
    "ParityTask",
    "PredictTask",
    "PromoteTask",
    "ProtectTask",
    "PublishTask",
    "RepairTask",
    "ResignTask",
    "RollbackTask",
    "ServeTask",
    "Task",
]

__getattr__ = lazy(
    __name__,
    {
        "AuditTask": "modelpact.tasks.audit",
        "CheckTask": "modelpact.tasks.check",
        "DiffTask": "modelpact.tasks.diff",
        "ExportTask": "modelpact.tasks.export",
        "HistoryTask": "modelpact.tasks.history",
        "InspectTask": "modelpact.tasks.inspect",
        "ParityTask": "modelpact.tasks.parity",
        "PredictTask": "modelpact.tasks.predict",
        "PromoteTask": "modelpact.tasks.promote",
        "ProtectTask": "modelpact.tasks.protect",
        "PublishTask": "modelpact.tasks.publish",
        "RepairTask": "modelpact.tasks.repair",
        "ResignTask": "modelpact.tasks.resign",
        "RollbackTask": "modelpact.tasks.rollback",
        "ServeTask": "modelpact.tasks.serve",
        "Task": "modelpact.tasks.base",
    },
)
