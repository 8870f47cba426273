import hashlib
import hmac
import json
import pickle
import threading

import pytest

from util_services.errors import ConfigurationError
from util_services.notifications.channel import DeliveryError
from util_services.notifications.environment import built_in_notifiers
from util_services.notifications.file import FileChannel
from util_services.notifications.notification import Notification
from util_services.notifications.webhook import WebhookChannel

NOTIFICATION = Notification(run_id="r1", job="k_anonymity_job", status="SUCCESS")
CURE = "Check the receiver and the DATA_SERVICES_NOTIFY_* variables."


def hasty_webhook(url, secret=None):
    return WebhookChannel(url, secret, timeout_seconds=4, pauses_seconds=(0.01, 0.01))


def test_the_file_channel_appends_one_line_a_notification(tmp_path):
    channel = FileChannel(tmp_path / "notifications.jsonl")

    channel.deliver(NOTIFICATION)
    channel.deliver(NOTIFICATION)

    lines = (tmp_path / "notifications.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [NOTIFICATION.to_dict()] * 2


def test_the_webhook_signs_the_body_it_sends(receiver):
    sink = receiver()
    sink.start()

    hasty_webhook(sink.url, "shared secret").deliver(NOTIFICATION)

    ((headers, body),) = sink.received
    expected = hmac.new(b"shared secret", body, hashlib.sha256).hexdigest()
    assert headers["X-Data-Services-Signature"] == f"sha256={expected}"
    assert headers["Idempotency-Key"] == "r1:SUCCESS"
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == NOTIFICATION.to_dict()


def test_a_webhook_without_a_secret_carries_no_signature(receiver):
    sink = receiver()
    sink.start()

    hasty_webhook(sink.url).deliver(NOTIFICATION)

    ((headers, _),) = sink.received
    assert "X-Data-Services-Signature" not in headers


def test_an_endpoint_that_is_down_at_first_gets_the_notification(receiver):
    sink = receiver()
    later = threading.Timer(0.25, sink.start)
    later.start()

    WebhookChannel(sink.url).deliver(NOTIFICATION)  # with the attempts it makes in production

    later.join()
    assert len(sink.received) == 1


@pytest.mark.parametrize("answer", [408, 429, 500, 503])
def test_a_passing_trouble_of_the_receiver_is_met_by_another_attempt(receiver, answer):
    sink = receiver(answer, answer)
    sink.start()

    hasty_webhook(sink.url).deliver(NOTIFICATION)

    assert len(sink.received) == 3
    assert len({body for _, body in sink.received}) == 1


@pytest.mark.parametrize("answer", [302, 307, 401, 404])
def test_a_refusal_or_redirect_ends_the_attempts(receiver, answer):
    sink = receiver(answer)
    sink.start()

    with pytest.raises(DeliveryError) as caught:
        hasty_webhook(sink.url).deliver(NOTIFICATION)

    assert str(caught.value) == (
        "Channel 'webhook' did not deliver notification r1:SUCCESS: "
        f"the receiver answered {answer}. {CURE}"
    )
    assert not caught.value.is_passing
    assert len(sink.received) == 1


def test_attempts_are_bounded(receiver):
    sink = receiver(*[503] * 9)
    sink.start()

    with pytest.raises(DeliveryError, match="answered 503") as caught:
        hasty_webhook(sink.url).deliver(NOTIFICATION)

    assert caught.value.is_passing
    assert len(sink.received) == 3


def test_a_receiver_out_of_reach_is_told_without_its_address(receiver):
    url = f"{receiver().url}/canary"

    with pytest.raises(DeliveryError, match="out of reach") as caught:
        hasty_webhook(url).deliver(NOTIFICATION)

    assert "canary" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://user:canary@example.org/hook", "its address holds a user or a password, "),
        ("https://", "its address names no host"),
        ("https://example.org:canary/hook", "its address is no URL"),
    ],
)
def test_an_address_that_cannot_be_one_is_told_at_once_and_unquoted(url, fault):
    with pytest.raises(DeliveryError) as caught:
        hasty_webhook(url).deliver(NOTIFICATION)

    assert caught.value.reason.startswith(fault)
    assert not caught.value.is_passing
    assert "canary" not in str(caught.value)


def test_other_schemes_are_refused(tmp_path):
    with pytest.raises(DeliveryError, match="must start with http:// or https://"):
        hasty_webhook(f"file://{tmp_path}").deliver(NOTIFICATION)


def test_channels_come_from_the_environment(monkeypatch, tmp_path, clean_environment):
    def opened():
        return [notifier.name for notifier in built_in_notifiers() if notifier.open() is not None]

    assert opened() == []

    monkeypatch.setenv("DATA_SERVICES_NOTIFY_FILE", str(tmp_path / "n.jsonl"))
    monkeypatch.setenv("DATA_SERVICES_NOTIFY_WEBHOOK_URL", "https://example.org/hook")
    monkeypatch.setenv("DATA_SERVICES_NOTIFY_SMTP_URL", "smtps://mail.example.org")

    assert opened() == ["file", "smtp", "webhook"]


def test_an_unknown_form_of_the_webhooks_body_is_refused(monkeypatch, clean_environment):
    monkeypatch.setenv("DATA_SERVICES_NOTIFY_WEBHOOK_URL", "https://example.org/hook")
    monkeypatch.setenv("DATA_SERVICES_NOTIFY_WEBHOOK_FORMAT", "xml")
    webhook = next(one for one in built_in_notifiers() if one.name == "webhook")

    with pytest.raises(ConfigurationError) as refused:
        webhook.open()

    assert str(refused.value) == (
        "DATA_SERVICES_NOTIFY_WEBHOOK_FORMAT must be 'notification' or 'email_notification'; "
        "correct the variable."
    )


def test_an_error_of_a_channel_survives_the_way_between_processes():
    error = DeliveryError("webhook", "r1:SUCCESS", "the receiver answered 503", is_passing=True)

    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert (str(copy), copy.is_passing) == (str(error), True)
