import json


def test_a_config_file_settings_and_a_root_make_a_run(machine):
    (machine.folder / "other").mkdir()
    (machine.folder / "other" / "in.tsv").write_bytes(b"id\tday\n1\t2024-01-01\n1\t2024-01-02\n")
    (machine.folder / "run.yaml").write_text(
        "ops:\n  read_dataset: {config: {path: in.tsv}}\n"
        "  write_dataset: {config: {path: wrong.csv}}\n"
    )

    answer = machine.run(
        "run",
        "remove_duplicates_job",
        "--config",
        "run.yaml",
        "--set",
        "write_dataset.path=out/out.tsv",
        "--set",
        "remove_duplicates.subset=[id]",
        "--set",
        "remove_duplicates.order_by=[day]",
        "--root",
        "other",
    )

    output = machine.folder / "other" / "out" / "out.tsv"
    told, result, report, run = answer.stdout.splitlines()
    assert (answer.returncode, answer.stderr) == (0, "")
    assert told == "remove_duplicates_job published 1 row."
    assert result == f"  result: {output}"
    assert report == f"  report: {output}.report.html"
    assert output.read_bytes() == b"id\tday\n1\t2024-01-01\n"
    written = json.loads((output.parent / "out.tsv.report.json").read_text())
    assert run == f"  run:    {written['run']['run_id']}"
    assert written["steps"][0]["warnings"] == [
        "'day' holds text, so 'order_by' ordered it as text: '10' comes before '9'."
    ]


def test_a_config_that_cannot_be_read_is_told(machine):
    (machine.folder / "run.yaml").write_bytes(b"ops: {\xff}")

    answer = machine.run("run", "remove_duplicates_job", "--config", "run.yaml")

    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == (
        "error: The run config 'run.yaml' cannot be read (UnicodeDecodeError); it must be a file "
        "in UTF-8.\n"
    )
