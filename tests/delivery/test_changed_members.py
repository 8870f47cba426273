"""Which members a branch changes, as the workspace's own metadata tell."""

import json

import pytest


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("packages/roof/src/roof/__init__.py", ["roof"]),
        ("packages/walls/README.md", ["walls", "roof"]),
        ("packages/ground/src/ground/new.py", ["ground", "shed", "walls", "roof"]),
        ("uv.lock", ["ground", "shed", "walls", "roof"]),
        (".gitea/scripts/check", ["ground", "shed", "walls", "roof"]),
    ],
)
def test_a_change_reaches_all_that_need_its_member(checkout, file, expected):
    checkout.commit(**{file.replace("/", "__"): "# changed\n"})

    assert checkout.run("changed.py", "main").stdout.split() == expected
    assert json.loads(checkout.run("changed.py", "--json", "main").stdout) == expected


def test_files_that_are_not_committed_count(checkout):
    checkout.write("packages/shed/new.py", "")

    assert checkout.run("changed.py", "main").stdout.split() == ["shed"]


def test_a_file_that_moves_changes_both_members(checkout):
    checkout.write("packages/roof/src/roof/beam.py", "BEAMS = 12\n" * 50)
    checkout.commit()
    checkout.git("switch", "--quiet", "main")
    checkout.git("merge", "--quiet", "branch")
    checkout.git("switch", "--quiet", "branch")
    checkout.git("mv", "packages/roof/src/roof/beam.py", "packages/shed/src/shed/beam.py")

    assert checkout.run("changed.py", "--direct", "main").stdout.split() == ["roof", "shed"]


def test_what_main_did_meanwhile_is_no_change_of_the_branch(checkout):
    checkout.git("switch", "--quiet", "main")
    checkout.commit(packages__shed__new="")
    checkout.git("switch", "--quiet", "branch")
    checkout.commit(packages__roof__new="")

    assert checkout.run("changed.py", "main").stdout.split() == ["roof"]


def test_a_branch_without_changes_changes_no_member(checkout):
    done = checkout.run("changed.py", "main")

    assert (done.returncode, done.stdout.strip()) == (0, "")


def test_an_unknown_base_is_one_sentence(checkout):
    done = checkout.run("changed.py", "origin/main")

    assert done.returncode == 1
    assert done.stderr.startswith("changed: git merge-base failed: ")
    assert len(done.stderr.splitlines()) == 1


def test_an_unknown_member_is_one_sentence(checkout):
    done = checkout.run("member.py", "cellar", "folder")

    assert done.returncode == 1
    assert done.stderr == (
        "member: There is no member 'cellar'; known are ground, roof, shed, walls.\n"
    )


def test_the_members_of_this_workspace_are_found(workspace, checkout):
    done = checkout.run(
        "python3", workspace / ".gitea/scripts/member.py", "data-services", "folder"
    )

    assert done.stdout.strip() == "code-locations/data-services"
