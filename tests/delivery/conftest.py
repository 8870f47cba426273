"""Small workspaces under git, on which the scripts of the workflows run for real."""

import os
import shutil
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

GIT = {
    "GIT_AUTHOR_NAME": "A Person",
    "GIT_AUTHOR_EMAIL": "person@example.org",
    "GIT_COMMITTER_NAME": "A Person",
    "GIT_COMMITTER_EMAIL": "person@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}
NEEDS = {"ground": (), "walls": ("ground",), "roof": ("walls",), "shed": ("ground",)}


@dataclass(frozen=True)
class Checkout:
    """A workspace under git, with the scripts of this one."""

    root: Path

    def run(self, *command, **environment):
        """Run a script below .gitea/scripts, or a program."""
        if (self.root / ".gitea/scripts" / command[0]).is_file():
            command = (self.root / ".gitea/scripts" / command[0], *command[1:])
        return subprocess.run(
            command,
            cwd=self.root,
            env={k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"} | GIT | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def git(self, *arguments):
        done = self.run("git", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, name, text):
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))

    def commit(self, **files):
        """Write files, whose names have '__' for '/', and commit everything."""
        for name, text in files.items():
            self.write(name.replace("__", "/"), text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "change")


@pytest.fixture
def checkout(workspace, tmp_path):
    """A workspace on a branch of its main, in which the roof needs walls, and these the ground."""
    made = Checkout(tmp_path / "checkout")
    shutil.copytree(
        workspace / ".gitea", made.root / ".gitea", ignore=shutil.ignore_patterns("__pycache__")
    )
    settings = (workspace / "pyproject.toml").read_text()
    towncrier = settings[settings.index("[tool.towncrier]") : settings.index("[tool.mypy]")]
    made.write(".gitignore", "__pycache__/\n.venv/\n")
    made.write("pyproject.toml", '[tool.uv.workspace]\nmembers = ["packages/*"]\n\n' + towncrier)
    for name, needs in NEEDS.items():
        write_member(made, name, needs)
    made.git("init", "--quiet", "--initial-branch", "main")
    made.commit()
    made.git("switch", "--quiet", "--create", "branch")
    return made


def write_member(checkout, name, needs, version="0.1.0"):
    folder = f"packages/{name}"
    requirements = ", ".join(f'"{one}>=0.1,<0.2"' for one in needs)
    sources = "".join(f"{one} = {{ workspace = true }}\n" for one in needs)
    checkout.write(
        f"{folder}/pyproject.toml",
        f"""\
        [project]
        name = "{name}"
        version = "{version}"
        description = "A part of a house."
        readme = "README.md"
        requires-python = ">=3.11"
        license = "Apache-2.0"
        license-files = ["LICENSE"]
        dependencies = [{requirements}]

        [project.entry-points.data_services]
        {name} = "{name}.plugin"

        [build-system]
        requires = ["uv_build>=0.13,<0.14"]
        build-backend = "uv_build"
        """,
    )
    if sources:
        with (checkout.root / folder / "pyproject.toml").open("a") as file:
            file.write(f"\n[tool.uv.sources]\n{sources}")
    checkout.write(f"{folder}/README.md", f"# {name}\n")
    checkout.write(f"{folder}/LICENSE", "Free.\n")
    checkout.write(
        f"{folder}/CHANGELOG.md", "# Changelog\n\n<!-- the newest release comes first -->\n"
    )
    checkout.write(f"{folder}/changelog.d/.gitignore", "")
    checkout.write(f"{folder}/src/{name}/__init__.py", '"""A part."""\n')
    checkout.write(f"{folder}/src/{name}/plugin.py", '"""Nothing."""\n')
    checkout.write(f"{folder}/src/{name}/py.typed", "")
