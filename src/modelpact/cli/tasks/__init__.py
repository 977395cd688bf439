"""Tasks of the command line: one class per task, each with a config file in `conf/task`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpact._internal.lazy import lazy

if TYPE_CHECKING:
    from modelpact.cli.tasks.audit import AuditTask
    from modelpact.cli.tasks.base import Task
    from modelpact.cli.tasks.check import CheckTask
    from modelpact.cli.tasks.diff import DiffTask
    from modelpact.cli.tasks.export import ExportTask
    from modelpact.cli.tasks.history import HistoryTask
    from modelpact.cli.tasks.inspect import InspectTask
    from modelpact.cli.tasks.parity import ParityTask
    from modelpact.cli.tasks.predict import PredictTask
    from modelpact.cli.tasks.promote import PromoteTask
    from modelpact.cli.tasks.protect import ProtectTask
    from modelpact.cli.tasks.publish import PublishTask
    from modelpact.cli.tasks.repair import RepairTask
    from modelpact.cli.tasks.resign import ResignTask
    from modelpact.cli.tasks.rollback import RollbackTask
    from modelpact.cli.tasks.serve import ServeTask
    from modelpact.cli.tasks.vouch import VouchTask

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
    "VouchTask",
]

__getattr__ = lazy(
    __name__,
    {
        name: "." + ("base" if name == "Task" else name.removesuffix("Task").lower())
        for name in __all__
    },
)
