"""The reference is true: its program checks a real log, and its tables list what the code has."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from govkernel.audit.query import FIELDS
from govkernel.audit.tables import METADATA
from tests.audit.conftest import Sample

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "reference" / "audit-log.md").read_text(encoding="utf-8")
QUERIES = (ROOT / "docs" / "reference" / "audit-query.md").read_text(encoding="utf-8")


def run_documented_program(
    sample: Sample, key: Ed25519PrivateKey, folder: Path
) -> subprocess.CompletedProcess[str]:
    (program,) = re.findall(r"```python\n(.*?)```", REFERENCE, re.DOTALL)
    public = folder / "audit.pub"
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))
    command = [sys.executable, "-c", program, str(sample.path), str(public)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_program_for_auditors_accepts_an_untouched_log(
    sample: Sample, key: Ed25519PrivateKey, tmp_path: Path
):
    done = run_documented_program(sample, key, tmp_path)
    assert done.stdout == "41 records of example.test/audit are as they were signed\n", done.stderr


def test_the_program_for_auditors_refuses_a_changed_one(
    sample: Sample, key: Ed25519PrivateKey, tmp_path: Path
):
    changes = (
        "UPDATE record SET payload = payload || ' ' WHERE idx = 30",
        "DELETE FROM record WHERE idx = 30",
        "DELETE FROM record WHERE idx = 40",
        "DELETE FROM checkpoint WHERE size = 41",
    )
    original = sample.path.read_bytes()
    for change in changes:
        sample.path.write_bytes(original)
        connection = sqlite3.connect(sample.path)
        connection.execute(change)
        connection.commit()
        connection.close()
        assert run_documented_program(sample, key, tmp_path).returncode == 1, change


def test_every_table_column_and_field_is_documented():
    for table in METADATA.tables.values():
        assert f"| `{table.name}` |" in REFERENCE
        assert all(f"`{column.name}`" in REFERENCE for column in table.columns), table.name
    assert all(f"`{field}`" in QUERIES for field in FIELDS)


def test_every_error_code_is_documented():
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "govkernel" / "audit").glob("*.py"))
    codes = set(re.findall(r'"(audit\.[a-z][a-z-]*[a-z])"', source))
    assert {code for code in codes if f"`{code}`" not in REFERENCE + QUERIES} == set()
