import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from util_services.deployment.manifest import value_at, with_value
from util_services.errors import ConfigurationError

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=12)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)
TAGS = st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,40}", fullmatch=True)


@settings(deadline=None)
@given(
    before=st.dictionaries(st.text(max_size=6).filter(lambda key: key != "image"), VALUES),
    repository=st.text(max_size=12),
    tags=st.tuples(TAGS, TAGS),
    is_flow=st.sampled_from([True, False, None]),
    comment=st.text(st.characters(categories=["L", "N", "Zs"]), max_size=12),
)
def test_one_value_changes_and_all_other_bytes_stay(before, repository, tags, is_flow, comment):
    data = {**before, "image": {"repository": repository, "tag": tags[0]}}
    text = f"# {comment}\n" + yaml.safe_dump(
        data, default_flow_style=is_flow, sort_keys=False, allow_unicode=True
    )

    changed = with_value(text, "image.tag", tags[1])

    expected = yaml.safe_load(text)
    expected["image"]["tag"] = tags[1]
    assert yaml.safe_load(changed) == expected
    assert value_at(changed, "image.tag") == tags[1]
    head, _, tail = changed.rpartition(f'"{tags[1]}"')
    assert text.startswith(head)
    assert text.endswith(tail)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_line_ends_and_a_byte_order_mark_stay(line_end):
    lines = ["\ufeffimage: # ours", "  tag: 'old'   # set by the deployment", "  é: ñ", ""]

    changed = with_value(line_end.join(lines), "image.tag", "new")

    lines[1] = '  tag: "new"   # set by the deployment'
    assert changed == line_end.join(lines)


@pytest.mark.parametrize("tag", ["1.10", "12345678", "0e12", "true", "null", "0x1F", "2026-01-01"])
def test_a_tag_that_yaml_would_take_for_something_else_stays_a_text(tag):
    changed = with_value("image: {tag: old}\n", "image.tag", tag)

    assert yaml.safe_load(changed) == {"image": {"tag": tag}}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("image: {tag: a}\n---\nimage: {tag: b}\n", "no single YAML document in line 2"),
        ("image: {tag: a\n", "no single YAML document"),
        ("image: {tag: a}\nimage: {tag: b}\n", "has more than one 'image'"),
        ("image: &i {tag: a}\nother: *i\n", "uses YAML aliases"),
        ("image: [a, b]\n", "has no 'tag'"),
        ("image: text\n", "has no 'tag'"),
        ("image: {tag: [a]}\n", "no single value"),
        ("image: {tag: }\n", "not written as a plain text"),
        ("image:\n  tag: |\n    a\n", "not written as a plain text"),
        ("image: {tag: !!str a}\n", "not written as a plain text"),
        ("image: {tag: &t a}\n", "not written as a plain text"),
        ("[" * 5000, "nested too deeply"),
    ],
)
def test_a_manifest_in_which_no_single_value_is_meant_is_refused(text, sentence):
    with pytest.raises(ConfigurationError, match=sentence) as refused:
        with_value(text, "image.tag", "new")

    assert "\n" not in str(refused.value)


def test_an_item_of_a_list_is_found_by_its_name():
    text = "deployments:\n- name: a\n  image: {tag: x}\n- image: {tag: y}\n  name: b\n- name: c\n"

    assert value_at(text, "deployments.b.image.tag") == "y"
    with pytest.raises(ConfigurationError, match="has no 'image'"):
        value_at(text, "deployments.c.image.tag")
    with pytest.raises(ConfigurationError, match="has more than one 'b'"):
        value_at(text.replace("name: a", "name: b"), "deployments.b.image.tag")
