"""What the script of the image asks of a container engine; tests/deployment lets it build for real.

The engine here writes down what it is asked.
"""

import base64
import shutil
import signal
import stat

import pytest

REPOSITORY = "registry.example.org/clinic/tools"
ENGINE = """\
#!/usr/bin/env bash
echo "$*" >>"$ASKED"
case $1 in
    manifest) [[ " $STORED " == *" ${3##*:} "* ]] ;;
    push) cat "$REGISTRY_AUTH_FILE" "$DOCKER_CONFIG/config.json" >"$SHOWN" && kill -9 "$PPID" ;;
esac
"""


@pytest.fixture
def asked(tmp_path):
    return tmp_path / "asked"


@pytest.fixture
def image(checkout, workspace, tmp_path, asked):
    """Return a function that runs the script, and the lines that the engine was asked by then."""
    location = checkout.root / "code-locations/data-services"
    location.mkdir(parents=True)
    shutil.copy(workspace / "code-locations/data-services/pyproject.toml", location)
    checkout.commit()
    engine = tmp_path / "engine"
    engine.write_text(ENGINE)
    engine.chmod(0o755)
    (tmp_path / "tmp").mkdir()

    def run(verb, *options, **variables):
        given = {"CONTAINER_ENGINE": str(engine), "ASKED": str(asked), "STORED": ""}
        given |= {"TMPDIR": str(tmp_path / "tmp"), "SHOWN": str(tmp_path / "shown")}
        done = checkout.run("image", verb, REPOSITORY, *options, **(given | variables))
        return done, asked.read_text().splitlines() if asked.exists() else []

    return run


@pytest.mark.parametrize(
    ("origin", "shown"),
    [
        ("https://git.example.org/a/b.git", "https://git.example.org/a/b.git"),
        ("https://me:hunter2@git.example.org/a/b.git", "https://git.example.org/a/b.git"),
        ("https://me:hun@ter2@git.example.org/a/b.git", "https://git.example.org/a/b.git"),
        ("ssh://git@git.example.org:22/a/b.git", "ssh://git.example.org:22/a/b.git"),
        ("git@git.example.org:a/b.git", "git.example.org:a/b.git"),
        ("/srv/git/b.git", ""),
        ("../b.git", ""),
        ("file:///srv/git/b.git", ""),
    ],
)
def test_an_image_names_its_sources_without_credentials_and_no_folder(
    image, checkout, origin, shown
):
    checkout.git("remote", "add", "origin", origin)

    done, [build] = image("build")

    assert done.returncode == 0, done.stderr
    assert f"--build-arg SOURCE={shown} --" in build


def test_what_the_registry_has_is_not_pushed_again(image, checkout):
    commit = checkout.git("rev-parse", "HEAD")

    done, asked = image("push", STORED=commit)

    assert (done.returncode, done.stdout) == (0, f"{REPOSITORY}:{commit}\n")
    assert asked == [f"manifest inspect {REPOSITORY}:{commit}"]


def test_credentials_are_in_no_file_that_is_left_behind_by_a_kill(image, tmp_path):
    password = "p\"a'ss wörd"  # noqa: S105 - of nobody

    done, asked = image(
        "push", DATA_SERVICES_REGISTRY_USER="me", DATA_SERVICES_REGISTRY_PASSWORD=password
    )

    assert done.returncode == -signal.SIGKILL
    shown = base64.b64encode(f"me:{password}".encode()).decode()
    wanted = f'{{"auths": {{"registry.example.org": {{"auth": "{shown}"}}}}}}'
    assert (tmp_path / "shown").read_text() == wanted * 2
    left = [file for file in (tmp_path / "tmp").rglob("*") if stat.S_ISREG(file.lstat().st_mode)]
    assert left == []
    assert password not in "".join(asked) + done.stderr


@pytest.mark.parametrize(
    ("address", "is_refused"),
    [
        ("https://me:hunter2@git.example.org/simple", True),
        ("https://me:hun@ter2@git.example.org/simple", True),
        ("https://:hunter2@git.example.org/simple", True),
        ("https://git.example.org:8080/simple", False),
        ("git+ssh://git@git.example.org/a/b.git@v1", False),
    ],
)
def test_requirements_with_credentials_do_not_get_into_a_build(
    image, tmp_path, address, is_refused
):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"--index-url {address}\n")

    done, asked = image("build", "--plugins", requirements)

    assert done.returncode == (2 if is_refused else 0), done.stderr
    assert asked == [] if is_refused else len(asked) == 1
    assert ("holds credentials in an address; give them by --secret=id=netrc." in done.stderr) == (
        is_refused
    )
    assert "hunter2" not in done.stderr
