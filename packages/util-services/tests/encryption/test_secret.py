import copy
import json
import pickle
import traceback

import pytest

from util_services.encryption.keys import StagingKey
from util_services.encryption.secret import Secret, SecretHandlingError, discreet
from util_services.errors import ConfigurationError
from util_services.keys.leaks import is_shown

RFC_5869 = [  # appendix A, test cases 1 to 3: IKM, salt, info, length, OKM
    (
        "0b" * 22,
        bytes(range(13)).hex(),
        bytes(range(0xF0, 0xFA)).hex(),
        42,
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        bytes(range(80)).hex(),
        bytes(range(0x60, 0xB0)).hex(),
        bytes(range(0xB0, 0x100)).hex(),
        82,
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e"
        "590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    ),
    (
        "0b" * 22,
        "",
        "",
        42,
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
]


@pytest.mark.parametrize(("material", "salt", "info", "length", "derived"), RFC_5869)
def test_secrets_are_derived_as_rfc_5869_does(material, salt, info, length, derived):
    secret = Secret(bytes.fromhex(material))

    result = secret.derive(bytes.fromhex(info), length, bytes.fromhex(salt))

    assert result.reveal().hex() == derived


@pytest.mark.parametrize("kind", [Secret, StagingKey])
def test_no_text_pickle_or_copy_holds_a_secret(kind):
    secret = kind.random(32)

    for text in (repr(secret), str(secret), f"{secret}", repr([secret]), ascii(secret)):
        assert not is_shown(secret, text)
    for spread in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="never stored"):
            spread(secret)
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps({"key": secret})
    with pytest.raises(TypeError, match="unhashable"):
        hash(secret)


def test_equal_secrets_are_equal_and_others_are_not():
    assert Secret(b"a" * 32) == Secret(b"a" * 32)
    assert Secret(b"a" * 32) != Secret(b"b" * 32)
    assert Secret(b"a" * 32) != b"a" * 32


def told_by(function, *arguments):
    """Return all that a tool could print of an error: texts, chained errors, local variables."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - each kind is looked at
        function(*arguments)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames_here = "told_by"
    texts = [line for line in shown.format() if frames_here not in line]
    error, attributes = caught.value, []
    while error is not None:
        attributes += [repr(vars(error)), repr(error.args)]
        error = error.__cause__ or error.__context__
    return caught.value, "".join([*texts, *attributes])


def test_an_error_leaves_a_discreet_function_without_frames_causes_and_foreign_texts():
    @discreet
    def parse(content):
        text = content.reveal().decode()
        return json.loads(text)

    secret = Secret(b"{'a passphrase that nobody may see'")

    error, shown = told_by(parse, secret)

    assert isinstance(error, SecretHandlingError)
    assert str(error).startswith("Handling a secret stopped on an unexpected JSONDecodeError in ")
    assert "nobody may see" not in shown
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own bytes


def test_our_own_sentences_pass_a_discreet_function():
    @discreet
    def refuse(content):
        plain = content.reveal()
        try:
            raise ValueError(plain)
        except ValueError:
            raise ConfigurationError("Too short.")  # noqa: B904 - the cause must go all the same

    secret = Secret.random(32)

    error, shown = told_by(refuse, secret)

    assert (type(error), str(error)) == (ConfigurationError, "Too short.")
    assert not is_shown(secret, shown)


def test_an_interrupt_passes_a_discreet_function_without_its_frames():
    @discreet
    def wait(content):
        plain = content.reveal()
        raise KeyboardInterrupt(len(plain))

    secret = Secret.random(32)

    error, shown = told_by(wait, secret)

    assert isinstance(error, KeyboardInterrupt)
    assert not is_shown(secret, shown)
