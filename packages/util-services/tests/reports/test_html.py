import json

from util_services.reports.html import render_html


def test_digests_have_lines_of_their_own_and_numbers_are_not_broken(flow):
    flow.run(flow.put("in.csv", b"a\n" + b"1\n" * 999), "out.csv")

    page = flow.get("out.csv.report.html").decode()
    report = json.loads(flow.get("out.csv.report.json"))
    for name in ("input", "output"):
        assert '<td class="number">2\N{NARROW NO-BREAK SPACE}000</td></tr>' in page
        digest = report[name]["sha256"]
        assert f'<td class="digest" colspan="3">SHA-256 <code>{digest}</code></td></tr>' in page


def test_the_versions_of_a_run_are_shown(flow):
    flow.run(flow.put("in.csv", b"a\n1\n"), "out.csv")
    report = json.loads(flow.get("out.csv.report.json"))
    report["run"]["versions"] = {"util-services": "0.1.0", "duckdb": "2.0.0"}

    page = render_html(report)

    assert "<td>util-services: 0.1.0, duckdb: 2.0.0</td>" in page
