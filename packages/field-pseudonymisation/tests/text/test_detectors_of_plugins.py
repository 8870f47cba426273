"""Detectors of another package, found by its entry point in a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
ASK = """
import pandas as pd
from field_pseudonymisation import PseudonymisationPolicy, detect, pseudonymise

text = "members M-123456 and M-654321"
print([(one.entity, text[one.start : one.end]) for one in detect(text)])
rule = {"technique": "detect_text", "entities": {"member_number": "surrogate", "*": "redact"}}
policy = PseudonymisationPolicy(rules={"note": rule})
print(pseudonymise(pd.DataFrame({"note": [text]}), policy)[0]["note"][0])
"""


def test_detectors_of_another_package_are_at_work(tmp_path):
    (code,) = (
        block
        for block in re.findall(r"^```python\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)
        if "@hookimpl" in block
    )
    (tmp_path / "members_plugin.py").write_text(code)
    record = tmp_path / "members-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: members\nVersion: 1.0\n")
    (record / "entry_points.txt").write_text("[data_services]\nmembers = members_plugin\n")

    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "[('member_number', 'M-123456'), ('member_number', 'M-654321')]",
        "members [MEMBER_NUMBER 1] and [MEMBER_NUMBER 2]",
    ]
