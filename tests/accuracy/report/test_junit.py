from __future__ import annotations

from xml.etree import ElementTree

from accuracy.report.evaluations import GATES, HOSTILE, evaluated, frame, typical

from omz.accuracy.report.junit import junit_xml
from omz.accuracy.verdict import Gate


def test_every_gate_is_a_case_and_failures_say_what_was_allowed():
    top = ElementTree.fromstring(junit_xml(typical()).encode())
    suite = top.find("testsuite")
    cases = suite.findall("testcase")
    assert top.tag == "testsuites"
    for each in (top, suite):
        assert (each.get("tests"), each.get("failures"), each.get("errors")) == ("4", "3", "0")
    assert [(case.get("classname"), case.get("name")) for case in cases] == [(gate.label, gate.what) for gate in GATES]
    failures = [case.find("failure") for case in cases]
    assert failures[0] is None
    assert failures[1].get("message") == "alpha: 99.9 % within: 0.25, allowed 0.01"
    assert failures[2].get("message") == "MAD: nan, allowed 1.5"
    assert "FP16" in failures[3].text
    assert "inf" in failures[3].text


def test_without_failures_there_are_none():
    top = ElementTree.fromstring(junit_xml(evaluated([frame(0)], gates=GATES[:1])))
    assert (top.get("tests"), top.get("failures")) == ("1", "0")
    assert not top.findall(".//failure")


def test_names_are_escaped_and_what_xml_cannot_hold_is_marked():
    text = junit_xml(evaluated([frame(0)], gates=[Gate(f"{HOSTILE}\x00\x1b\ud800", "MAD", 2, 1)]))
    case = ElementTree.fromstring(text.encode()).find(".//testcase")
    assert case.get("classname").split("\N{REPLACEMENT CHARACTER}") == [HOSTILE, "", "", ""]


def test_times_leave_no_trace():
    assert junit_xml(evaluated([frame(0)])) == junit_xml(evaluated([frame(0, slower=5)]))
