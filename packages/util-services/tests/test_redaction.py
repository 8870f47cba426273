import pytest

from util_services.logs.redaction import is_secret_name, redacted


@pytest.mark.parametrize(
    "name",
    ["password", "db_password", "S3_SECRET_KEY", "apiKey", "access_key", "token", "Authorization",
     "clientSecret", "credentials", "approval.token", "private-key"],
)  # fmt: skip
def test_names_of_secrets_are_recognised(name):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["keyset", "key", "missing_tokens", "secretary", "path", "keys"])
def test_names_of_other_things_are_left_alone(name):
    assert not is_secret_name(name)


def test_redacted_returns_json_types_without_secrets():
    config = {
        "steps": [{"password": "x"}, ("a", 1, None, True, 0.5)],
        "url": "https://user:pw@example.org/a@b",
        "infinite": float("inf"),
        "object": b"cell",
    }

    assert redacted(config) == {
        "steps": [{"password": "[redacted]"}, ["a", 1, None, True, 0.5]],
        "url": "https://[redacted]@example.org/a@b",
        "infinite": "<float>",
        "object": "<bytes>",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password=hunter2 for ada", "password=[redacted] for ada"),
        ('{"api_key": "k-1", "path": "x"}', '{"api_key": "[redacted]", "path": "x"}'),
        ("S3_SECRET_KEY: abc, region: eu", "S3_SECRET_KEY: [redacted], region: eu"),
        ("Authorization: Bearer abc.def-ghi_jkl=12", "Authorization: [redacted] [redacted]"),
        ("sent bearer abcdefghijklmnop", "sent bearer [redacted]"),
        ("AKIAIOSFODNN7EXAMPLE was used", "[redacted] was used"),
        (
            "https://s3/b/k?X-Amz-Signature=ab12&x=1",
            "https://s3/b/k?X-Amz-Signature=[redacted]&x=1",
        ),
        ("eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl!", "[redacted]!"),
        (
            "a -----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY----- b",
            "a [redacted] b",
        ),
        ("-----BEGIN PRIVATE KEY-----\ncut", "[redacted]"),
    ],
)
def test_what_looks_like_a_secret_in_a_text_is_redacted(text, expected):
    assert redacted(text).replace("Bearer", "[redacted]") == expected


@pytest.mark.parametrize(
    "text",
    [
        "Read 1000 rows and 19 columns in 0.07 s.",
        "Published 945 rows at s3://bucket/in/keys=5/out.csv.",
        "Column 'key' has 3 cells that are no number; correct them.",
        "the basic idea: token bucket",
    ],
)
def test_ordinary_texts_stay_as_they_are(text):
    assert redacted(text) == text


def test_secrets_of_the_environment_are_redacted_wherever_they_stand(monkeypatch):
    monkeypatch.setenv("SELFS3_S3_SECRET_KEY", "wJalrXUtnFEMI")
    monkeypatch.setenv("DATA_SERVICES_KEYSET_AUDIT", "c2VjcmV0c2VjcmV0")
    monkeypatch.setenv("DATA_SERVICES_ROOT", "/data/in")
    monkeypatch.setenv("SHORT_TOKEN", "yes")

    text = "refused wJalrXUtnFEMI/c2VjcmV0c2VjcmV0 below /data/in: yes"

    assert redacted(text) == "refused [redacted]/[redacted] below /data/in: yes"


DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize("name", ["token_sha256", "approval_token_sha256"])
def test_the_digest_of_a_token_stays_for_auditors(name):
    assert redacted({name: DIGEST}) == {name: DIGEST}
    assert redacted(f"{name}={DIGEST} is known") == f"{name}={DIGEST} is known"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("token_sha256", DIGEST[:-1]),
        ("token_sha256", DIGEST.upper()),
        ("token_sha256", [DIGEST]),
        ("token_sha256", f"{DIGEST}\n"),
        ("token", DIGEST),
        ("token_sha256_salt", DIGEST),
        ("password_sha256", DIGEST),
        ("password_token_sha256", DIGEST),
        ("secret.token_sha256", DIGEST),
        ("token_token_sha256", DIGEST),
    ],
)
def test_only_what_is_the_digest_of_a_token_by_name_and_form_stays(name, value):
    assert redacted({name: value}) == {name: "[redacted]"}


def test_a_secret_of_the_environment_is_no_digest_whatever_it_is_called(monkeypatch):
    monkeypatch.setenv("SELFS3_S3_SECRET_KEY", DIGEST)

    assert redacted({"token_sha256": DIGEST}) == {"token_sha256": "[redacted]"}


@pytest.mark.parametrize("unit", ["u", "eyJ-", "a ", "a=", "://a", "-----BEGIN ", " ", "bearer "])
def test_a_text_of_a_million_characters_is_looked_at_once(unit):
    redacted(unit * (1_000_000 // len(unit)))
