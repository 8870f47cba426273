"""Marked personal values stand nowhere but in the input and the output, however a run ends."""

import json
import os
import pty
import signal
import subprocess

import pytest

NAMES = ("Jane-Roe-canary", "canary@example.org", "4711081542233", "1954-03-07T11:12", "Zq" * 3000)
HEADER = b"id,name,mail,number,date,note\n"
WORDS = (*NAMES[:4], NAMES[4][:400])


def rows(count, first=0):
    ending = f"{NAMES[1]},{NAMES[2]},{NAMES[3]},"
    return "".join(f"{n},{NAMES[0]} {n},{ending}\n" for n in range(first, first + count)).encode()


GOOD = HEADER + rows(5) + rows(1) + f'9,{",".join(NAMES[:4])},"{NAMES[4]}"\n'.encode()
FAILING = {
    "ragged row": GOOD + rows(1)[:-1] + b",surplus\n",
    "wrong encoding": HEADER + rows(25_000) + rows(1)[:-1] + b"\xff\n",
    "unclosed quote": GOOD + b'10,"' + rows(1),
}


def set_paths(source="in.csv", output="out.csv"):
    return ["--set", f"read_dataset.path={source}", "--set", f"write_dataset.path={output}"]


def assert_clean(machine, *texts):
    assert machine.mentions(*WORDS, but=["root/in.csv", "root/out.csv"]) == set()
    for text in texts:
        assert not [word for word in WORDS if word in text]
    assert not [path for path in machine.folder.rglob("*staging*") if path.is_dir()]


def test_after_success(machine):
    machine.put("in.csv", GOOD)

    answer = machine.run("run", "remove_duplicates_job", *set_paths(), "--json")

    assert (answer.returncode, answer.stderr) == (0, "")
    told = json.loads(answer.stdout)
    assert (told["status"], told["rows"], told["output"]) == (
        "SUCCESS",
        6,
        str(machine.root / "out.csv"),
    )
    assert machine.get("out.csv").count(NAMES[0].encode()) == 6
    assert machine.mentions(told["run_id"]), "the search looks into what Dagster stores"
    assert_clean(machine, answer.stdout, answer.stderr)


@pytest.mark.parametrize("content", FAILING.values(), ids=FAILING)
def test_after_failure(machine, content):
    machine.put("in.csv", content)

    answer = machine.run("run", "remove_duplicates_job", *set_paths(), "--json")

    assert answer.returncode == 1
    assert json.loads(answer.stdout)["status"] == "FAILURE"
    assert machine.outputs() == ["root/in.csv"]
    assert_clean(machine, answer.stdout, answer.stderr)


LONG = [*set_paths(), "--set", "remove_duplicates.ignore=[case, accents]"]


@pytest.fixture
def long_work(machine):
    """Enough rows to be at work for seconds."""
    machine.put("in.csv", HEADER + rows(700_000))
    return machine


def test_after_ctrl_c_at_a_terminal_that_shows_a_progress_bar(long_work):
    master, slave = pty.openpty()
    process = subprocess.Popen(
        long_work.command("run", "remove_duplicates_job", *LONG),
        env={**os.environ, **long_work.variables},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),
    )
    os.close(slave)
    try:
        shown = read_until(master, "█")
        os.write(master, b"\x03")
        status = process.wait(60)
    finally:
        process.kill()
        process.wait()
    shown += read_until(master, None)
    os.close(master)

    assert status == 1
    assert "read in.csv" in shown
    assert shown.splitlines()[-1].endswith(
        "remove_duplicates_job was cancelled; nothing was published."
    )
    assert "Traceback" not in shown
    assert long_work.outputs() == ["root/in.csv"]
    with long_work.instance() as instance:
        assert [run.status.value for run in instance.get_runs()] == ["CANCELED"]
    assert_clean(long_work, shown)


def read_until(master, sign):
    """Read what a terminal shows until a sign is in it, or its other end is closed."""
    shown = b""
    while sign is None or sign.encode() not in shown:
        try:
            part = os.read(master, 65536)
        except OSError:  # how Linux tells that the other end is closed
            part = b""
        if not part:
            assert sign is None, shown
            break
        shown += part
    return shown.decode(errors="replace")  # a part may end within a character


def test_after_a_kill_once_the_next_run_has_begun(long_work):
    process = subprocess.Popen(
        long_work.command("run", "remove_duplicates_job", *LONG),
        env={**os.environ, **long_work.variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        long_work.await_work(process)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        shown, _ = process.communicate()
    assert long_work.outputs()[-1] == "root/in.csv"
    assert "root/out.csv" not in long_work.outputs()
    assert "█" not in shown
    assert "\x1b" not in shown

    long_work.put("in.csv", GOOD)
    answer = long_work.run("run", "remove_duplicates_job", *set_paths())

    assert answer.returncode == 0
    with long_work.instance() as instance:
        statuses = sorted(run.status.value for run in instance.get_runs())
    assert statuses == ["FAILURE", "SUCCESS"]
    assert_clean(long_work, shown, answer.stdout, answer.stderr)
