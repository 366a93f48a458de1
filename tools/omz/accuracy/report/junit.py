"""``junit.xml``: the verdict, as build servers read it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from omz.accuracy.evaluation import Evaluation
from omz.accuracy.verdict import Gate

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(evaluation: Evaluation) -> str:
    """Return a suite with a test case a gate, the model's label being its class; times are left out."""
    counts = {
        "tests": str(len(evaluation.gates)),
        "failures": str(sum(not gate.passed for gate in evaluation.gates)),
        "errors": "0",
        "skipped": "0",
    }
    top = ElementTree.Element("testsuites", {"name": "omz_accuracy"} | counts)
    suite = ElementTree.SubElement(top, "testsuite", {"name": _text(evaluation.title)} | counts)
    for gate in evaluation.gates:
        _add(suite, gate)
    ElementTree.indent(top)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(top, encoding="unicode")}\n'


def _add(suite: ElementTree.Element, gate: Gate) -> None:
    names = {"classname": _text(gate.label), "name": _text(gate.what)}
    case = ElementTree.SubElement(suite, "testcase", names)
    if not gate.passed:
        message = f"{_text(gate.what)}: {gate.value!r}, allowed {gate.limit!r}"
        failure = ElementTree.SubElement(case, "failure", {"message": message, "type": "gate"})
        failure.text = f"{_text(gate.label)}: {message}"


def _text(value: str) -> str:
    """Return text with a mark in the place of each character that XML cannot hold."""
    return _NOT_IN_XML.sub("\ufffd", value)
