"""What a careful person writes with MLflow and Hydra alone: the yardstick of the benchmarks. It imports nothing of modelpact."""

import hydra
import mlflow
import mlflow.sklearn
import numpy as np
from mlflow.models import infer_signature
from omegaconf import DictConfig
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split


@hydra.main(version_base="1.3", config_path=".", config_name="config")
def main(cfg: DictConfig) -> float:
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment("naive")
    inputs, targets = load_diabetes(return_X_y=True, as_frame=True)
    inputs, held_inputs, targets, held_targets = train_test_split(
        inputs, targets, test_size=0.2, random_state=0
    )
    with mlflow.start_run():
        model = Ridge(alpha=cfg.alpha).fit(inputs, targets)
        predictions = model.predict(inputs)
        score = model.score(held_inputs, held_targets)
        mlflow.log_metric("r2", score)
        info = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(inputs, predictions),
            input_example=inputs.head(5),
            registered_model_name="diabetes",
        )
        loaded = mlflow.pyfunc.load_model(info.model_uri)
        np.testing.assert_allclose(loaded.predict(inputs), predictions)
    return score


if __name__ == "__main__":
    main()
