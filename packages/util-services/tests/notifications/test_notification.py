from util_services.notifications.notification import Notification


def test_the_payload_holds_names_times_and_classes_without_secrets():
    notification = Notification(
        run_id="r1",
        job="k_anonymity_job",
        status="FAILURE",
        start=0.0,
        end=1.5,
        tags={".dagster/repository": "x", "user": "ada", "api_key": "canary"},
        failed_step="k_anonymity",
        error_class="DatasetError",
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
        "failed_step": "k_anonymity",
        "error_class": "DatasetError",
    }


def test_a_run_that_never_started_has_no_times():
    payload = Notification(run_id="r1", job="j", status="CANCELED").to_dict()

    assert (payload["start"], payload["end"]) == (None, None)
