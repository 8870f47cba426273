"""What members require of each other is what stands in the workspace."""

import pytest


def test_siblings_that_admit_each_other_pass(checkout):
    done = checkout.run("siblings.py")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("bounds", "is_admitted"),
    [
        (">=0.1", True),
        (">=0.1,<1", True),
        (">=0.1, <=0.1.0", True),
        ("[extra]>=0.1,<0.2; python_version > '3.10'", True),
        (">=0.2,<0.3", False),
        (">=0,<0.1", False),
        ("[extra]==0.1.1", False),
        (">0.1", False),
    ],
)
def test_a_bound_that_shuts_out_a_sibling_is_told(checkout, bounds, is_admitted):
    project = checkout.root / "packages/roof/pyproject.toml"
    project.write_text(project.read_text().replace("walls>=0.1,<0.2", f"walls{bounds}"))

    done = checkout.run("siblings.py")

    assert done.returncode == (0 if is_admitted else 1)
    assert done.stderr == (
        ""
        if is_admitted
        else f"roof: it needs 'walls{bounds}', and walls is 0.1.0 here; widen the bound in "
        "packages/roof/pyproject.toml.\n"
    )
