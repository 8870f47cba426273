"""One storage of each kind, to hold both to one contract."""

import pytest

from util_services.storage import LocalStorage, S3Settings, S3Storage


@pytest.fixture
def local_storage(tmp_path, clean_environment):
    root = tmp_path / "root"
    root.mkdir()
    return LocalStorage(root)


@pytest.fixture
def s3_storage(s3_bucket):
    return S3Storage(S3Settings.from_environment("selfS3"))


@pytest.fixture
def rgw_storage(rgw_bucket):
    return S3Storage(S3Settings.from_environment("selfS3"))


@pytest.fixture(params=["local", "s3", "rgw"])
def storage(request):
    return request.getfixturevalue(f"{request.param}_storage")


@pytest.fixture(params=["s3", "rgw"])
def s3_or_rgw_storage(request):
    return request.getfixturevalue(f"{request.param}_storage")


@pytest.fixture
def make_file(tmp_path):
    """Return a function that makes a file with a content, to be published."""
    numbers = iter(range(1000))

    def make(content):
        file = tmp_path / f"made-{next(numbers)}"
        file.write_bytes(content)
        return file

    return make


@pytest.fixture
def put(storage, make_file):
    """Return a function that makes an object with a content."""

    def put_object(path, content):
        location = storage.resolve(path)
        storage.publish(make_file(content), location, overwrite=True)
        return location

    return put_object
