"""Models of scikit-learn: scores are its own, and lineage names the files that were read."""

import json
import os
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import classification_report, f1_score, mean_squared_error, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from workspace_core import api
from workspace_core.errors import ConfigurationError
from workspace_core.kits.scikit_learn import (
    BinaryClassificationMetrics,
    LineagePredictor,
    Metrics,
    MulticlassClassificationMetrics,
    load_dataset_from_resource,
    predict_and_score,
    train_and_predict_with_cv,
)

READ = ["raw:/data.csv", "raw:/DESCR.rst", "raw:/target.csv"]


def names(certificates):
    return sorted((str(one.ref) for one in certificates), key=str.lower)


def results(study):
    return json.loads((study.folder / "results/results.json").read_text())


def halves(dataset):
    return train_test_split(dataset.data, dataset.target, test_size=0.5, random_state=1)


# Datasets


@pytest.mark.parametrize("load", [load_iris, load_digits, load_breast_cancer, load_diabetes])
def test_a_toy_dataset_comes_back_as_scikit_learn_has_it(study, load):
    theirs = load()
    study.dataset(theirs)

    ours = load_dataset_from_resource("raw")

    np.testing.assert_array_equal(ours.data, theirs.data)
    np.testing.assert_array_equal(ours.target, theirs.target)
    assert ours.target.dtype.kind == "i"  # also of the diabetes, whose targets are whole
    assert ours.DESCR == theirs.DESCR
    assert sorted(ours) == ["DESCR", "data", "resource", "target"]
    assert ours.resource == ("raw", None)
    assert names(ours.resource.files) == READ


def test_attributes_are_files_of_many_forms(study):
    folder = study.folder / "raw/deep"
    folder.mkdir()
    data = np.arange(12.0).reshape(4, 3)
    np.savetxt(folder / "data.csv.gz", data, delimiter=",")
    np.save(folder / "target.npy", np.array(["a", "b", "a", "b"]))
    (folder / "feature_names.csv").write_text("one,two,three\n")
    (folder / "target_names.csv.bz2").write_bytes(__import__("bz2").compress(b"a\nb\n"))
    (folder / "about.txt").write_text("words")
    (folder / "1st.txt").write_text("no name of an attribute")

    found = load_dataset_from_resource("raw", "deep")

    np.testing.assert_array_equal(found.data, data)
    assert found.target.tolist() == ["a", "b", "a", "b"]
    assert found.feature_names.tolist() == ["one", "two", "three"]
    assert found.target_names.tolist() == ["a", "b"]
    assert (found.about, found.resource) == ("words", ("raw", "deep"))
    assert "raw:/deep/target.npy" in names(found.resource.files)


def test_names_of_columns_are_no_rows(study):
    (study.folder / "raw/data.csv").write_text("age,beds\n1,2\n3,4\n")
    (study.folder / "raw/target.csv").write_text("kind\nx\ny\n")

    found = load_dataset_from_resource("raw")

    assert (found.data.tolist(), found.feature_names) == ([[1, 2], [3, 4]], ["age", "beds"])
    assert found.target.tolist() == ["x", "y"]


def test_texts_without_a_name_lose_no_row(study):
    (study.folder / "raw/data.csv").write_text("1,2\n3,4\n")
    (study.folder / "raw/target.csv").write_text("x\ny\n")

    assert load_dataset_from_resource("raw").target.tolist() == ["x", "y"]


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "it has no file 'data.csv'"),
        ({"data.csv": "1\n"}, "it has no file 'target.csv'"),
        ({"data.csv": "1\n2\n", "target.csv": "1\n2\n3\n4\n"}, "has 2 rows in 'data.csv' and 4"),
        ({"data.csv": "1\n", "data.npy": "", "target.csv": "1\n"}, "has its 'data' twice"),
        ({"data.csv": "1\n", "target.csv": "1\n", "resource.txt": ""}, "what the kit adds"),
        ({"data.npy": "no array", "target.csv": "1\n"}, "'data.npy' cannot be read as an array"),
    ],
)
def test_what_is_no_dataset_is_one_sentence(study, files, sentence):
    for name, text in files.items():
        (study.folder / "raw" / name).write_text(text)

    with pytest.raises(ConfigurationError, match=sentence):
        load_dataset_from_resource("raw")


def test_arrays_of_objects_are_not_unpickled(study):
    class Ran:
        def __reduce__(self):
            return (open, (str(study.folder / "ran"), "w"))

    np.save(study.folder / "raw/data.npy", np.array([Ran()], dtype=object), allow_pickle=True)
    (study.folder / "raw/target.csv").write_text("1\n")

    with pytest.raises(ConfigurationError, match="cannot be read as an array"):
        load_dataset_from_resource("raw")
    assert not (study.folder / "ran").exists()


# Predictors


def test_a_score_is_that_of_scikit_learn_and_lineage_names_the_files_that_were_read(study):
    study.dataset(load_digits())
    dataset = load_dataset_from_resource("raw")
    train, test, train_target, test_target = halves(dataset)
    alone = SVC(gamma=0.001).fit(train, train_target)

    ours = LineagePredictor(
        SVC(gamma=0.001), "multiclass_classification", dataset.resource, model_save_file="digits"
    )
    score = ours.fit(train, train_target).score(test, test_target)

    assert score == alone.score(test, test_target)
    expected = classification_report(test_target, alone.predict(test), output_dict=True)
    assert results(study)["metrics"] == {
        "accuracy": score,
        "classification_report": {k: pytest.approx(v) for k, v in expected.items()},
    }
    fit, scored = sorted(study.records(), key=lambda one: one.order)
    assert (fit.step_name, scored.step_name) == ("fit SVC", "score SVC")
    assert names(fit.input_resources) == READ
    assert names(fit.output_resources) == ["results:/digits.joblib"]
    assert fit.parameters["gamma"] == 0.001
    assert names(scored.input_resources) == [*READ, "results:/digits.joblib"]
    assert scored.metrics["accuracy"] == score
    saved = joblib.load(study.folder / "results/digits.joblib")
    np.testing.assert_array_equal(saved.predict(test), alone.predict(test))
    table = {row[0]: row[3] for row in api.make_lineage_table(".")}
    assert sorted(table["results:/digits.joblib"], key=str.lower) == READ


def test_what_was_loaded_before_it_changed_is_what_a_model_was_made_of(study):
    study.dataset(load_iris())
    dataset = load_dataset_from_resource("raw")
    before = {str(one.ref): one.content.hashval for one in dataset.resource.files}
    (study.folder / "raw/target.csv").write_text("1\n" * 150)

    predictor = LineagePredictor(
        LogisticRegression(max_iter=1000),
        "multiclass_classification",
        dataset.resource,
        model_save_file="m",
    )
    predictor.fit(dataset.data, dataset.target)

    found = {str(one.ref): one for one in study.newest().input_resources}
    assert {name: one.hashval for name, one in found.items()} == before
    assert [name for name, one in found.items() if one.changed] == ["raw:/target.csv"]


def test_a_changed_source_makes_model_and_results_out_of_date(study):
    study.dataset(load_iris())
    dataset = load_dataset_from_resource("raw")
    predictor = LineagePredictor(
        LogisticRegression(max_iter=1000),
        "multiclass_classification",
        dataset.resource,
        model_save_file="m",
    )
    predictor.fit(dataset.data, dataset.target).score(dataset.data, dataset.target)
    (study.folder / "raw/notes.md").write_text("nobody has read this")
    assert study.stale() == {}

    (study.folder / "raw/target.csv").write_text("1\n" * 150)

    late = study.stale()
    why = "raw:/target.csv has changed since fit LogisticRegression read it"
    assert late["results:/m.joblib"] == why
    assert set(late) == {"results:/m.joblib", "results:/"}


@pytest.mark.parametrize("model_save_file", ["m", None])
def test_training_and_scoring_that_fail_have_made_nothing(study, model_save_file):
    study.dataset(load_iris())
    dataset = load_dataset_from_resource("raw")
    predictor = LineagePredictor(
        SVC(C=-1), "multiclass_classification", dataset.resource, model_save_file=model_save_file
    )

    with pytest.raises(ValueError, match="'C' parameter"):
        predictor.fit(dataset.data, dataset.target)
    with pytest.raises(ValueError, match="not fitted"):
        predictor.score(dataset.data, dataset.target)

    assert {(one.status, one.output_resources) for one in study.records()} == {("failed", ())}
    assert os.listdir(study.folder / "results") == []


def test_a_model_that_a_snapshot_has_moved_is_known_by_its_content(study):
    study.dataset(load_iris())
    dataset = load_dataset_from_resource("raw")
    predictor = LineagePredictor(
        SVC(), "multiclass_classification", dataset.resource, model_save_file="m"
    ).fit(dataset.data, dataset.target)
    saved = study.newest().output_resources[0].hashval
    api.take_snapshot(tag="one")

    predictor.score(dataset.data, dataset.target)

    assert names(study.newest().input_resources) == READ
    assert study.newest().parameters["model"] == saved
    assert study.stale() == {}
    asked = api.make_lineage_table(".", "one")
    assert "results:/m.joblib" in str(asked)


def test_a_wrapped_predictor_is_a_predictor(study):
    iris = load_iris()
    study.dataset(iris)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), SVC(random_state=0)), {"svc__C": [0.1, 1.0]}, cv=3
    )
    ours = LineagePredictor(search, "multiclass_classification", "raw")

    ours.fit(iris.data, iris.target)

    assert is_classifier(ours)
    assert is_regressor(LineagePredictor(LinearRegression(), "regression", "raw"))
    assert ours.best_params_ == clone(search).fit(iris.data, iris.target).best_params_
    assert ours.classes_.tolist() == [0, 1, 2]
    assert clone(ours).input_resource == "raw"
    copied = pickle.loads(pickle.dumps(ours))  # noqa: S301 - our own
    assert copied.predict(iris.data[:1]).tolist() == [0]
    assert not hasattr(ours, "nothing")
    alone = cross_val_score(SVC(), iris.data, iris.target, cv=3)
    wrapped = LineagePredictor(SVC(), "multiclass_classification", "raw")
    np.testing.assert_array_equal(cross_val_score(wrapped, iris.data, iris.target, cv=3), alone)


def test_a_name_as_input_is_taken_on_the_word_of_the_caller(study):
    iris = load_iris()
    study.dataset(iris)
    ours = LineagePredictor(SVC(), "multiclass_classification", "raw", model_save_file="m")

    ours.fit(iris.data, iris.target)

    assert names(study.newest().input_resources) == ["raw"]


def test_data_of_a_service_are_known_by_their_hash(study):
    iris = load_iris()
    api.add("api-resource", "source-data", (), ".", name="service")
    ours = LineagePredictor(SVC(), "multiclass_classification", "service", model_save_file="m")

    ours.fit(iris.data, iris.target)
    first = study.newest()
    ours.fit(iris.data[::-1], iris.target[::-1])
    ours.fit(iris.data, iris.target)

    value = first.parameters["data_hash"]
    assert first.input_resources == ()
    assert study.newest().parameters["data_hash"] == value
    assert len({one.parameters["data_hash"] for one in study.records()}) == 2
    assert value == f"joblib-sha1:{joblib.hash((iris.data, iris.target), hash_name='sha1')}"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"metrics": "nothing"}, "'nothing' names no metrics; use one of binary_classification"),
        ({"model_save_file": "/m"}, "no absolute one"),
        ({"predictor": LineagePredictor(SVC(), "regression", "raw")}, "wrapped already"),
    ],
)
def test_what_no_wrapper_can_do_is_one_sentence(options, sentence):
    given = {"predictor": SVC(), "metrics": "regression", "input_resource": "raw"} | options

    with pytest.raises(ValueError, match=sentence):
        LineagePredictor(**given)


def test_results_go_to_the_one_resource_for_them_or_are_asked_for(study):
    iris = load_iris()
    study.dataset(iris)
    (study.folder / "more").mkdir()
    api.add("local-files", "results", "more", ".")
    ours = LineagePredictor(SVC(), "multiclass_classification", "raw", model_save_file="m")

    with pytest.raises(ConfigurationError, match="several resources for results: results, more"):
        ours.fit(iris.data, iris.target)

    ours.set_params(results_resource="more").fit(iris.data, iris.target)
    assert os.listdir(study.folder / "more") == ["m.joblib"]


# Metrics


def test_metrics_of_two_classes_are_those_of_scikit_learn(study):
    cancer = load_breast_cancer()
    train, test, train_target, test_target = halves(cancer)
    model = LogisticRegression(max_iter=10_000).fit(train, train_target)
    predicted = model.predict(test)

    found = BinaryClassificationMetrics(test_target, predicted)

    assert found.score() == model.score(test, test_target)
    assert found.to_dict()["f1_score"] == f1_score(test_target, predicted)
    assert found.to_dict()["roc_auc_score"] == roc_auc_score(test_target, predicted)
    texts = np.array(["benign", "malignant"])
    named = BinaryClassificationMetrics(texts[test_target], texts[predicted])
    assert named.to_dict() == found.to_dict()


def test_metrics_of_a_regression_are_those_of_scikit_learn(study, capsys):
    study.dataset(load_diabetes())
    dataset = load_dataset_from_resource("raw")
    train, test, train_target, test_target = halves(dataset)
    alone = LinearRegression().fit(train, train_target)

    ours = LineagePredictor(LinearRegression(), "regression", dataset.resource)
    score = ours.fit(train, train_target).score(test, test_target)

    assert score == alone.score(test, test_target)
    error = mean_squared_error(test_target, alone.predict(test))
    assert results(study)["metrics"] == {"r2_score": score, "mean_squared_error": error}
    MulticlassClassificationMetrics([0, 1, 2, 2], [0, 1, 2, 1], [1, 1, 1, 3]).print_metrics()
    assert capsys.readouterr().out.startswith("accuracy: 0.5\n")


def test_metrics_of_ones_own(study):
    class Rows(Metrics):
        def to_dict(self):
            return {"rows": len(self.expected)}

        def score(self):
            return 42.0

    iris = load_iris()
    study.dataset(iris)
    ours = LineagePredictor(SVC(), Rows, "raw").fit(iris.data, iris.target)

    assert ours.score(iris.data, iris.target) == 42.0
    assert results(study)["metrics"] == {"rows": 150}


# Workflows


def test_cross_validation_chooses_and_scores_as_scikit_learn_does(study):
    study.dataset(load_digits())
    dataset = load_dataset_from_resource("raw")
    grid = {"gamma": [0.01, 0.001]}

    found = train_and_predict_with_cv(
        SVC, grid, dataset, "results", model_name="best", random_state=42, run_description="two"
    )

    train, test, train_target, test_target = train_test_split(
        dataset.data, dataset.target, test_size=0.2, random_state=42
    )
    alone = GridSearchCV(SVC(), grid, scoring="accuracy", cv=5).fit(train, train_target)
    assert found.score() == alone.score(test, test_target)
    (recorded,) = study.records()
    assert recorded.parameters["gamma"] == alone.best_params_["gamma"]
    assert names(recorded.input_resources) == READ
    assert results(study)["run_description"] == "two"
    graph = {row[0]: row for row in api.make_lineage_table(".")}
    assert sorted(graph["results"][3], key=str.lower) == READ

    before = {str(one.ref) for one in dataset.resource.files}
    again = predict_and_score("results/best.pkl", dataset, "results", "multiclass_classification")

    whole = SVC(gamma=alone.best_params_["gamma"]).fit(dataset.data, dataset.target)
    assert again.score() == whole.score(dataset.data, dataset.target)
    assert set(names(study.newest().input_resources)) == {*before, "results:/best.pkl"}


def test_a_dataset_that_comes_from_nowhere_is_refused(study):
    with pytest.raises(ValueError, match="nobody knows what was read"):
        train_and_predict_with_cv(SVC, {}, load_iris(), "results")
    assert study.records() == []


def test_parameters_that_are_no_json_are_named_by_their_class(study):
    iris = load_iris()
    study.dataset(iris)
    forest = RandomForestClassifier(5, random_state=np.random.RandomState(0))
    dummy = DummyClassifier(constant=np.array([1]))
    for one in (forest, dummy):
        LineagePredictor(one, "multiclass_classification", "raw", model_save_file="m").fit(
            iris.data, iris.target
        )

    found = sorted(study.records(), key=lambda one: one.order)
    assert found[0].parameters["random_state"] == "<RandomState>"
    assert found[1].parameters["constant"] == "<ndarray>"
