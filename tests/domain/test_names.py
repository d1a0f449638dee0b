"""Names as servers write them become the URIs that resolvers know, or are not understood."""

from __future__ import annotations

import pytest

from govkernel.domain.names import model_uri

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("written", "uri"),
    [
        ("models:/fraud/3", "mlflow://models/fraud/3"),
        ("models://fraud/3", "mlflow://models/fraud/3"),
        ("models:/fraud@champion", "mlflow://models/fraud@champion"),
        ("mlflow://models/fraud@champion", "mlflow://models/fraud@champion"),
        ("models:/fraud/latest", "mlflow://models/fraud/latest"),
        (f"hf://org/name:{COMMIT}", f"hf://org/name@{COMMIT}"),
        ("https://huggingface.co/org/name/tree/v1", "hf://org/name@v1"),
        ("s3://bucket/models/m", "s3://bucket/models/m"),
        ("s3://bucket/m?versionId=abc", "s3://bucket/m?hidden"),
        (f"git+https://host/org/repo@{COMMIT}//m", f"git+https://host/org/repo@{COMMIT}//m"),
        ("git+https://user:secret@host/repo@main", "git+https://host/repo@main"),
        ("git+file:///srv/repo@main", "git+file://srv/repo@main"),
    ],
)
def test_a_model_is_named(written: str, uri: str) -> None:
    assert model_uri(written) == uri
