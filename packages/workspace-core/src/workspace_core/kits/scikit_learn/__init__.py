"""The kit for scikit-learn: datasets of resources, models and scores, on record.

What a model was made of is exactly the files that were read; what it scores goes to the results.
"""

from workspace_core.kits.extras import require

require("scikit-learn", "sklearn", "sklearn", "joblib", "numpy")

from workspace_core.kits.scikit_learn.datasets import (  # noqa: E402 - once it is known to work
    DatasetRef,
    load_dataset_from_resource,
)
from workspace_core.kits.scikit_learn.metrics import (  # noqa: E402
    BinaryClassificationMetrics,
    Metrics,
    MulticlassClassificationMetrics,
    RegressionMetrics,
)
from workspace_core.kits.scikit_learn.predictor import LineagePredictor  # noqa: E402
from workspace_core.kits.scikit_learn.workflows import (  # noqa: E402
    predict_and_score,
    train_and_predict_with_cv,
)

__all__ = [
    "BinaryClassificationMetrics",
    "DatasetRef",
    "LineagePredictor",
    "Metrics",
    "MulticlassClassificationMetrics",
    "RegressionMetrics",
    "load_dataset_from_resource",
    "predict_and_score",
    "train_and_predict_with_cv",
]
