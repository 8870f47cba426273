import json

from hypothesis import given
from hypothesis import strategies as st

from util_services.notifications.notification import Notification


def test_the_payload_holds_names_times_counts_and_classes_without_secrets():
    notification = Notification(
        run_id="r1",
        job="k_anonymity_job",
        status="FAILURE",
        start=0.0,
        end=1.5,
        tags={".dagster/repository": "x", "user": "ada", "api_key": "canary"},
        code={"distribution": "dataframe-anonymisation", "version": "0.1.0", "commit": "abc"},
        failed_step="k_anonymity",
        error_class="DatasetError",
        rows={"in": 10},
        report="s3://key:canary@bucket/out.csv.report.html",
    )

    assert notification.to_dict() == {
        "schema": 1,
        "idempotency_key": "r1:FAILURE",
        "run_id": "r1",
        "job": "k_anonymity_job",
        "status": "FAILURE",
        "start": "1970-01-01T00:00:00+00:00",
        "end": "1970-01-01T00:00:01.500000+00:00",
        "tags": {"api_key": "[redacted]", "user": "ada"},
        "code": {"distribution": "dataframe-anonymisation", "version": "0.1.0", "commit": "abc"},
        "failed_step": "k_anonymity",
        "error_class": "DatasetError",
        "rows": {"in": 10},
        "report": "s3://[redacted]@bucket/out.csv.report.html",
    }


def test_a_run_that_never_started_has_no_times():
    payload = Notification(run_id="r1", job="j", status="CANCELED").to_dict()

    assert (payload["start"], payload["end"]) == (None, None)


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
moments = st.none() | st.integers(0, 4_000_000_000_000_000).map(lambda micros: micros / 1e6)


@given(
    st.builds(
        Notification,
        run_id=names,
        job=names,
        status=names,
        start=moments,
        end=moments,
        tags=st.dictionaries(names, names),
        code=st.dictionaries(names, names),
        failed_step=st.none() | names,
        error_class=st.none() | names,
        rows=st.dictionaries(names, st.integers()),
        report=st.none() | names,
    )
)
def test_a_notification_is_the_same_after_it_was_stored(notification):
    stored = json.loads(json.dumps(notification.to_dict()))

    assert Notification.from_dict(stored).to_dict() == notification.to_dict()
