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
