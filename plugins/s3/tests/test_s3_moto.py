"""A real server of the S3 API that is not ours: moto's, filled by boto3, checking signatures and rights."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from govkernel_s3 import S3Resolver, S3Settings

from govkernel.domain import Artifact, ArtifactKind, ArtifactRef
from govkernel.errors import GovkernelError
from govkernel.provenance import describe
from tests.simulators.admitting import model_files, write_files

pytest.importorskip("boto3", reason='pip install "moto[s3]" flask flask-cors')
pytest.importorskip("flask", reason='pip install "moto[s3]" flask flask-cors')

import boto3
import requests
from botocore.config import Config
from moto.server import ThreadedMotoServer

FILES = model_files()
REGION = "eu-central-1"
LONG = 60.0


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def client(endpoint: str, service: str = "s3", key: str = "root", secret: str = "root") -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(s3={"addressing_style": "path"}),
    )


@pytest.fixture
def s3(endpoint: str) -> Iterator[Any]:
    requests.post(f"{endpoint}/moto-api/reset", timeout=LONG).raise_for_status()
    made = client(endpoint)
    made.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": REGION})
    for path, content in FILES.items():
        made.put_object(Bucket="models", Key=f"team/m/{path}", Body=content)
    yield made


@pytest.fixture
def root(tmp_path: Path) -> str:
    """Credentials of somebody that moto lets do everything."""
    return keys(tmp_path, "root", "root")


def keys(folder: Path, key: str, secret: str) -> str:
    path = folder / "credentials"
    path.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")
    return str(path)


def resolve(endpoint: str, uri: str, credentials: str | None = None) -> Artifact | None:
    where = {"endpoint": endpoint, "buckets": ["models"], "region": REGION, "credentials": credentials}
    settings = S3Settings.model_validate({"places": [where], "wait": LONG, "timeout": LONG})
    return asyncio.run(S3Resolver(settings).resolve(ArtifactRef(uri=uri, kind=ArtifactKind.MODEL)))


@pytest.mark.usefixtures("s3")
def test_a_prefix_is_the_artifact_of_the_same_files_in_a_folder(
    endpoint: str, root: str, tmp_path: Path
) -> None:
    there = describe(write_files(tmp_path / "m", FILES), ArtifactKind.MODEL)
    here = resolve(endpoint, "s3://models/team/m", root)
    assert here is not None
    assert here.digest == there.digest
    assert resolve(endpoint, "s3://models/team/n", root) is None


@pytest.mark.usefixtures("s3")
def test_objects_that_not_everybody_may_read_need_credentials(endpoint: str) -> None:
    with pytest.raises(GovkernelError) as caught:
        resolve(endpoint, "s3://models/team/m")
    assert caught.value.code == "s3.unavailable"


def test_odd_keys_and_several_pages(
    endpoint: str, s3: Any, root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("govkernel_s3.client.MAX_KEYS", 3)
    files = {f"f{number:04}": b"%d" % number for number in range(10)}
    files |= {"a b+c=d&e~f(g)'é.json": b"{}", "100 percent/ü": b"x"}
    for path, content in files.items():
        s3.put_object(Bucket="models", Key=f"many/{path}", Body=content)
    s3.put_object(Bucket="models", Key="many/folder/", Body=b"")
    here = resolve(endpoint, "s3://models/many", root)
    assert here is not None
    assert here.digest == describe(write_files(tmp_path / "m", files), ArtifactKind.MODEL).digest


def test_a_version_stays_what_it_was(endpoint: str, s3: Any, root: str, tmp_path: Path) -> None:
    s3.put_bucket_versioning(Bucket="models", VersioningConfiguration={"Status": "Enabled"})
    old = s3.put_object(Bucket="models", Key="team/m.gguf", Body=b"old")["VersionId"]
    s3.put_object(Bucket="models", Key="team/m.gguf", Body=b"new")
    (tmp_path / "m.gguf").write_bytes(b"old")
    here = resolve(endpoint, f"s3://models/team/m.gguf?versionId={old}", root)
    now = resolve(endpoint, "s3://models/team/m.gguf", root)
    assert here is not None
    assert now is not None
    assert here.digest == describe(tmp_path / "m.gguf", ArtifactKind.MODEL).digest != now.digest


def test_signatures_and_rights_are_checked_there(endpoint: str, s3: Any, tmp_path: Path) -> None:
    iam = client(endpoint, "iam")
    rights = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": "*"}],
    }
    pairs = []
    for name, document in (("reader", rights), ("nobody", None)):
        iam.create_user(UserName=name)
        if document:
            iam.put_user_policy(UserName=name, PolicyName="read", PolicyDocument=json.dumps(document))
        made = iam.create_access_key(UserName=name)["AccessKey"]
        pairs.append((made["AccessKeyId"], made["SecretAccessKey"]))
    (reader, secret), nobody = pairs
    requests.post(f"{endpoint}/moto-api/reset-auth", data=b"0", timeout=LONG).raise_for_status()
    try:
        assert resolve(endpoint, "s3://models/team/m", keys(tmp_path, reader, secret)) is not None
        for wrong in ((reader, secret[::-1]), nobody):
            with pytest.raises(GovkernelError) as caught:
                resolve(endpoint, "s3://models/team/m", keys(tmp_path, *wrong))
            assert caught.value.code == "s3.unavailable"
    finally:
        requests.post(f"{endpoint}/moto-api/reset-auth", data=b"1000000000", timeout=LONG)
