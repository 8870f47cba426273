import json

import yaml
from click.testing import CliRunner

from util_services.cli.sniff import sniff

CANARY = "Kanari"


def run(*arguments):
    return CliRunner().invoke(sniff, [str(argument) for argument in arguments])


def test_the_block_can_be_pasted_and_shows_no_cell_value(tmp_path):
    file = tmp_path / "people.csv"
    file.write_bytes("id;city\n1;Kanaridorf\n2;Kanaristadt Süd\n".encode("cp1252"))

    shown = run(file)

    assert shown.exit_code == 0
    assert yaml.safe_load(shown.output) == {
        "ops": {
            "read_dataset": {
                "config": {
                    "path": str(file),
                    "format": "csv",
                    "csv": {"delimiter": ";", "encoding": "cp1252"},
                }
            }
        }
    }
    assert '# columns: ["id", "city"]' in shown.output
    assert CANARY not in shown.output


def test_the_proposal_as_json(tmp_path):
    file = tmp_path / "people.tsv"
    file.write_text(f"id\tname\n1\t{CANARY}\n2\t{CANARY}\n")

    shown = run(file, "--json")

    found = json.loads(shown.output)
    assert (found["format"], found["delimiter"], found["has_header"]) == ("tsv", "\t", True)
    assert CANARY not in shown.output


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path):
    assert run(tmp_path / "absent.csv").exit_code == 2
