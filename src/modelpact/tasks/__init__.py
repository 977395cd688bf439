"""What the command line can do: one class a task, each with a YAML file in `conf/task`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpact.exports import lazy

if TYPE_CHECKING:
    from modelpact.tasks.base import Task
    from modelpact.tasks.publish import PublishTask

__all__ = ["PublishTask", "Task"]

__getattr__ = lazy(__name__, {"PublishTask": "modelpact.tasks.publish", "Task": "modelpact.tasks.base"})
