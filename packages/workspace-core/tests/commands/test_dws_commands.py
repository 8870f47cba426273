"""What users see of dws: answers, exit statuses, one sentence for what is refused."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys

import click
import pytest
from dws_program import PROGRAM

from workspace_core import __version__, api
from workspace_core.cli.main import dws as program

HEAVY = ("dagster", "pandas", "pyarrow", "cryptography", "blake3", "zstandard", "fsspec")


def commands(group=program, above=()):
    """All commands with the words that call them."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*above, name))
        else:
            yield (*above, name), command


COMMANDS = dict(commands())


def strict_json(text):
    """What a reader makes of a text that knows JSON alone."""

    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


def test_there_are_these_commands():
    assert {" ".join(words) for words in COMMANDS} == {
        "add api-resource",
        "add container-image",
        "add git",
        "add local-files",
        "add rclone",
        "add s3",
        "clone",
        "completion",
        "config",
        "delete-snapshot",
        "deploy build",
        "deploy run",
        "diff",
        "erase",
        "export dvc",
        "gc",
        "import",
        "init",
        "lineage export",
        "lineage graph",
        "lineage run",
        "lineage show",
        "log",
        "prune",
        "publish",
        "pull",
        "push",
        "report best",
        "report history",
        "report lineage",
        "report metrics",
        "report results",
        "report status",
        "resource add api-resource",
        "resource add container-image",
        "resource add git",
        "resource add local-files",
        "resource add rclone",
        "resource add s3",
        "resource bring-back",
        "resource remove",
        "resource rename",
        "resource swap",
        "restore",
        "run",
        "snapshot",
        "status",
        "tag remove",
        "tag set",
        "verify",
        "version",
    }


def test_the_version_is_told_without_anything_heavy(dws):
    modules = (
        "import sys; from workspace_core.cli import main; "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", modules], capture_output=True, text=True)

    assert done.stdout == "[]\n"
    assert dws("--version") == f"dws, version {__version__}\n"
    assert dws("version") == f"{__version__}\n"


@pytest.fixture
def registry_of_the_example(tmp_path):
    import docker_registry

    if docker_registry.missing_program():
        pytest.skip("docker-registry is not installed: .gitea/scripts/install-system")
    (tmp_path / "registry").mkdir()
    with docker_registry.registry(tmp_path / "registry") as server:
        server.put("clinic/model", "1.4", {})
        yield server.host


def bucket_of_the_example(server):
    """Make the bucket ``clinic``, which keeps versions; return the settings that lead there."""
    import boto3

    keys = {"aws_access_key_id": server.access_key, "aws_secret_access_key": server.secret_key}
    client = boto3.client("s3", endpoint_url=server.endpoint_url, region_name="us-east-1", **keys)
    client.create_bucket(Bucket="clinic")
    client.put_bucket_versioning(Bucket="clinic", VersioningConfiguration={"Status": "Enabled"})
    return {
        "S3_ENDPOINT_URL": server.endpoint_url,
        "S3_ACCESS_KEY": server.access_key,
        "S3_SECRET_KEY": server.secret_key,
        "S3_ALLOWED_BUCKETS": "clinic",
    }


def begin_the_run_of_the_example(workspace):
    """Let a run of a job begin, as the one that the help of ``dws lineage run`` names."""
    from util_services.runs.recorders import RunStart
    from workspace_core.recording.opening import opened
    from workspace_core.recording.runs import RecordedRuns

    run_id = "4f6c2b1e-0b1d-4b43-9f3c-0c5f6a4d2e11"
    start = RunStart(run_id, "clean_data_job", "", {}, None, "0" * 64, {}, (), ())
    RecordedRuns(opened(str(workspace))).begin(start)


RUNNING = {words: one for words, one in COMMANDS.items() if words[0] != "deploy"}


@pytest.mark.parametrize("words", RUNNING, ids=" ".join)
def test_the_example_in_the_help_of_each_command_runs(
    dws, workspace, write_results, words, tmp_path, request
):
    (example,) = re.findall(r"^ *Example: dws (.+)$", COMMANDS[words].help, flags=re.MULTILINE)
    (workspace / "measurements").mkdir()
    if words[-1] == "git":
        (workspace / ".dataworkspace/resources/code.json").unlink()
    if words == ("init",):
        shutil.rmtree(workspace / ".dataworkspace")
    elif words != ("snapshot",):
        write_results(0.5)
        dws("snapshot", "first")
    if words in {("clone",), ("pull",), ("push",)}:
        dws("publish", "../study.git", "--data", "../study.data")
    if words == ("resource", "bring-back"):
        dws("resource", "remove", "raw")
    if words == ("import",):
        old = workspace.parent / "old/.dataworkspace"
        old.mkdir(parents=True)
        (old / "config.json").write_text('{"name": "old", "dws-version": "1.6.0"}')
        (old / "resources.json").write_text("[]")
    if words == ("tag", "remove"):
        dws("tag", "set", "best", "first")
    if words == ("lineage", "run"):
        begin_the_run_of_the_example(workspace)
    if words == ("erase",):
        (workspace / "raw/a.csv").unlink()
    if words[-1] == "rclone":
        (tmp_path / "archive/measurements").mkdir(parents=True)
        remote = {"TYPE": "alias", "REMOTE": str(tmp_path / "archive")}
        dws.environment |= {f"RCLONE_CONFIG_ARCHIVE_{k}": v for k, v in remote.items()}
    if words[-1] == "s3":
        dws.environment |= bucket_of_the_example(request.getfixturevalue("moto_server"))
    if words[-1] == "container-image":
        host = request.getfixturevalue("registry_of_the_example")
        example = example.replace("registry.example.org", host)

    done = subprocess.run(
        ["sh", "-c", f"'{sys.executable}' -m workspace_core.cli --batch {example}"],
        cwd=workspace,
        env=dws.environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("restore", "nothing"), "There is no snapshot with the tag, hash or number 'nothing'"),
        (("restore", "first", "--only", "x"), "has a resource 'x'"),
        (("restore", "first", "--leave", "x"), "has a resource 'x'"),
        (("restore", "first", "/etc/passwd"), "'/etc/passwd' belongs to no resource"),
        (("restore", "first", "raw/mistyped.csv"), "has 'mistyped.csv'; mend the path"),
        (("delete-snapshot", "0000"), "There is no snapshot with the tag, hash or number '0000'"),
        (("snapshot", "first"), "The tag 'first' is in use"),
        (("snapshot", ".x"), "cannot be a tag"),
        (("snapshot", "a/b"), "cannot be a tag"),
        (("snapshot", ".."), "cannot be a tag"),
        (("tag", "remove", "other"), "There is no snapshot with the tag, hash or number 'other'"),
        (
            ("config", "colour"),
            "The workspace has no parameter 'colour'; there are: dws_git_branch",
        ),
        (("config", "hostname", "a b"), "it consists of letters, digits"),
        (("config", "results.dir_template", "elsewhere/{TAG}"), "a folder below 'snapshots/'"),
        (("config", "results.dir_template", "snapshots/../{TAG}"), "a folder below 'snapshots/'"),
        (("config", "results.dir_template", "snapshots/{X}"), "there is no ['X']"),
        (("config", "results.dir_template", "snapshots/fixed"), "it holds one of {TAG}"),
        (("config", "results.dir_template", "snapshots/{TAG.x}"), "there is no ['TAG.x']"),
        (
            ("config", "results.subdir", "snapshots/{USER}"),
            "{SNAPSHOT_NO}, {ISO_TIMESTAMP}, {DATE_",
        ),
        (("config", "results.move_exclude_files", "README"), "it is a JSON list of names"),
        (("config", "--resource", "results", "results.exclude", "*.log"), "a JSON list of globs"),
        (("config", "--resource", "results", "results.exclude", '["../x"]'), "within the resource"),
        (
            ("config", "--resource", "raw", "results.exclude", "[]"),
            "no parameter 'results.exclude'",
        ),
        (("resource", "remove", "nobody"), "There is no resource 'nobody'"),
        (("resource", "bring-back", "raw"), "No resource 'raw' was removed; there are: none"),
        (("resource", "rename", "nobody", "x"), "There is no resource 'nobody'"),
        (("resource", "rename", "raw", "code"), "There is a resource 'code' already"),
        (("resource", "rename", "raw", "../x"), "cannot name a resource"),
        (("resource", "swap", "nobody", "new"), "There is no resource 'nobody'"),
        (("resource", "swap", "raw", "missing"), "'missing' is no folder"),
        (("resource", "swap", "raw", "code"), "overlaps with"),
        (("resource", "swap", "results", "new"), "'results' holds results, which stay"),
        (("import", "code"), "it is no workspace of dataworkspaces 1.6"),
        (("import", "."), "it is no workspace of dataworkspaces 1.6"),
        (("config", "store", "/nowhere"), "can be set as long as there are none"),
        (("config", "--resource", "raw", "compute_hash", "perhaps"), "it is true or false"),
        (("config", "--resource", "raw", "my_local_path", "/nowhere"), "is no folder"),
        (("config", "--resource", "raw", "my_local_path", "raw"), "it is an absolute path"),
        (("config", "--resource", "nobody"), "There is no resource 'nobody'"),
        (("add", "local-files", "--role", "s", "raw"), "overlaps with"),
        (("add", "local-files", "--role", "s", "missing"), "'missing' is no folder"),
        (
            ("add", "local-files", "--role", "s", "--name", "raw", "new"),
            "is a resource 'raw' already",
        ),
        (("add", "local-files", "--role", "s", "--name", "a,b", "new"), "cannot name a resource"),
        (("add", "local-files", "--role", "s", "--name", "../x", "new"), "cannot name a resource"),
        (("add", "local-files", "new"), "Nobody can be asked here: give --role"),
        (("init",), "is a workspace already"),
        (("report", "results", "--resource", "raw"), "no resource 'raw' with results"),
        (("status", "--workspace-dir", "/"), "'/' is no workspace; 'dws init' makes one"),
        (("diff", "first", "gone"), "There is no snapshot with the tag, hash or number 'gone'"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else "",
)
def test_what_cannot_be_done_is_refused_in_a_sentence(dws, workspace, arguments, said):
    (workspace / "new").mkdir()
    if "first" in arguments or "store" in arguments:
        dws("snapshot", "first")
    before = dws.git("rev-parse", "HEAD")

    assert said in dws.refused(*arguments)
    assert dws.git("rev-parse", "HEAD") == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("restore",),
        ("restore", "first", "--only", "raw", "--leave", "code"),
        ("restore", "first", "raw/a.csv", "--only", "raw"),
        ("snapshot", "--nothing"),
        ("add", "local-files", "--role", "x", "raw"),
        ("log", "--limit", "0"),
        ("gc", "--grace", "-1"),
        ("prune",),
        ("import", "raw", "--role", "s"),
        ("import", "raw.dvc", "--hostname", "x"),
        ("unknown",),
    ],
    ids=" ".join,
)
def test_wrong_usage_has_a_status_of_its_own(dws, workspace, arguments):
    assert "Usage: dws" in dws.refused(*arguments, code=2)


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ("--git-fat-remote", "git-fat needs Python 2"),
        ("--git-fat-user", "git-fat needs Python 2"),
        ("--git-fat-port", "git-fat needs Python 2"),
        ("--git-fat-attributes", "git-fat needs Python 2"),
        ("--git-lfs-attributes", "what git-lfs holds is not exchanged"),
    ],
)
def test_git_modes_for_large_files_are_refused_with_what_replaces_them(dws, option, why):
    said = dws.refused("init", option, "x")

    assert f"{option} is not supported, for {why}" in said
    assert "'dws add local-files'" in said
    assert os.listdir(dws.folder) == []


@pytest.mark.parametrize(
    "words", [("build",), ("run", "--no-mount-ssh-keys"), ("build", "--image-name", "x", "-f")]
)
def test_images_are_refused_with_what_replaces_them(dws, workspace, words):
    said = dws.refused("deploy", *words)

    assert f"'dws deploy {words[0]}' is not supported" in said
    assert "Dockerfile" in said


@pytest.mark.parametrize("name", ["../..", "a/b", "a\nb", "esc\x1b[31m", "x" * 201])
def test_a_name_that_leads_somewhere_or_steers_a_terminal_is_refused(dws, name):
    assert "cannot name a workspace" in dws.refused("init", name)
    assert list(dws.folder.iterdir()) == []


def test_a_failed_init_leaves_nothing_behind(dws):
    error = dws.refused("init", "--hostname", "no good")

    assert "The parameter 'hostname' does not take 'no good'" in error
    assert os.listdir(dws.folder) == []


def test_the_workspace_is_found_from_a_folder_in_it(dws, workspace):
    deep = workspace / "raw/deep/er"
    deep.mkdir(parents=True)

    dws("snapshot", "first", cwd=deep)

    assert "first" in dws("log", "--workspace-dir", workspace, cwd="/")
    assert "study" in dws.git("log", "--format=%s")


def test_outside_of_a_workspace_the_way_to_one_is_told(dws):
    assert "is a workspace; 'dws init' makes one" in dws.refused("status")


def test_snapshots_are_found_by_tag_and_by_the_beginning_of_a_hash(dws, workspace):
    taken = dws.json("snapshot", "first", "-m", "as delivered")

    for name in ("first", taken["hash"], taken["hash"][:4], taken["hash"][:8].upper()):
        assert dws.json("restore", name, "--dry-run")["snapshot"] == taken["hash"]
    assert dws.refused("restore", taken["hash"][:3])
    assert (taken["message"], taken["hostname"], taken["snapshot_number"]) == (
        "as delivered",
        "lab",
        1,
    )


def test_snapshots_are_found_by_the_number_that_is_shown(dws, workspace):
    first, second = dws.json("snapshot"), dws.json("snapshot", "001")

    found = [
        json.loads(dws("diff", one, "--json"))["before"] for one in ("001", "002", first["hash"])
    ]

    assert found == [second["hash"], second["hash"], first["hash"]]  # a tag comes first
    dws("tag", "remove", "001")
    assert dws.json("diff", "001")["before"] == first["hash"]
    for unknown in ("1", "003", "0001"):
        assert "There is no snapshot with" in dws.refused("diff", unknown)


def test_a_dry_run_changes_nothing_and_tells_what_a_restore_would_do(dws, workspace):
    dws("snapshot", "first")
    (workspace / "raw/a.csv").write_text("id\n2\n")
    (workspace / "raw/mine.csv").write_text("x")
    before = (workspace / "raw/a.csv").stat().st_ctime_ns

    plan = dws.json("restore", "first", "--dry-run")
    said = dws("restore", "first", "-n")

    raw = plan["resources"]["raw"]
    assert [(one["path"], one["change"]) for one in raw["changes"]] == [("a.csv", "modified")]
    assert (raw["unsaved"], raw["kept"], plan["dry_run"]) == (["a.csv"], ["mine.csv"], True)
    assert "The restore would be refused without --force" in said
    assert (workspace / "raw/a.csv").stat().st_ctime_ns == before
    assert not (workspace / "raw/.dws-restore").exists()


def test_a_forced_restore_says_where_it_keeps_what_was_replaced(dws, workspace):
    dws("snapshot", "first")
    (workspace / "raw/a.csv").write_text("id\n2\n")

    done = dws.json("restore", "first", "--force")
    dws("restore", done["rescue"], "--only", "raw")

    assert (workspace / "raw/a.csv").read_text() == "id\n2\n"


def test_results_are_moved_and_reported(dws, workspace, write_results):
    (workspace / "results/README.md").write_text("mine")
    write_results(0.5)
    (workspace / "results/models").mkdir()
    (workspace / "results/models/a").write_text("1")
    taken = dws.json("snapshot", "first")

    found = dws.json("report", "results", "--snapshot", "first")

    place = workspace / "results/snapshots/lab-first"
    assert sorted(os.listdir(place)) == ["models", "plot.bin", "results.json"]
    assert sorted(os.listdir(workspace / "results")) == ["README.md", "snapshots"]
    assert taken["metrics"] == {"accuracy": 0.5}
    assert found == {
        "path": "snapshots/lab-first/results.json",
        "resource": "results",
        "results": {"metrics": {"accuracy": 0.5}},
    }
    assert dws.run("report", "results").returncode == 1


def test_untagged_results_go_to_a_folder_of_their_number(dws, workspace, write_results):
    write_results(0.5)

    assert dws.json("snapshot")["relative_destination_path"] == "snapshots/lab-001"


def test_results_that_stay_are_no_change_until_they_change(dws, workspace, write_results):
    write_results(0.5)
    readme = workspace / "results/README.md"
    readme.write_text("what this is\n")
    dws("snapshot", "first")

    def changes():
        (found,) = [one for one in dws.json("status") if one["name"] == "results"]
        return found["state"], [(one["path"], one["change"]) for one in found["changes"]]

    assert changes() == ("unchanged", [])
    write_results(0.5)
    assert changes() == ("changed", [("plot.bin", "added"), ("results.json", "added")])
    readme.write_text("something else\n")
    assert changes()[1][0] == ("README.md", "modified")
    readme.unlink()
    assert changes()[1][0] == ("README.md", "removed")


def test_what_no_snapshot_can_hold_is_left_out_if_asked_for(dws, workspace):
    dws("snapshot", "first")
    os.mkfifo(workspace / "raw/pipe")
    (workspace / "raw/a.csv").write_text("id\n2\n")

    assert "dws snapshot --skip-special" in dws.refused("snapshot", "second")
    assert "  ? pipe (no snapshot can hold it)\n  M a.csv" in dws("status")
    assert "Left out of raw: pipe\n" in dws("snapshot", "second", "--skip-special")

    (second,) = dws.json("log", "--limit", "1")
    assert second["resources"] == {"raw": {"skipped": ["pipe"]}}
    dws("restore", "first")
    assert (workspace / "raw/a.csv").read_text() == "id\n1\n"
    (workspace / "raw/a.csv").write_text("id\n3\n")
    assert "kept in the snapshot 003" in dws("restore", "first", "--force")
    assert stat.S_ISFIFO((workspace / "raw/pipe").lstat().st_mode)


def test_a_file_that_cannot_be_read_is_named_with_its_whole_path(dws, workspace):
    powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    if powerless and shutil.which("setpriv") is None:
        pytest.skip("root is let in everywhere, and setpriv is not installed")
    (workspace / "raw/deep").mkdir()
    (workspace / "raw/deep/b.csv").touch(mode=0)

    done = subprocess.run(
        [*powerless, sys.executable, "-m", "workspace_core.cli", "status", "--json"],
        cwd=workspace,
        env=dws.environment,
        capture_output=True,
        text=True,
    )

    (raw,) = [one for one in json.loads(done.stdout) if one["name"] == "raw"]
    assert raw["state"] == "unreadable"
    assert f"'{workspace}/raw/deep/b.csv' cannot be read: Permission denied" in raw["reason"]


def test_results_never_go_to_a_folder_that_is_there(dws, workspace, write_results):
    (workspace / "results/snapshots/lab-first").mkdir(parents=True)
    (workspace / "results/snapshots/lab-first/plot.bin").write_bytes(b"old")
    write_results(0.5)

    taken = dws.json("snapshot", "first")

    assert taken["relative_destination_path"] == "snapshots/lab-first-2"
    assert (workspace / "results/snapshots/lab-first/plot.bin").read_bytes() == b"old"


def test_results_do_not_follow_a_link_out_of_their_folder(dws, workspace, write_results):
    outside = workspace.parent / "outside"
    outside.mkdir()
    (workspace / "results/snapshots").symlink_to(outside)
    write_results(0.5)

    assert "is no folder, and results are moved below it" in dws.refused("snapshot", "first")
    assert os.listdir(outside) == []
    assert dws.json("log") == []


def test_metrics_of_several_resources_are_told_apart(dws, workspace, write_results):
    (workspace / "more").mkdir()
    dws("add", "git", "--role", "r", "more")
    write_results(0.5)
    (workspace / "more/results.json").write_text('{"metrics": {"accuracy": 0.75}}')

    taken = dws.json("snapshot", "first")

    assert taken["metrics"] == {"more": {"accuracy": 0.75}, "results": {"accuracy": 0.5}}


def test_metrics_that_are_no_numbers_are_recorded_as_json_knows_them(dws, workspace):
    written = '{"metrics": {"loss": NaN, "by_ward": [1.5, Infinity, -1e999]}}'
    (workspace / "results/results.json").write_text(written)
    expected = {"loss": "NaN", "by_ward": [1.5, "Infinity", "-Infinity"]}

    now = dws("report", "results", "--json")
    dws("snapshot", "first")

    told = [now, dws("report", "results", "--snapshot", "first", "--json"), dws("log", "--json")]
    (record,) = (workspace / ".dataworkspace/snapshots").iterdir()
    one, two, (three,), four = (strict_json(text) for text in (*told, record.read_text()))
    assert one["results"]["metrics"] == two["results"]["metrics"] == expected
    assert three["metrics"] == four["metrics"] == expected
    assert (workspace / "results/snapshots/lab-first/results.json").read_text() == written


def test_results_that_are_nested_without_end_keep_no_snapshot_from_being_taken(dws, workspace):
    (workspace / "results/results.json").write_text("[" * 200_000)

    assert "of the resource 'results' is no JSON" in dws.refused("report", "results")
    assert "so the snapshot has no metrics" in dws.run("snapshot", "first").stderr


def test_results_that_are_no_json_are_kept_without_metrics(dws, workspace, write_results):
    write_results(0.5)
    (workspace / "results/results.json").write_text("{")

    done = dws.run("snapshot", "first")

    assert done.returncode == 0
    assert "results.json of 'results' is no JSON" in done.stderr
    assert (workspace / "results/snapshots/lab-first/results.json").read_text() == "{"


def test_deleting_leaves_results_where_they_are_if_asked_for(dws, workspace, write_results):
    write_results(0.5)
    dws("snapshot", "first")

    dws("delete-snapshot", "first", "--no-include-resources")

    assert (workspace / "results/snapshots/lab-first/plot.bin").exists()
    assert dws.json("log") == []


def test_a_deletion_that_was_killed_is_finished_by_the_next_command(dws, workspace, write_results):
    write_results(0.5)
    dws("snapshot", "first")
    kept = workspace.parent / "before"
    shutil.copytree(workspace, kept, symlinks=True)
    moment = 0
    while dws.killed_at(moment := moment + 1, "delete-snapshot", "first"):
        api.config(str(workspace), "hostname", "lab")
        snapshots = api.get_snapshot_history(str(workspace))

        exists = (workspace / "results/snapshots/lab-first/plot.bin").exists()
        assert exists == bool(snapshots), moment
        shutil.rmtree(workspace)
        shutil.copytree(kept, workspace, symlinks=True)
    assert moment > 8


def test_garbage_is_collected_once_no_snapshot_needs_it(dws, workspace):
    (workspace / "raw/large.bin").write_bytes(os.urandom(500_000))
    dws("snapshot", "first")
    (workspace / "raw/large.bin").unlink()
    dws("snapshot", "second")
    dws("delete-snapshot", "first")

    planned = dws.json("gc", "--dry-run", "--grace", "0")
    done = dws.json("gc", "--grace", "0")

    assert planned["bytes_freed"] > 490_000
    assert done["bytes_freed"] > 490_000
    assert dws.json("verify")["is_sound"]
    dws("restore", "second")


def test_pins_that_were_lost_are_put_right_before_anything_goes(dws, workspace):
    dws("snapshot", "first")
    shutil.rmtree(workspace / ".dataworkspace/store/pins")
    assert dws.run("verify").returncode == 1

    dws("gc", "--grace", "0")

    assert dws.json("verify")["is_sound"]
    (workspace / "raw/a.csv").unlink()
    dws("restore", "first")
    assert (workspace / "raw/a.csv").read_text() == "id\n1\n"


@pytest.mark.parametrize("where", ["packs", "snapshots", "tags"])
def test_damage_is_found_and_named(dws, workspace, where):
    dws("snapshot", "first")
    place = workspace / ".dataworkspace" / ("store/packs" if where == "packs" else where)
    file = min(place.iterdir())
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x01
    file.write_bytes(content)

    done = dws.run("verify")

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert str(file) in done.stdout + done.stderr or where == "tags"


def test_a_store_may_be_shared(dws, workspace):
    shared = workspace.parent / "shared"
    folders = [workspace.parent / name for name in ("one", "two")]
    content = os.urandom(300_000)
    for folder in folders:
        (folder / "data").mkdir(parents=True)
        (folder / "data/file").write_bytes(content)
        dws.folder = folder
        dws("init", "--store", shared)
        dws("add", "local-files", "--role", "s", "data")
        dws("snapshot", "first")
    size = sum(file.stat().st_size for file in (shared / "packs").iterdir())
    assert size < 1.1 * len(content)

    dws("delete-snapshot", "first")
    dws("gc", "--grace", "0")
    dws.folder = folders[0]
    (folders[0] / "data/file").unlink()
    dws("restore", "first")

    assert (folders[0] / "data/file").read_bytes() == content


@pytest.fixture
def shared(dws, workspace):
    """Two workspaces of one store, each with a file of its own."""
    for name in ("one", "two"):
        dws.folder = workspace.parent / name
        (dws.folder / "data").mkdir(parents=True)
        (dws.folder / "data/file").write_bytes(os.urandom(200_000))
        dws("init", "--store", workspace.parent / "shared")
        dws("add", "local-files", "--role", "s", "data")
        dws("snapshot", "first")
    dws.folder = workspace.parent / "one"
    return workspace.parent / "shared"


def test_a_shared_store_lets_go_of_a_deleted_workspace_once_it_is_told_to(dws, shared):
    content = (dws.folder / "data/file").read_bytes()
    assert dws.json("gc", "--grace", "0")["gone"] == []
    shutil.rmtree(shared.parent / "two")

    said = dws("gc", "--grace", "0")
    (told,) = re.findall(r"The workspace two is not in .*/two any more, .* (\w+)$", said)
    before = dws.json("gc", "--grace", "0", "--dry-run", "--let-go", told)
    done = dws.json("gc", "--grace", "0", "--let-go", told)

    assert said.startswith("0 objects went")
    assert before["bytes_freed"] == done["bytes_freed"] > 190_000
    assert done["gone"] == []
    assert sum(file.stat().st_size for file in (shared / "packs").iterdir()) < 220_000
    (dws.folder / "data/file").unlink()
    dws("restore", "first")
    assert (dws.folder / "data/file").read_bytes() == content
    assert "sound" in dws("verify")


def test_a_shared_store_lets_go_of_no_workspace_that_is_there(dws, shared):
    own = json.loads((dws.folder / ".dataworkspace/local/params.json").read_bytes())["instance_id"]
    moved = shared.parent / "moved"
    (shared.parent / "two").rename(moved)
    dws("gc", cwd=moved)  # whatever changes something tells the store where it is
    (other,) = {file.name for file in (shared / "pins").iterdir()} - {own}

    refused = [dws.refused("gc", "--let-go", one) for one in (own, other[:8])]

    assert dws.json("gc")["gone"] == []
    assert f"The workspace 'one' is in '{dws.folder}' and needs what it keeps" in refused[0]
    assert f"The workspace 'two' is in '{moved}'" in refused[1]
    assert "give 4 digits or more" in dws.refused("gc", "--let-go", "")
    assert "give 4 digits or more" in dws.refused("gc", "--let-go", "../../etc")


def test_a_workspace_that_nobody_can_look_at_is_not_taken_for_deleted(dws, shared):
    (shared.parent / "two/.dataworkspace/local/params.json").write_bytes(b"{")

    assert dws.json("gc", "--grace", "0")["gone"] == []


def test_a_copy_that_goes_does_not_take_the_pins_of_the_original_along(dws, shared):
    copy = shared.parent / "copy"
    shutil.copytree(shared.parent / "two", copy, symlinks=True)
    dws("snapshot", "second", cwd=copy)
    shutil.rmtree(copy)

    assert dws.json("gc", "--grace", "0")["gone"] == []
    assert "sound" in dws("verify", cwd=shared.parent / "two")


@pytest.mark.parametrize("content", [b"", b"{", b'{"schema": 1, "places": 7}', b'{"schema": 9}'])
def test_a_damaged_signature_for_pins_is_no_reason_to_stop_or_to_let_go(dws, shared, content):
    for file in (shared / "pins").glob("*/holder"):
        file.write_bytes(content)
    shutil.rmtree(shared.parent / "two")

    dws("snapshot", "second")

    if b"9" in content:
        assert "upgrade workspace-core" in dws.refused("gc", "--grace", "0")
    else:
        assert dws.json("gc", "--grace", "0")["gone"] == []


def test_a_workspace_of_another_machine_is_not_taken_for_deleted(dws, shared):
    for file in (shared / "pins").glob("*/holder"):
        record = json.loads(file.read_bytes())
        if record["name"] == "two":
            record["places"][0]["machine"] = "elsewhere"
            file.write_text(json.dumps(record))
    shutil.rmtree(shared.parent / "two")

    assert dws.json("gc", "--grace", "0")["gone"] == []


def test_a_workspace_may_be_moved(dws, workspace):
    dws("snapshot", "first")
    (workspace / "raw/a.csv").write_text("id\n2\n")
    dws("snapshot", "second")
    dws.folder = workspace.rename(workspace.parent / "elsewhere")

    dws("restore", "first")

    assert (dws.folder / "raw/a.csv").read_text() == "id\n1\n"


def test_a_hostile_resource_file_is_refused(dws, workspace):
    for name, field, rule in (
        ("raw", "global_local_path", "one below the folder of the workspace"),
        ("code", "relative_path", "does not lie in the workspace"),
    ):
        file = workspace / f".dataworkspace/resources/{name}.json"
        record = json.loads(file.read_text())
        file.write_text(json.dumps({**record, field: "../../outside"}))

        assert rule in dws.refused("status")
        file.write_text(json.dumps(record))


def test_a_newer_format_is_refused_and_unknown_fields_are_kept(dws, workspace):
    file = workspace / ".dataworkspace/config.json"
    record = json.loads(file.read_text())
    file.write_text(json.dumps({**record, "later": 1}))
    dws("config", "scratch_directory", "scratch")
    assert json.loads(file.read_text())["later"] == 1

    file.write_text(json.dumps({**record, "schema": 99}))

    assert "upgrade workspace-core" in dws.refused("snapshot")


def test_json_holds_names_that_are_no_text(dws, workspace):
    with open(os.path.join(os.fsencode(workspace), b"raw", b"\xff\n"), "wb"):
        pass

    (raw,) = [one for one in dws.json("status") if one["name"] == "raw"]

    assert "\udcff\n" in [change["path"] for change in raw["changes"]]
    assert "\\udcff\\n" in dws("status")


def test_another_command_is_waited_for_as_long_as_one_wants(dws, workspace):
    import fcntl

    with open(workspace / ".dataworkspace/local/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        error = dws.refused("--lock-timeout", "0.2", "snapshot", "first")
        assert "is in use by another process, after 0.2 s of waiting" in error
        assert dws.json("log") == []


def test_reading_commands_need_no_lock(dws, workspace):
    import fcntl

    dws("snapshot", "first")
    with open(workspace / ".dataworkspace/local/lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        for words in ("status", "log", "verify", "config", "report history"):
            dws("--lock-timeout", "0.2", *words.split())


def test_the_shell_completes_commands_tags_and_resources(dws, workspace):
    dws("snapshot", "first")

    def completed(words, at):
        done = subprocess.run(
            ["dws"],
            executable=PROGRAM,
            cwd=workspace,
            env=dws.environment
            | {"_DWS_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(at)},
            capture_output=True,
            text=True,
        )
        return [line.partition(",")[2] for line in done.stdout.splitlines()]

    assert "snapshot" in completed("dws sn", 1)
    assert completed("dws restore fi", 2) == ["first"]
    assert completed("dws restore first --only co", 4) == ["code"]
    assert completed("dws restore first --only code,ra", 4) == ["code,raw"]
    assert "_dws_completion" in dws("completion", "bash")


@pytest.fixture
def small_disk(dws, workspace, write_results):
    """The workspace with results, on a disk of eight megabytes."""
    write_results(0.5)
    disk = workspace.parent / "disk"
    disk.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("only root can mount a small disk")
    try:
        dws.folder = disk / "work"
        shutil.copytree(workspace, dws.folder, symlinks=True)
        yield dws.folder
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.parametrize("spare", [0, 4 << 10, 64 << 10, 256 << 10])
def test_a_full_disk_leaves_the_old_state_or_the_new_one(dws, small_disk, spare):
    (small_disk / "raw/large.bin").write_bytes(os.urandom(100_000))
    filling = small_disk.parent / "filling"
    free = shutil.disk_usage(small_disk).free
    filling.write_bytes(bytes(max(0, free - spare)))

    done = dws.run("snapshot", "first")
    filling.unlink()

    assert "Traceback" not in done.stderr
    assert done.returncode == 0 or "No space left on device" in done.stderr
    dws("snapshot", "second")
    snapshots = dws.json("log")
    assert [one["metrics"] for one in snapshots if one["metrics"]] == [{"accuracy": 0.5}]
    assert len(list((small_disk / "results").rglob("plot.bin"))) == 1
    assert dws.git("status", "--porcelain") == ""
    assert dws.json("verify")["is_sound"]
