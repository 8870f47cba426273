import fcntl
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from util_services.errors import StorageError
from util_services.storage import LocalStorage
from util_services.storage.local import STAGING_FOLDER
from util_services.storage.patterns import Pattern

PLACES = (Path("/dev/shm"), Path("/var/tmp"))  # noqa: S108 - one is on another file system


def refusal(action, *arguments, **options):
    with pytest.raises(StorageError) as refused:
        action(*arguments, **options)
    return str(refused.value)


@pytest.fixture
def outside(tmp_path):
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.csv").write_bytes(b"secret")
    return folder


def test_an_absolute_path_outside_the_root_is_refused(local_storage, outside):
    assert refusal(local_storage.resolve, str(outside / "secret.csv")) == (
        f"The path '{outside}/secret.csv' lies outside the storage root; use a path below it, or "
        "add its folder to DATA_SERVICES_ALLOWED_PATHS."
    )


def test_a_link_out_of_the_root_is_refused(local_storage, outside):
    (local_storage.root / "link.csv").symlink_to(outside / "secret.csv")
    (local_storage.root / "folder").symlink_to(outside)

    for path in ("link.csv", "folder/secret.csv", "folder/new.csv", "folder/../link.csv"):
        assert "outside the storage root" in refusal(local_storage.resolve, path)


def test_a_link_inside_the_root_is_the_file_it_leads_to(local_storage):
    (local_storage.root / "link.csv").symlink_to(local_storage.root / "tea.csv")

    assert local_storage.resolve("link.csv") == local_storage.resolve("tea.csv")


def test_a_folder_whose_name_begins_like_the_root_is_outside(local_storage):
    sibling = local_storage.root.with_name("root-of-others")
    sibling.mkdir()

    assert "outside" in refusal(local_storage.resolve, str(sibling / "tea.csv"))


def test_a_loop_of_links_is_refused_in_a_sentence(local_storage):
    (local_storage.root / "a").symlink_to("b")
    (local_storage.root / "b").symlink_to("a")

    location_or_error = refusal(
        lambda: local_storage.fingerprint(local_storage.resolve("a/tea.csv"))
    )
    assert location_or_error.endswith(".")
    assert "\n" not in location_or_error


def test_a_path_that_is_too_long_is_refused_in_a_sentence(local_storage):
    message = refusal(lambda: local_storage.fingerprint(local_storage.resolve("x" * 5000)))

    assert message.endswith(("correct it.", "File name too long."))


def test_allowed_folders_are_inside(outside, tmp_path, clean_environment, monkeypatch):
    (tmp_path / "base").mkdir()
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(tmp_path / "base"))
    monkeypatch.setenv("DATA_SERVICES_ALLOWED_PATHS", f"/nowhere{os.pathsep}{outside}")
    storage = LocalStorage.from_environment()

    assert storage.fingerprint(storage.resolve(str(outside / "secret.csv"))).size == 6


def test_an_address_of_another_storage_is_refused(local_storage):
    assert "use the '_s3' twin" in refusal(local_storage.resolve, "s3://bucket/tea.csv")


def test_the_staging_of_runs_is_no_dataset(local_storage):
    assert "staging" in refusal(local_storage.resolve, f"{STAGING_FOLDER}/run/output.csv")


def test_a_folder_is_no_dataset(local_storage):
    (local_storage.root / "folder.csv").mkdir()

    location = local_storage.resolve("folder.csv")
    assert refusal(local_storage.fingerprint, location).endswith(
        "is not a file; name a file, or end the path in '/' for all files below a folder."
    )


def test_a_path_through_a_file_is_refused_for_reading_and_for_writing(local_storage, make_file):
    (local_storage.root / "tea.csv").write_bytes(b"green")
    location = local_storage.resolve("tea.csv/more.csv")

    for action in (
        lambda: local_storage.fingerprint(location),
        lambda: local_storage.check_writable(location),
        lambda: local_storage.publish(make_file(b"x"), location, overwrite=False),
    ):
        assert "is a file, not a folder; choose another path" in refusal(action)


def as_somebody_else(program, *arguments):
    """Run a program in a process without a superuser's rights."""
    prefix = "import os, util_services.storage\n"  # while the code may still be read
    if os.geteuid() == 0:
        prefix += "os.setgid(65534); os.setuid(65534)\n"
    return subprocess.run(
        [sys.executable, "-c", prefix + program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_missing_permission_is_told_in_a_sentence(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    for folder in (root, *root.parents):
        if folder == Path(tempfile.gettempdir()):
            break
        folder.chmod(0o755)
    (root / "closed.csv").write_bytes(b"x")
    (root / "closed.csv").chmod(0)
    root.chmod(0o555)
    program = """if True:
        import sys
        from util_services.storage import LocalStorage
        storage = LocalStorage(sys.argv[1])
        for action in (
            lambda: storage.open(storage.resolve("closed.csv")),
            lambda: storage.check_writable(storage.resolve("new.csv")),
            lambda: storage.check_writable(storage.resolve("new/new.csv")),
        ):
            try:
                action()
            except Exception as error:
                print(type(error).__name__, error)
    """

    answer = as_somebody_else(program, root)

    assert answer.stdout.splitlines() == [
        f"StorageError No permission for '{root}/{name}'; ask its owner for access."
        for name in ("closed.csv", "new.csv", "new/new.csv")
    ]


def test_an_output_has_the_mode_of_any_new_file(local_storage, make_file):
    location = local_storage.resolve("out/tea.csv")
    umask = os.umask(0o027)
    try:
        local_storage.publish(make_file(b"green"), location, overwrite=False)
    finally:
        os.umask(umask)

    assert stat.S_IMODE(Path(location.path).stat().st_mode) == 0o640


@pytest.fixture
def elsewhere(tmp_path):
    """A folder on another file system than the root."""
    own = tmp_path.stat().st_dev
    others = [place for place in PLACES if place.is_dir() and place.stat().st_dev != own]
    if not others:
        pytest.skip("there is no second file system")
    with tempfile.TemporaryDirectory(prefix="data-services-test-", dir=others[0]) as folder:
        yield Path(folder)


@pytest.mark.parametrize("overwrite", [False, True])
def test_publishing_across_devices_leaves_the_output_alone(local_storage, elsewhere, overwrite):
    file, location = elsewhere / "made", local_storage.resolve("out/tea.csv")
    file.write_bytes(b"green")
    left = local_storage.root / "out" / STAGING_FOLDER / "killed.partial"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"left by a killed process")

    local_storage.publish(file, location, overwrite=overwrite)

    assert [path.name for path in (local_storage.root / "out").iterdir()] == ["tea.csv"]
    assert Path(location.path).read_bytes() == b"green"
    assert stat.S_IMODE(Path(location.path).stat().st_mode) == 0o644
    assert list(elsewhere.iterdir()) == []


def test_publishing_across_devices_respects_what_exists_and_who_is_at_work(
    local_storage, elsewhere
):
    file, location = elsewhere / "made", local_storage.resolve("tea.csv")
    file.write_bytes(b"green")
    Path(location.path).write_bytes(b"black")
    busy = local_storage.root / STAGING_FOLDER / "busy.partial"
    busy.parent.mkdir()

    with busy.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        assert "already exists" in refusal(local_storage.publish, file, location, overwrite=False)

    assert Path(location.path).read_bytes() == b"black"
    assert [path.name for path in busy.parent.iterdir()] == ["busy.partial"]


def test_staging_is_beside_the_data_unless_configured(local_storage, monkeypatch, tmp_path):
    assert local_storage.staging_base() == local_storage.root / STAGING_FOLDER

    monkeypatch.setenv("DATA_SERVICES_STAGING", str(tmp_path / "staging"))
    assert local_storage.staging_base() == tmp_path / "staging" / "data-services-staging"


def test_a_root_that_is_missing_is_refused_and_not_made(tmp_path):
    storage = LocalStorage(tmp_path / "nowhere")

    assert "The storage root" in refusal(storage.resolve, "tea.csv")
    assert not (tmp_path / "nowhere").exists()


WITHOUT_LINKS = """
import errno, sys, threading
from pathlib import Path
from refused_calls import refuse
from util_services.storage import LocalStorage
refuse(**{call: errno.EPERM if call == "link" else errno.EINVAL for call in sys.argv[2:]})
root = Path(sys.argv[1])
storage = LocalStorage(root)
try:
    (root / "probe").write_bytes(b"")
    (root / "second").hardlink_to(root / "probe")
except PermissionError:
    (root / "probe").unlink()
refusals, start = [], threading.Barrier(8)
def publish(number):
    file = root / f"made-{number}"
    file.write_bytes(b"%d" % number)
    start.wait()
    try:
        storage.publish(file, storage.resolve("out/tea.csv"), overwrite=False)
    except OSError as error:
        refusals.append(str(error))
        file.unlink()
threads = [threading.Thread(target=publish, args=(number,)) for number in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(refusals), all("already exists" in refusal for refusal in refusals))
print(sorted(str(path.relative_to(root)) for path in root.rglob("*")))
print(len((root / "out/tea.csv").read_bytes()))
"""


@pytest.mark.parametrize("refused", [["link"], ["link", "renameat2"]], ids=["link", "both"])
def test_one_of_many_wins_where_the_file_system_knows_no_links(tmp_path, refused, workspace):
    answer = subprocess.run(
        [sys.executable, "-c", WITHOUT_LINKS, str(tmp_path), *refused],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(workspace / "tests/support")},
    )

    assert answer.stderr == ""
    assert answer.stdout.splitlines() == ["7 True", "['out', 'out/tea.csv']", "1"]


def test_a_place_that_another_run_publishes_at_is_refused(local_storage, make_file, monkeypatch):
    monkeypatch.setattr("util_services.storage.local.WAIT_SECONDS", 0.2)
    location = local_storage.resolve("tea.csv")

    with local_storage.claim(location, exclusive=True):
        message = refusal(local_storage.publish, make_file(b"x"), location, overwrite=True)

    assert message.startswith(f"Another run is publishing '{location}' (claim '")
    assert message.endswith("; wait for its end and start this one again.")
    assert list(local_storage.root.iterdir()) == []


def test_the_claim_of_a_killed_process_goes_with_the_next_one(local_storage, make_file):
    program = """if True:
        import sys, time
        from util_services.storage import LocalStorage
        storage = LocalStorage(sys.argv[1])
        with storage.claim(storage.resolve("tea.csv"), exclusive=True):
            print("held", flush=True)
            time.sleep(60)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(local_storage.root)], stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"held\n"
    process.kill()
    process.wait()
    process.stdout.close()
    assert len(list(local_storage.root.iterdir())) == 1

    local_storage.publish(make_file(b"x"), local_storage.resolve("other.csv"), overwrite=False)

    assert [path.name for path in local_storage.root.iterdir()] == ["other.csv"]


def test_looking_follows_links_to_files_that_may_be_read_and_no_others(local_storage, tmp_path):
    root = local_storage.root
    (root / "in").mkdir()
    (root / "data.csv").write_text("x")
    (tmp_path / "outside.csv").write_text("x")
    (root / "in" / "inside.csv").symlink_to(root / "data.csv")
    (root / "in" / "outside.csv").symlink_to(tmp_path / "outside.csv")
    (root / "in" / "broken.csv").symlink_to(root / "absent.csv")
    (root / "in" / "folder").symlink_to(tmp_path)
    (root / "in" / "line\nbreak.csv").write_text("x")
    for hidden in (".data-services-staging", "_test_runs"):
        (root / "in" / hidden).mkdir()
        (root / "in" / hidden / "a.csv").write_text("x")

    assert [one.location.name for one in local_storage.look(Pattern.of("in/"))] == ["inside.csv"]
