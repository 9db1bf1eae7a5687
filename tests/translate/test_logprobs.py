"""Log probabilities with all the members that strict clients ask for."""

import pytest

from gateway.codec.json import JSONObject
from gateway.translate.logprobs import response_logprobs


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            {"token": "é", "logprob": -1, "bytes": None},
            {"token": "é", "logprob": -1.0, "bytes": [195, 169], "top_logprobs": []},
        ),
        (
            {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [{"token": "b", "logprob": -2.0}, None]},
            {
                "token": "a",
                "logprob": -0.5,
                "bytes": [97],
                "top_logprobs": [{"token": "b", "logprob": -2.0, "bytes": [98]}],
            },
        ),
        ({"top_logprobs": "x"}, {"token": "", "logprob": 0.0, "bytes": [], "top_logprobs": []}),
    ],
)
def test_an_entry_is_completed(entry: JSONObject, expected: JSONObject) -> None:
    assert response_logprobs([entry]) == [expected]
