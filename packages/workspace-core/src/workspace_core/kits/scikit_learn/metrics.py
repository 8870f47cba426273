"""Metrics of predictions, as scikit-learn computes them, for results and for people."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
from sklearn import metrics

from workspace_core.errors import ApiParamError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Metrics(ABC):
    """What predictions are worth, given what was expected."""

    def __init__(self, expected: Any, predicted: Any, sample_weight: Any = None) -> None:
        self.expected, self.predicted, self.sample_weight = expected, predicted, sample_weight

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the metrics by name, as results have them."""

    @abstractmethod
    def score(self) -> float:
        """Return the one metric that a predictor's ``score`` returns."""

    def print_metrics(self, file: TextIO | None = None) -> None:
        """Print the metrics for people, to standard output if nothing else is given."""
        for name, value in self.to_dict().items():
            shown = f"{value:.4g}" if isinstance(value, float) else value
            print(f"{name}: {shown}", file=file or sys.stdout)


class BinaryClassificationMetrics(Metrics):
    """Accuracy, precision, recall, area under the ROC curve and F1 of two classes.

    The positive class is 1, or of other classes the last one in sorted order.
    """

    def __init__(self, expected: Any, predicted: Any, sample_weight: Any = None) -> None:
        super().__init__(expected, predicted, sample_weight)
        classes = np.unique(np.concatenate([np.ravel(expected), np.ravel(predicted)]))
        positive = 1 if set(classes) <= {-1, 0, 1} else classes[-1]
        given: dict[str, Any] = {"sample_weight": sample_weight}
        of_positive = {**given, "pos_label": positive}
        self.accuracy = float(metrics.accuracy_score(expected, predicted, **given))
        self.precision = float(metrics.precision_score(expected, predicted, **of_positive))
        self.recall = float(metrics.recall_score(expected, predicted, **of_positive))
        expects, predicts = np.asarray(expected) == positive, np.asarray(predicted) == positive
        self.roc_auc = float(metrics.roc_auc_score(expects, predicts, **given))
        self.f1_score = float(metrics.f1_score(expected, predicted, **of_positive))

    def to_dict(self) -> dict[str, Any]:
        """Return the metrics by name."""
        return {
            "accuracy": self.accuracy,
            "precision": self.precision,
            "recall": self.recall,
            "roc_auc_score": self.roc_auc,
            "f1_score": self.f1_score,
        }

    def score(self) -> float:
        """Return the accuracy."""
        return self.accuracy


class MulticlassClassificationMetrics(Metrics):
    """Accuracy, and a report for each class."""

    def __init__(self, expected: Any, predicted: Any, sample_weight: Any = None) -> None:
        super().__init__(expected, predicted, sample_weight)
        given = {"sample_weight": sample_weight}
        self.accuracy = float(metrics.accuracy_score(expected, predicted, **given))
        self.classification_report = _plain(
            metrics.classification_report(expected, predicted, output_dict=True, **given)
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the metrics by name."""
        return {
            "accuracy": self.accuracy,
            "classification_report": self.classification_report,
        }

    def score(self) -> float:
        """Return the accuracy."""
        return self.accuracy

    def print_metrics(self, file: TextIO | None = None) -> None:
        """Print the metrics for people, to standard output if nothing else is given."""
        report = metrics.classification_report(
            self.expected, self.predicted, sample_weight=self.sample_weight
        )
        print(f"accuracy: {self.accuracy:.4g}\n{report}", file=file or sys.stdout)


class RegressionMetrics(Metrics):
    """The coefficient of determination and the mean squared error."""

    def __init__(self, expected: Any, predicted: Any, sample_weight: Any = None) -> None:
        super().__init__(expected, predicted, sample_weight)
        given = {"sample_weight": sample_weight}
        self.r2_score = float(metrics.r2_score(expected, predicted, **given))
        self.mean_squared_error = float(metrics.mean_squared_error(expected, predicted, **given))

    def to_dict(self) -> dict[str, Any]:
        """Return the metrics by name."""
        return {"r2_score": self.r2_score, "mean_squared_error": self.mean_squared_error}

    def score(self) -> float:
        """Return the coefficient of determination."""
        return self.r2_score


BY_NAME: Mapping[str, type[Metrics]] = {
    "binary_classification": BinaryClassificationMetrics,
    "multiclass_classification": MulticlassClassificationMetrics,
    "regression": RegressionMetrics,
}


def metrics_class(given: str | type[Metrics]) -> type[Metrics]:
    """Return the class of metrics of a name, or the class itself.

    Raises:
        ApiParamError: if there is none.
    """
    if isinstance(given, type) and issubclass(given, Metrics):
        return given
    if (known := BY_NAME.get(str(given))) is not None:
        return known
    raise ApiParamError(
        f"{given!r} names no metrics; use one of {', '.join(BY_NAME)}, or a subclass of Metrics."
    )


def _plain(report: Any) -> Any:
    if isinstance(report, dict):
        return {str(name): _plain(one) for name, one in report.items()}
    return float(report)
