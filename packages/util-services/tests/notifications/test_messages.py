import pytest

from util_services.notifications.channel import DeliveryError
from util_services.notifications.messages import (
    EmailNotification,
    is_address,
    subject_of,
    text_of,
)
from util_services.notifications.notification import Notification

FAILED = Notification(
    run_id="r1",
    job="k_anonymity_job",
    status="FAILURE",
    start=0.0,
    end=1.0,
    tags={"providerEmail": "provider@example.org", "note": "canary"},
    code={"distribution": "dataframe-anonymisation", "version": "0.1.0", "commit": "abc"},
    failed_step="k_anonymity",
    error_class="DatasetError",
    rows={"in": 10, "dropped": 2},
    report="/data/out.csv.report.html",
)
TEXT = """\
Job:      k_anonymity_job
Status:   FAILURE
Run:      r1
Started:  1970-01-01T00:00:00+00:00
Ended:    1970-01-01T00:00:01+00:00
Step:     k_anonymity
Error:    DatasetError
Rows:     10 in, 2 dropped
Report:   /data/out.csv.report.html
Code:     dataframe-anonymisation 0.1.0 abc
"""


def test_the_text_tells_a_fact_a_line_and_no_tag():
    assert text_of(FAILED) == TEXT


def test_unknown_facts_have_no_line():
    bare = Notification(run_id="r1", job="j", status="CANCELED")

    assert text_of(bare) == "Job:      j\nStatus:   CANCELED\nRun:      r1\n"


@pytest.mark.parametrize(
    ("status", "ending"),
    [("SUCCESS", "succeeded"), ("FAILURE", "failed"), ("CANCELED", "was cancelled")],
)
def test_the_subject_says_how_the_run_ended(status, ending):
    assert subject_of(Notification("r1", "clean_data_job", status)) == (
        f"clean_data_job {ending} (run r1)"
    )


def test_the_platforms_message_has_exactly_its_five_fields():
    body = EmailNotification("default@example.org", ("copy@example.org",)).body_of(FAILED)

    assert body == {
        "channel": "email",
        "to": "provider@example.org",
        "cc": ["copy@example.org"],
        "subject": "k_anonymity_job failed (run r1)",
        "message": TEXT,
    }


def test_a_run_that_names_nobody_is_told_to_the_default_recipient():
    body = EmailNotification("default@example.org").body_of(Notification("r1", "j", "SUCCESS"))

    assert (body["to"], body["cc"]) == ("default@example.org", [])


def test_without_any_recipient_there_is_no_message():
    with pytest.raises(DeliveryError, match=r"neither a tag 'provider_email' of the run nor DATA_"):
        EmailNotification().body_of(Notification("r1", "j", "SUCCESS"))


def test_a_recipient_that_is_no_address_is_refused_without_being_quoted():
    hostile = Notification("r1", "j", "SUCCESS", tags={"provider_email": "a@b.example\nBcc: c@d"})

    with pytest.raises(DeliveryError, match="a recipient is not a mail address") as refused:
        EmailNotification().body_of(hostile)

    assert "Bcc" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ada@example.org", True),
        ("ada+runs@mail.example.org", True),
        ("", False),
        ("ada", False),
        ("ada@", False),
        ("@example.org", False),
        ("Ada <ada@example.org>", False),
        ("ada@example.org,bob@example.org", False),
        ("ada@example.org\r\nBcc: bob@example.org", False),
        ("ädä@example.org", False),
    ],
)
def test_an_address_is_one_mail_address_alone(text, expected):
    assert is_address(text) is expected
