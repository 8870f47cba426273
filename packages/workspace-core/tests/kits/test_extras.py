"""Kits are extras: nothing else imports what they stand on, and a missing one is told by name."""

import subprocess
import sys

import pytest

HEAVY = ("IPython", "ipykernel", "sklearn", "joblib", "pandas", "pyarrow", "numpy")
HIDDEN = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(name)
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name in {hidden!r} else found(name, *more)
sys.meta_path.insert(0, Hidden())
"""


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize(
    "imported",
    [
        "workspace_core",
        "workspace_core.api",
        "workspace_core.cli.main",
        "workspace_core.plugin",
        "workspace_core.kits",
        "workspace_core.kits.notebook",
    ],
)
def test_nothing_imports_the_kits_unasked(imported):
    code = f"import sys, {imported}; print([m for m in {HEAVY!r} if m in sys.modules])"

    done = python(code)

    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize(
    ("kit", "module", "extra"),
    [
        ("pandas", "pyarrow", "pandas"),
        ("scikit_learn", "sklearn", "sklearn"),
        ("jupyter", "IPython", "jupyter"),
    ],
)
def test_a_missing_extra_is_told_in_one_sentence(kit, module, extra):
    done = python(f"{HIDDEN.format(hidden=[module])}\nimport workspace_core.kits.{kit}")

    last = done.stderr.strip().splitlines()[-1]
    assert last.endswith(
        f"needs '{module}', which is not installed; install workspace-core[{extra}]."
    ), done.stderr
    assert "ModuleNotFoundError" not in done.stderr


def test_the_error_of_a_missing_extra_is_an_import_error_and_can_be_pickled():
    import pickle

    from workspace_core.kits.extras import MissingExtraError, require

    with pytest.raises(ImportError) as raised:
        require("nothing", "nought", "no_such_module")

    copied = pickle.loads(pickle.dumps(raised.value))  # noqa: S301 - our own
    assert isinstance(copied, MissingExtraError)
    assert str(copied) == str(raised.value)
    assert "workspace-core[nought]" in str(copied)
