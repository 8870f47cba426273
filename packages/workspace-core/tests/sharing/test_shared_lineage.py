"""What others have recorded is known after a pull, and to a clone."""


def test_lineage_comes_with_a_clone_and_with_a_pull(alice, somebody):
    alice("run", "--input", "raw/a.csv", "--step", "first", "--", "cp", "raw/a.csv", "code/first")
    alice("snapshot", "made")
    alice("push")
    bob = somebody("bob")
    bob("clone", "study.git", "bob", "--hostname", "bob", cwd=bob.folder.parent)
    assert bob.json("lineage", "show", "code/first")["origin"] == "step"

    bob("run", "--input", "raw/b.csv", "--step", "second", "--", "cp", "raw/b.csv", "code/second")
    alice("run", "--input", "raw/c.csv", "--step", "third", "--", "cp", "raw/c.csv", "code/third")
    for person, tag in ((bob, "bobs"), (alice, "alices")):
        person("snapshot", tag)
    bob("push")
    alice("pull")
    alice("push")
    bob("pull")

    for person in (alice, bob):
        for name in ("first", "second", "third"):
            (step,) = person.json("lineage", "show", f"code/{name}")["steps"]
            assert step["step_name"] == name
        assert person.is_sound()
    alice.write("raw/b.csv", "changed")
    (code,) = [one for one in alice.json("status") if one["name"] == "code"]
    assert [one["path"] for one in code["stale"]] == ["second"]
