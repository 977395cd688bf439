from __future__ import annotations

import mlflow

from modelpact.security.published import find_published
from modelpact.tracking import SqliteTracking


def test_a_run_has_its_own_models_only() -> None:
    with SqliteTracking().open():
        own = {}
        for _ in range(2):
            with mlflow.start_run() as run:
                for _ in range(2):
                    model = mlflow.create_external_model("m", source_run_id=run.info.run_id)
                own[run.info.run_id] = model.model_id
        for run_id, model_id in own.items():
            assert find_published(f"runs:/{run_id}/m").model_id == model_id
            assert find_published(f"runs:/{run_id}/other").model_id is None
