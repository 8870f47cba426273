import pytest

from util_services.flow.operate import Outcome, OutcomeError


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (
            lambda _: None,
            "The operation 'keep' returned NoneType instead of an Outcome; return Outcome(frame) "
            "from its function.",
        ),
        (
            lambda given: Outcome(given.scan(), warnings="abc"),
            "The operation 'keep' returned one text as the warnings of its Outcome; return a tuple "
            "of texts.",
        ),
    ],
)
def test_an_operation_that_returns_no_outcome_is_told_so(flow, function, sentence):
    source = flow.put("in.csv", b"a\n1\n")

    with pytest.raises(OutcomeError) as refused:
        flow.run(source, "out.csv", function)

    assert str(refused.value) == sentence
    assert not (flow.storage.root / "out.csv").exists()
