"""Whole workflows as one step on record: choose, train and test a model; score a saved one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from sklearn.model_selection import GridSearchCV, train_test_split

from workspace_core.errors import ApiParamError
from workspace_core.kits.scikit_learn.datasets import DatasetRef
from workspace_core.kits.scikit_learn.metrics import (
    BinaryClassificationMetrics,
    Metrics,
    MulticlassClassificationMetrics,
    metrics_class,
)
from workspace_core.kits.scikit_learn.steps import (
    named,
    note_input,
    parameters_of,
    step,
    write_results,
)
from workspace_core.kits.writing import written
from workspace_core.lineage import ResourceRef, reading
from workspace_core.lineage.builder import loaded_workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sklearn.utils import Bunch

    from workspace_core.lineage.references import Given

TWO = 2


def train_and_predict_with_cv(
    classifier_class: type,
    param_grid: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Sequence[Any]]],
    dataset: Bunch,
    results_dir: str,
    test_size: float = 0.2,
    folds: int = 5,
    cv_scoring: str = "accuracy",
    model_name: str | None = None,
    random_state: int | None = None,
    run_description: str | None = None,
    *,
    workspace_dir: str | None = None,
) -> Metrics:
    """Choose parameters by cross-validation, train, test on what was held back, and record it.

    Args:
        classifier_class: a classifier of scikit-learn.
        param_grid: the values of parameters that are tried, as for ``GridSearchCV``.
        dataset: from `load_dataset_from_resource`.
        results_dir: the folder of results, for ``results.json`` and the model.
        test_size: the share of rows that is held back for the test.
        folds: of the cross-validation.
        cv_scoring: by what the parameters are chosen.
        model_name: the model is trained once more on all rows and saved as ``MODEL_NAME.pkl``, by
            joblib; without a name it is not.
        random_state: of the split, so that it can be done again.
        run_description: what is to be remembered of the run.
        workspace_dir: where the workspace is; by default the nearest one.

    Returns:
        The metrics of the test.

    Raises:
        ApiParamError: if the dataset does not come from a resource.
    """
    workspace = loaded_workspace(workspace_dir)
    source, results = _source(dataset), named(workspace, results_dir)
    given = {
        "classifier": classifier_class.__name__,
        "test_size": test_size,
        "folds": folds,
        "cv_params": param_grid,
        "cv_scoring": cv_scoring,
        "random_state": random_state,
    }
    name = f"cross-validate {classifier_class.__name__}"
    with step(workspace, name, given, results, run_description) as lineage:
        note_input(lineage, source)
        train, test, train_target, test_target = train_test_split(
            dataset.data, dataset.target, test_size=test_size, random_state=random_state
        )
        search = GridSearchCV(classifier_class(), param_grid, scoring=cv_scoring, cv=folds)
        search.fit(train, train_target)
        for parameter, value in search.best_params_.items():
            lineage.add_param(parameter, value)
        is_binary = len(np.unique(dataset.target)) <= TWO
        kind = BinaryClassificationMetrics if is_binary else MulticlassClassificationMetrics
        found = kind(test_target, search.best_estimator_.predict(test))
        found.print_metrics()
        write_results(lineage, found)
        if model_name is not None:
            model = classifier_class(**search.best_params_).fit(dataset.data, dataset.target)
            ref = ResourceRef.of(results.name, os.path.join(results.path, f"{model_name}.pkl"))
            with written(workspace, ref, None) as (_, path):  # the folder is an output already
                joblib.dump(model, path)
    return found


def predict_and_score(
    model: Given,
    dataset: Bunch,
    results_dir: Given,
    metrics: str | type[Metrics],
    run_description: str | None = None,
    *,
    workspace_dir: str | None = None,
) -> Metrics:
    """Score a model that was saved before, write the metrics to results, and record it.

    The file of a model is code that runs when it is loaded: use one only of people you trust.

    Args:
        model: the file of the model: a path, or a reference to a file of a resource.
        dataset: from `load_dataset_from_resource`.
        results_dir: the folder of results.
        metrics: as for `LineagePredictor`.
        run_description: what is to be remembered of the run.
        workspace_dir: where the workspace is; by default the nearest one.

    Returns:
        The metrics, with the predictions as ``predicted``.

    Raises:
        ApiParamError: if the dataset does not come from a resource, or there are no such metrics.
    """
    workspace = loaded_workspace(workspace_dir)
    source, kind = _source(dataset), metrics_class(metrics)
    with reading(workspace, named(workspace, model)) as (path, read):
        predictor = joblib.load(path)
    name = f"score {type(predictor).__name__}"
    parameters, results = parameters_of(predictor), named(workspace, results_dir)
    with step(workspace, name, parameters, results, run_description) as lineage:
        note_input(lineage, source)
        lineage.add_read(read)
        found = kind(dataset.target, predictor.predict(dataset.data))
        write_results(lineage, found)
    return found


def _source(dataset: Bunch) -> DatasetRef:
    found = dataset.get("resource")
    if not isinstance(found, DatasetRef) or not found.files:
        raise ApiParamError(
            "The dataset does not come from a resource, so that nobody knows what was read; load "
            "it by load_dataset_from_resource()."
        )
    return found
