"""Every change of a member's code says what for, in a fragment for its changelog."""

import pytest

CODE = {"packages__roof__src__roof__tiles.py": "TILES = 1\n"}


def test_a_change_without_a_fragment_is_refused(checkout):
    checkout.commit(**CODE)

    done = checkout.run("fragments.py", "main")

    assert done.returncode == 1
    assert done.stderr == (
        "roof: its code changes, but nothing in packages/roof/changelog.d/ says what for; add "
        "NAME.KIND.md, or NAME.internal.md where no user can notice.\n"
    )


def test_a_change_with_a_fragment_is_accepted(checkout):
    checkout.commit(**CODE)
    checkout.commit(**{"packages__roof__changelog.d__tiles.added.md": "Tiles.\n"})

    assert checkout.run("fragments.py", "main").returncode == 0


@pytest.mark.parametrize("name", ["packages__roof__README.md", "packages__roof__tests__test_it.py"])
def test_a_change_of_words_or_tests_needs_none(checkout, name):
    checkout.commit(**{name: "changed\n"})

    assert checkout.run("fragments.py", "main").returncode == 0


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("tiles.md", "Tiles.", "call it NAME.KIND.md, KIND being one of added, changed, "),
        ("tiles.shiny.md", "Tiles.", "call it NAME.KIND.md, KIND being one of added, changed, "),
        ("tiles.added.md", " \n", "say in one sentence what changes for a user."),
    ],
)
def test_a_fragment_that_nobody_can_use_is_refused(checkout, name, text, message):
    checkout.commit(**CODE)
    checkout.write(f"packages/roof/changelog.d/{name}", text)

    done = checkout.run("fragments.py", "main")

    assert done.returncode == 1
    assert done.stderr.startswith(f"packages/roof/changelog.d/{name}: {message}")
