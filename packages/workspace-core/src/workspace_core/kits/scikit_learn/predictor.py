"""A predictor of scikit-learn whose training and scoring are steps on record."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self

import joblib
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils import get_tags

from workspace_core.errors import ApiParamError
from workspace_core.kits.scikit_learn.metrics import Metrics, metrics_class
from workspace_core.kits.scikit_learn.steps import (
    named,
    note_input,
    parameters_of,
    results_ref,
    step,
    write_results,
)
from workspace_core.kits.writing import written
from workspace_core.lineage import FileRead, ResourceRef
from workspace_core.lineage.builder import loaded_workspace
from workspace_core.lineage.digests import Content, Digests
from workspace_core.resources.api_resource import ApiResource

if TYPE_CHECKING:
    from sklearn.utils import Tags

    from workspace_core.backends.snapshots import LocalSnapshots
    from workspace_core.lineage import Lineage
    from workspace_core.lineage.references import Given

ENDING = ".joblib"


class LineagePredictor(MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]  # it has no types
    """Wraps a predictor: `fit` and `score` are recorded, each as a step of its own.

    The model that `fit` saves is known to be made of the files of the dataset, and the metrics that
    `score` writes to the results of these and of the model. If something raises, the record says
    that the step has failed, and has no outputs. All else is the predictor's, such as
    ``predict_proba``.

    Args:
        predictor: any predictor of scikit-learn, also a search or a pipeline.
        metrics: ``binary_classification``, ``multiclass_classification``, ``regression``, or a
            subclass of `Metrics`.
        input_resource: where the data come from: ``dataset.resource`` of a dataset, whose files are
            recorded as they were when they were read; or a name, a path or a reference, which is
            recorded as it is when the step begins, on your word.
        results_resource: where model and metrics go: a name, a path or a reference; by default the
            one resource for results.
        model_save_file: the file in it that `fit` saves the model to, by joblib; none if there is
            no name.
        workspace_dir: where the workspace is; by default the nearest one.
        verbose: print where the model was saved.
    """

    def __init__(
        self,
        predictor: Any,
        metrics: str | type[Metrics],
        input_resource: Given,
        results_resource: Given | None = None,
        model_save_file: str | None = None,
        workspace_dir: str | None = None,
        verbose: bool = False,  # noqa: FBT001 - the original's signature
    ) -> None:
        metrics_class(metrics)
        if isinstance(predictor, LineagePredictor):
            raise ApiParamError("The predictor is wrapped already; use it as it is.")
        if model_save_file is not None and os.path.isabs(model_save_file):
            raise ApiParamError(
                "model_save_file is a path in the results resource, and no absolute one."
            )
        self.predictor, self.metrics, self.input_resource = predictor, metrics, input_resource
        self.results_resource, self.model_save_file = results_resource, model_save_file
        self.workspace_dir, self.verbose = workspace_dir, verbose
        self._model: FileRead | None = None

    def fit(self, X: Any, y: Any = None, *args: Any, **kwargs: Any) -> Self:  # noqa: N803 - theirs
        """Train the predictor, save the model if it has a file, and record that."""
        workspace = loaded_workspace(self.workspace_dir)
        self._model = None
        if self.model_save_file is None:
            self._hash_of_service(workspace, X, y)
            self.predictor.fit(X, y, *args, **kwargs)
            return self
        results = results_ref(workspace, self.results_resource)
        file = self.model_save_file.removesuffix(ENDING) + ENDING
        ref = ResourceRef.of(results.name, os.path.join(results.path, file))
        with step(workspace, f"fit {self._name}", parameters_of(self.predictor)) as lineage:
            self._note_input(lineage, X, y)
            self.predictor.fit(X, y, *args, **kwargs)
            with written(workspace, ref, lineage) as (ref, path):
                joblib.dump(self.predictor, path)
        if lineage.recorded is not None:
            (saved,) = lineage.recorded.output_resources
            self._model = FileRead(ref, Content(saved.kind, saved.hashval, saved.size))
        if self.verbose:
            print(f"dws> saved the model to {ref}")  # noqa: T201 - as it was asked to
        return self

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:  # noqa: N803
        """Predict, write the metrics to the results, record that, and return the score."""
        workspace = loaded_workspace(self.workspace_dir)
        results = results_ref(workspace, self.results_resource)
        parameters = parameters_of(self.predictor)
        with step(workspace, f"score {self._name}", parameters, results) as lineage:
            self._note_input(lineage, X, y)
            self._note_model(lineage)
            found = metrics_class(self.metrics)(y, self.predictor.predict(X), sample_weight)
            write_results(lineage, found)
        return found.score()

    def predict(self, X: Any) -> Any:  # noqa: N803
        """Return what the predictor predicts; nothing is recorded."""
        return self.predictor.predict(X)

    def __getattr__(self, name: str) -> Any:
        """Return what else the predictor has, such as ``classes_`` or ``predict_proba``."""
        if name.startswith("__") or "predictor" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self.predictor, name)

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether the predictor is trained."""
        from sklearn.exceptions import NotFittedError
        from sklearn.utils.validation import check_is_fitted

        try:
            check_is_fitted(self.predictor)
        except NotFittedError:
            return False
        return True

    def __sklearn_tags__(self) -> Tags:
        """Return what kind of predictor it is."""
        return get_tags(self.predictor)

    @property
    def _name(self) -> str:
        return type(self.predictor).__name__

    def _note_input(self, lineage: Lineage, data: Any, target: Any) -> None:
        if (value := self._hash_of_service(lineage.workspace, data, target)) is not None:
            lineage.add_param("data_hash", value)
        else:
            note_input(lineage, self.input_resource)

    def _hash_of_service(self, workspace: LocalSnapshots, data: Any, target: Any) -> str | None:
        """Write down the hash of data that a service has given, None if they come from files."""
        resource = workspace.get_resource(named(workspace, self.input_resource).name)
        if not isinstance(resource, ApiResource):
            return None
        value = f"joblib-sha1:{joblib.hash((data, target), hash_name='sha1')}"
        with workspace.locked():
            resource.set_hash(value)
        return value

    def _note_model(self, lineage: Lineage) -> None:
        """Take note of the model, unless its file is another one by now, or a snapshot's."""
        if self._model is None:
            return
        now = Digests(lineage.workspace).of(self._model.ref)
        if now.hashval == self._model.content.hashval:
            lineage.add_read(self._model)
        else:
            lineage.add_param("model", self._model.content.hashval)
