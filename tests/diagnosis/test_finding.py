from ungrid.diagnosis.finding import Finding, sort_by_severity


def test_a_plain_finding_is_json_with_short_numbers():
    finding = Finding("noise", "warning", {"share": 1 / 3, "n": 12345}, "less of it")
    assert finding.plain() == {
        "name": "noise",
        "severity": "warning",
        "evidence": {"share": 0.3333, "n": 12345},
        "remedy": "less of it",
    }


def test_the_worst_comes_first_and_equals_keep_their_order():
    given = [
        Finding(name, severity, {}, "") for name, severity in (("a", "note"), ("b", "error"), ("c", "note"), ("d", "warning"))
    ]
    assert [finding.name for finding in sort_by_severity(given)] == ["b", "d", "a", "c"]
