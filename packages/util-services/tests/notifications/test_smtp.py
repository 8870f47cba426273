"""Mail over a real SMTP server, with and without TLS."""

import secrets
import socket
import threading

import pytest
from smtp_sink import SmtpSink, certificate

from util_services.notifications.channel import DeliveryError
from util_services.notifications.messages import text_of
from util_services.notifications.notification import Notification
from util_services.notifications.smtp import SmtpChannel

TOLD = Notification("run-1", "k_anonymity_job", "FAILURE", 0.0, 1.0, error_class="DatasetError")
ignores_its_own_tls = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
SENDER, RECIPIENTS = "runs@example.org", ("ada@example.org", "bob@example.org")


def channel(url, sender=SENDER, recipients=RECIPIENTS):
    return SmtpChannel(url, sender, recipients, timeout_seconds=4, pauses_seconds=(0.01, 0.01))


@pytest.fixture
def sink():
    return SmtpSink()


@pytest.fixture
def server_side(tmp_path, monkeypatch):
    """The server's side of TLS, with a certificate that this process trusts."""
    context, public = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    return context


@pytest.fixture
def login():
    return "runs@example.org", f"p@ss/{secrets.token_hex(8)}"


def credentials(login):
    user, password = (part.replace("@", "%40").replace("/", "%2F") for part in login)
    return f"{user}:{password}"


def test_a_mail_tells_the_notification_to_all_recipients(sink):
    with sink.serve():
        channel(f"smtp://127.0.0.1:{sink.port}").deliver(TOLD)

    ((recipients, mail),) = sink.received
    assert recipients == list(RECIPIENTS)
    assert (mail["From"], mail["To"]) == (SENDER, ", ".join(RECIPIENTS))
    assert mail["Subject"] == "k_anonymity_job failed (run run-1)"
    assert mail["Date"] == "Thu, 01 Jan 1970 00:00:01 -0000"
    assert mail["X-Data-Services-Idempotency-Key"] == "run-1:FAILURE"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().replace("\r\n", "\n") == text_of(TOLD)
    assert sink.was_encrypted == [False]


def test_a_repeat_carries_the_same_message_id_and_another_notification_another(sink):
    with sink.serve():
        mail = channel(f"smtp://127.0.0.1:{sink.port}")
        mail.deliver(TOLD)
        mail.deliver(TOLD)
        mail.deliver(Notification("run-1", "k_anonymity_job", "CANCELED"))

    first, repeat, other = (mail["Message-ID"] for _, mail in sink.received)
    assert first == repeat != other
    assert first.endswith("@example.org>")


def test_text_beyond_ascii_arrives_as_it_was(sink):
    report = "/données/rés umé.report.html"
    with sink.serve():
        channel(f"smtp://127.0.0.1:{sink.port}").deliver(
            Notification("run-1", "j", "SUCCESS", report=report)
        )

    ((_, mail),) = sink.received
    assert f"Report:   {report}" in mail.get_content()


@ignores_its_own_tls
def test_smtps_is_encrypted_from_the_first_byte_and_logs_in(sink, server_side, login):
    sink.login = login
    with sink.serve(tls=server_side):
        channel(f"smtps://{credentials(login)}@127.0.0.1:{sink.port}").deliver(TOLD)

    assert sink.was_encrypted == [True]


def test_starttls_encrypts_before_it_logs_in(sink, server_side, login):
    sink.login = login
    with sink.serve(starttls=server_side):
        channel(f"smtp+starttls://{credentials(login)}@127.0.0.1:{sink.port}").deliver(TOLD)

    assert sink.was_encrypted == [True]


def test_a_server_without_starttls_gets_nothing_where_it_is_demanded(sink):
    with sink.serve(), pytest.raises(DeliveryError, match="does not offer STARTTLS") as refused:
        channel(f"smtp+starttls://127.0.0.1:{sink.port}").deliver(TOLD)

    assert sink.received == []
    assert not refused.value.is_passing


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_a_certificate_that_nobody_trusts_ends_the_connection(sink, tmp_path, scheme):
    context, _ = certificate(tmp_path)
    how = {"smtps": {"tls": context}, "smtp+starttls": {"starttls": context}}[scheme]

    with sink.serve(**how), pytest.raises(DeliveryError, match="SSLCertVerificationError"):
        channel(f"{scheme}://127.0.0.1:{sink.port}").deliver(TOLD)

    assert sink.received == []


def test_credentials_are_not_sent_without_tls(sink, login):
    sink.login = login
    url = f"smtp://{credentials(login)}@127.0.0.1:{sink.port}"

    with sink.serve(), pytest.raises(DeliveryError, match="not sent without TLS"):
        channel(url).deliver(TOLD)

    assert sink.received == []


@ignores_its_own_tls
def test_a_wrong_password_is_a_refusal_that_quotes_neither_user_nor_password(
    sink, server_side, login
):
    sink.login = ("somebody", secrets.token_hex(8))
    mail = channel(f"smtps://{credentials(login)}@127.0.0.1:{sink.port}")

    with sink.serve(tls=server_side), pytest.raises(DeliveryError) as refused:
        mail.deliver(TOLD)

    assert refused.value.reason == "the server answered 535"
    assert not refused.value.is_passing
    for word in (*login, *credentials(login).split(":"), "127.0.0.1"):
        assert word not in str(refused.value)
        assert word not in repr(mail)


@pytest.mark.parametrize(
    ("answer", "is_passing"), [("451 later", True), ("452 full", True), ("554 never", False)]
)
def test_an_answer_tells_trouble_from_refusal(sink, answer, is_passing):
    sink.answers = [answer] * 3

    with sink.serve(), pytest.raises(DeliveryError) as caught:
        channel(f"smtp://127.0.0.1:{sink.port}").deliver(TOLD)

    assert caught.value.reason == f"the server answered {answer[:3]}"
    assert caught.value.is_passing is is_passing
    assert len(sink.answers) == (0 if is_passing else 2)


def test_a_passing_trouble_is_met_by_another_attempt(sink):
    sink.answers = ["451 later", "451 later"]

    with sink.serve():
        channel(f"smtp://127.0.0.1:{sink.port}").deliver(TOLD)

    assert len(sink.received) == 1


def test_a_recipient_who_is_turned_away_for_the_moment_is_tried_again_alone(sink):
    sink.turned_away = {"bob@example.org": ["450 greylisted"]}

    with sink.serve():
        channel(f"smtp://127.0.0.1:{sink.port}").deliver(TOLD)

    assert [recipients for recipients, _ in sink.received] == [
        ["ada@example.org"],
        ["bob@example.org"],
    ]


def test_a_recipient_who_is_refused_does_not_bring_the_others_the_mail_twice(sink, caplog):
    sink.turned_away = {"bob@example.org": ["550 unknown"] * 3}

    with sink.serve():
        channel(f"smtp://127.0.0.1:{sink.port}").deliver(TOLD)

    assert [recipients for recipients, _ in sink.received] == [["ada@example.org"]]
    assert "did not reach 1 of 2 mail recipients: the server answered 550" in caplog.text
    assert "bob@example.org" not in caplog.text


def test_a_mail_that_reaches_nobody_is_not_delivered(sink):
    sink.turned_away = {name: ["550 unknown"] for name in RECIPIENTS}

    with sink.serve(), pytest.raises(DeliveryError, match="550 to recipients") as refused:
        channel(f"smtp://127.0.0.1:{sink.port}").deliver(TOLD)

    assert not refused.value.is_passing


def test_a_server_out_of_reach_is_a_passing_trouble(sink):
    with pytest.raises(DeliveryError, match=r"out of reach \(ConnectionRefusedError\)") as caught:
        channel(f"smtp://127.0.0.1:{sink.port}").deliver(TOLD)

    assert caught.value.is_passing


def test_a_server_that_goes_away_after_it_took_the_mail_has_it():
    """Its answer to QUIT is not waited for in vain, or the mail would be sent again."""
    taken = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        listener = threading.Thread(target=_take_one_mail_and_go, args=(server, taken))
        listener.start()

        channel(f"smtp://127.0.0.1:{server.getsockname()[1]}").deliver(TOLD)
        listener.join()

    assert len(taken) == 1


def _take_one_mail_and_go(server, taken):
    connection, _ = server.accept()
    with connection, connection.makefile("rwb", buffering=0) as lines:
        lines.write(b"220 here\r\n")
        while line := lines.readline():
            if line.upper().startswith(b"DATA"):
                lines.write(b"354 go on\r\n")
                taken.append(list(iter(lines.readline, b".\r\n")))
            if line.upper().startswith(b"QUIT"):
                return
            lines.write(b"250 OK\r\n")


@pytest.mark.parametrize(
    ("url", "sender", "recipients", "said"),
    [
        ("http://mail.example.org", SENDER, RECIPIENTS, "must be smtps://"),
        ("smtp://", SENDER, RECIPIENTS, "must be smtps://"),
        ("smtps://mail.example.org:0", SENDER, RECIPIENTS, "must be smtps://"),
        ("smtps://mail.example.org:port", SENDER, RECIPIENTS, "must be smtps://"),
        ("smtps://[::1", SENDER, RECIPIENTS, "must be smtps://"),
        ("smtps://mail.example.org", None, RECIPIENTS, "do not name both ends"),
        ("smtps://mail.example.org", SENDER, (), "do not name both ends"),
        ("smtps://mail.example.org", "a@b\nBcc: c@d", RECIPIENTS, "is not a mail address"),
        ("smtps://mail.example.org", SENDER, ("nobody",), "is not a mail address"),
    ],
)
def test_faulty_settings_are_told_in_a_sentence(url, sender, recipients, said):
    with pytest.raises(DeliveryError, match=said) as refused:
        channel(url, sender, recipients).deliver(TOLD)

    assert "\n" not in str(refused.value)
