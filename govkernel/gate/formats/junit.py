"""JUnit XML: one test case per entry, the denials as its failure.

There is no official schema; this keeps to the published one that is strictest (``junit-10.xsd`` of Jenkins' xUnit
plugin), with one attribute more, ``file`` of a test case, from which GitLab links to the file.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from govkernel.domain import Report, ReportEntry
from govkernel.gate.formats.common import Problem, clean, problems


class JunitFormat:
    """``--format junit``."""

    name = "junit"

    def render(self, report: Report) -> str:
        """A ``testsuites`` document with one suite."""
        denied = sum(not entry.decision.allowed for entry in report.entries)
        counts = {"tests": str(len(report.entries)), "failures": str(denied), "errors": "0"}
        root = ET.Element("testsuites", {"name": "govkernel", **counts})
        stamp = report.created_at.replace(tzinfo=None).isoformat(timespec="seconds")
        command = clean(report.command)
        about = {"name": f"govkernel {command}", "timestamp": stamp, "time": "0", "skipped": "0", **counts}
        suite = ET.SubElement(root, "testsuite", about)
        for entry in report.entries:
            _case(suite, f"govkernel.{command}", entry)
        ET.indent(root)
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, classname: str, entry: ReportEntry) -> None:
    about = {"classname": classname, "name": clean(entry.title), "file": clean(entry.place), "time": "0"}
    case = ET.SubElement(suite, "testcase", about)
    told = problems(entry)
    if not entry.decision.allowed:
        first = told[0].message if told else "denied"
        failure = ET.SubElement(case, "failure", {"type": "denied", "message": first})
        failure.text = "\n".join([*map(_lines, told), f"decision {clean(entry.decision.id)}"])
    elif told:
        ET.SubElement(case, "system-out").text = "\n".join(map(_lines, told))


def _lines(problem: Problem) -> str:
    fix = f"\n  fix: {problem.remedy}" if problem.remedy else ""
    return f"{problem.rule}: {problem.message}{fix}"
