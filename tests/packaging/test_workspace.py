import tomllib


def test_the_lock_file_names_the_public_index_alone(workspace):
    packages = tomllib.loads((workspace / "uv.lock").read_text())["package"]
    sources = {
        source
        for package in packages
        for kind, source in package["source"].items()
        if kind != "editable"
    }
    files = {
        file["url"].split("/")[2]
        for package in packages
        for file in [*package.get("wheels", []), *filter(None, [package.get("sdist")])]
    }

    assert sources == {"https://pypi.org/simple"}
    assert files == {"files.pythonhosted.org"}


def test_the_root_has_no_project_so_that_a_plain_sync_installs_every_member(workspace):
    root = tomllib.loads((workspace / "pyproject.toml").read_text())

    assert "project" not in root


def test_tools_are_set_at_the_root_only(workspace):
    for member in [*workspace.glob("packages/*"), *workspace.glob("code-locations/*")]:
        tools = tomllib.loads((member / "pyproject.toml").read_text()).get("tool", {})
        assert set(tools) <= {"uv"}, member.name


def test_every_member_has_a_readme_a_changelog_and_the_licence(workspace):
    licence = (workspace / "LICENSE").read_bytes()

    for member in [*workspace.glob("packages/*"), *workspace.glob("code-locations/*")]:
        assert (member / "README.md").read_text().startswith(f"# {member.name}\n")
        assert (member / "CHANGELOG.md").read_text().startswith("# Changelog\n")
        assert (member / "LICENSE").read_bytes() == licence
