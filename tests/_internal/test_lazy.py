"""The public names are pinned."""

from __future__ import annotations

import importlib

import pytest

PUBLIC = {
    "modelpact": [
        "Adapter",
        "Check",
        "Model",
        "Outputs",
        "PactError",
        "Receipt",
        "Sample",
        "Verdict",
        "__version__",
        "audit",
        "load",
        "log_model",
        "publish",
        "sign",
        "verify",
    ],
    "modelpact.data": [
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
    ],
    "modelpact.models": [
        "ChatModel",
        "IrisModel",
        "MlflowModel",
        "Model",
        "SavedModel",
        "SklearnModel",
        "TensorModel",
        "check_scorers",
        "read_config",
        "score",
        "untrusted_types",
    ],
    "modelpact.signers": [
        "ExampleSigner",
        "ExplicitSigner",
        "InferSigner",
        "Signer",
        "TypeHintSigner",
    ],
    "modelpact.savers": ["BuiltinSaver", "CustomSaver", "Saver"],
    "modelpact.loaders": ["Adapter", "BuiltinLoader", "CustomLoader", "Loader"],
    "modelpact.verifiers": ["CleanVerifier", "NoneVerifier", "ReplayVerifier", "Verifier"],
    "modelpact.registers": [
        "MlflowRegister",
        "NoneRegister",
        "Register",
        "check_alias",
        "record_checks",
    ],
    "modelpact.tracking": [
        "MlflowTracking",
        "ServerTracking",
        "SqliteTracking",
        "Store",
        "Tracking",
    ],
    "modelpact.cli.tasks": [
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
    ],
    "modelpact.pipeline": ["audit", "load", "log_model", "publish", "sign", "verify"],
    "modelpact.types": [
        "Check",
        "Inputs",
        "JOB_KEY",
        "JOB_NUMBER",
        "Job",
        "Outputs",
        "Params",
        "Receipt",
        "SWEEP",
        "Sample",
        "Step",
        "Verdict",
        "caller_reports_errors",
    ],
    "modelpact.serving": [
        "Limits",
        "Parity",
        "ParityVerifier",
        "compare",
        "create_app",
        "create_router",
    ],
    "modelpact.batch": ["Batch", "BatchResult"],
    "modelpact.testing": [
        "check_data_source",
        "check_loader",
        "check_model",
        "check_register",
        "check_saver",
        "check_signer",
        "check_tracking",
        "check_verifier",
    ],
    "modelpact.cli.sweeps": ["JobResult", "Sweep", "SweepRecord", "find_best", "read_results"],
    "modelpact.pipeline.recorder": ["RunRecorder"],
    "modelpact.cli.main": ["main"],
    "modelpact.cli.compose": ["build", "import_model"],
    "modelpact.cli.config_groups": [
        "find_option",
        "first_comment",
        "list_groups",
        "list_options",
        "option_keys",
        "read_option",
        "unknown_option",
    ],
    "modelpact.cli.error_reporting": ["report", "translate"],
}


@pytest.mark.parametrize("module", PUBLIC)
class TestEachModule:
    def test_exports_the_pinned_names(self, module: str) -> None:
        assert sorted(importlib.import_module(module).__all__) == PUBLIC[module]

    def test_has_every_exported_name(self, module: str) -> None:
        found = importlib.import_module(module)
        assert all(getattr(found, name) is not None for name in found.__all__)

    def test_has_no_other_name(self, module: str) -> None:
        with pytest.raises(AttributeError, match="no_such_name"):
            _ = importlib.import_module(module).no_such_name


def test_every_public_class_and_function_has_a_docstring() -> None:
    for module in PUBLIC:
        found = importlib.import_module(module)
        for name in found.__all__:
            thing = getattr(found, name)
            if isinstance(thing, type) or callable(thing):
                assert (thing.__doc__ or "").strip(), f"{module}.{name}"


def test_the_version_is_a_release() -> None:
    import modelpact

    assert [part.isdigit() for part in modelpact.__version__.split(".")[:2]] == [True, True]
