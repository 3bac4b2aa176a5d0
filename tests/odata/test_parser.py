"""The official test cases of the OData ABNF, where a checkout of them lies beside the project."""

import json
from pathlib import Path

import pytest

from enrollscope.odata.errors import ODataError
from enrollscope.odata.parser import parse

CASES = Path(__file__).parents[3] / "shared" / "odata" / "abnf-dev.json"
MODEL = CASES.with_name("abnf-model.json")

if CASES.exists():
    NAMES = {
        rule: frozenset(names)
        for rule, names in json.loads(MODEL.read_text(encoding="utf-8"))["names_by_abnf_rule"].items()
    }
    ROWS = [
        pytest.param(case["rule"], case["input"], case["valid"], case.get("fail_at"), id=case["id"])
        for case in json.loads(CASES.read_text(encoding="utf-8"))
    ]

    @pytest.mark.parametrize(("rule", "text", "valid", "fail_at"), ROWS)
    def test_official_case(rule: str, text: str, valid: bool, fail_at: int | None) -> None:  # a column
        """Every valid text of the official suite reads; every invalid one is refused where the suite says."""
        if valid:
            parse(rule, text, names=NAMES)
            return
        with pytest.raises(ODataError) as caught:
            parse(rule, text, names=NAMES)
        assert fail_at in (None, caught.value.position), caught.value.message
