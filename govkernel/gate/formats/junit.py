"""JUnit XML: one test case per entry, the denials as its failure."""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree as ET

from govkernel.domain import Report, ReportEntry
from govkernel.gate.formats.common import clean, problems

_XML_CONTROL: Final = {code: None for code in [*range(0x20), 0xFFFE, 0xFFFF] if code not in (9, 10, 13)}


class JunitFormat:
    """``--format junit``."""

    name = "junit"

    def render(self, report: Report) -> str:
        """A ``testsuites`` document with one suite."""
        denied = sum(not entry.decision.allowed for entry in report.entries)
        counts = {"tests": str(len(report.entries)), "failures": str(denied), "errors": "0", "skipped": "0"}
        root = ET.Element("testsuites", {"name": "govkernel", **counts})
        stamp = report.created_at.replace(tzinfo=None).isoformat(timespec="seconds")
        suite = ET.SubElement(
            root,
            "testsuite",
            {"name": f"govkernel {report.command}", "timestamp": stamp, "time": "0", **counts},
        )
        for entry in report.entries:
            _case(suite, report, entry)
        ET.indent(root)
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, report: Report, entry: ReportEntry) -> None:
    attributes = {"classname": f"govkernel.{report.command}", "name": _xml(clean(entry.title)), "time": "0"}
    case = ET.SubElement(suite, "testcase", attributes | {"file": _xml(clean(entry.path))})
    told = list(problems(entry))
    if not entry.decision.allowed:
        first = told[0].message if told else "denied"
        failure = ET.SubElement(case, "failure", {"type": "denied", "message": _xml(first)})
        lines = [f"{item.rule}: {item.message}\n  fix: {item.remedy}".rstrip() for item in told]
        failure.text = _xml("\n".join([*lines, f"decision {entry.decision.id}"]))
    elif told:
        ET.SubElement(case, "system-out").text = _xml(
            "\n".join(f"{item.rule}: {item.message}" for item in told)
        )


def _xml(text: str) -> str:
    """Text that XML 1.0 can hold."""
    return text.encode("utf-8", "replace").decode("utf-8").translate(_XML_CONTROL)
