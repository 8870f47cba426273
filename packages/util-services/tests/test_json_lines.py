import fcntl
import json
import subprocess
import sys

from util_services.logs.json_lines import append_record

WRITERS, LINES = 8, 200

WRITE_LINES = """
import sys
from pathlib import Path
from util_services.logs.json_lines import append_record

path, writer, lines = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for number in range(lines):
    append_record(path, {"writer": writer, "number": number, "filling": writer * 5000})
"""

WRITE_BEYOND_A_LIMIT = """
import resource, sys
from pathlib import Path
from util_services.logs.json_lines import append_record

path = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (30, resource.RLIM_INFINITY))
append_record(path, {"fits": 1})
try:
    append_record(path, {"too": "long for what is left"})
except OSError as error:
    print(error.strerror)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
append_record(path, {"fits": 2})
"""


def start(program, *arguments):
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_eight_processes_append_whole_lines(tmp_path):
    path = tmp_path / "shared.jsonl"

    processes = [start(WRITE_LINES, path, writer, LINES) for writer in range(WRITERS)]
    for process in processes:
        process.communicate()

    assert [process.returncode for process in processes] == [0] * WRITERS
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted((record["writer"], record["number"]) for record in records) == [
        (str(writer), number) for writer in range(WRITERS) for number in range(LINES)
    ]
    assert all(record["filling"] == record["writer"] * 5000 for record in records)


def test_a_line_cut_short_by_a_full_disk_spoils_no_other(tmp_path):
    path = tmp_path / "shared.jsonl"

    said, _ = start(WRITE_BEYOND_A_LIMIT, path).communicate()

    assert said == "No space left on device\n"
    first, torn, last = path.read_text().splitlines()
    assert (json.loads(first), json.loads(last)) == ({"fits": 1}, {"fits": 2})
    assert torn == '{"too": "long for '


def test_a_file_that_somebody_else_holds_for_ever_is_written_all_the_same(tmp_path):
    path = tmp_path / "shared.jsonl"
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        append_record(path, {"cups": 1})

    assert json.loads(path.read_text()) == {"cups": 1}
