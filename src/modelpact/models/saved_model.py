"""What MLflow runs to build a custom model (models from code)."""

from mlflow.models import set_model

from modelpact.models.saved import SavedModel

set_model(SavedModel())
