"""The program dws, run as a user runs it, and killed as the kernel would."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("dws")
IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@b")
# Runs dws and kills it, as the kernel would, at the nth moment at which it changes something.
KILLED = """
import os, signal, sys
at, sys.argv = int(sys.argv[1]), ["dws", *sys.argv[2:]]
CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink",
           "shutil.rmtree", "subprocess.Popen"}
seen = 0

def watch(event, arguments):
    global seen
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (
        os.O_WRONLY | os.O_RDWR
    )
    if event in CHANGES or writes:
        seen += 1
        if seen == at:
            os.kill(os.getpid(), signal.SIGKILL)

from workspace_core.cli.main import main
sys.addaudithook(watch)
try:
    main()
finally:
    print(seen, file=sys.stderr)
"""


@dataclass
class Dws:
    """The program dws, run in a folder."""

    folder: Path
    environment: dict[str, str]

    def run(self, *arguments, cwd=None):
        return subprocess.run(
            [PROGRAM, "--batch", *map(os.fspath, arguments)],
            cwd=cwd or self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            errors="surrogateescape",
        )

    def __call__(self, *arguments, cwd=None):
        done = self.run(*arguments, cwd=cwd)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *arguments):
        return subprocess.Popen(
            [PROGRAM, "--batch", *map(os.fspath, arguments)],
            cwd=self.folder if self.folder.exists() else self.folder.parent,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def json(self, *arguments):
        return json.loads(self(*arguments, "--json"))

    def refused(self, *arguments, code=1, cwd=None):
        """Return what a command says that is refused: a single line."""
        done = self.run(*arguments, cwd=cwd)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        if code == 1:
            assert done.stderr.startswith("error: "), done.stderr
            assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    def killed(self, seconds, *arguments):
        """End a command with all its processes after some seconds; return whether it was at it."""
        with self.start(*arguments) as process:
            time.sleep(seconds)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        return process.returncode == -signal.SIGKILL

    def killed_at(self, moment, *arguments):
        """Kill dws at a moment at which it changes something; return whether it came that far."""
        return self._watched(moment, *arguments).returncode != 0

    def moments(self, *arguments):
        """Run a command, and return at how many moments it changes something."""
        return int(self._watched(0, *arguments).stderr.split()[-1])

    def _watched(self, moment, *arguments):
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(moment), "--batch", *arguments],
            cwd=self.folder if self.folder.exists() else self.folder.parent,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return done

    def write(self, path, text):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def read(self, path):
        return (self.folder / path).read_text()

    def git(self, *arguments, cwd=None):
        return subprocess.run(
            ["git", *IDENTITY, *map(os.fspath, arguments)],
            cwd=cwd or self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout


def environment_at(home):
    """Return an environment in which git knows nobody, and has no settings."""
    home.mkdir(exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    return environment | {"HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}
