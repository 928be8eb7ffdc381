"""Drop a folder and get a kind; the catalog as shipped, and its digests."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from app.catalog.catalog import Catalog
from app.catalog.loader import compute_digest
from app.catalog.parameter_checks import KEYWORDS_OF
from app.catalog.shapes import BLUEPRINT, CLOUD, PARAMETER_KEYWORDS
from tests.catalog.conftest import DOC, SHIPPED, CatalogFolder


def test_the_example_of_the_documentation_is_a_working_kind(with_example: CatalogFolder) -> None:
    catalog = with_example.load()
    archive = catalog.kind("archive")
    assert list(catalog.kinds) == [
        *("archive", "bucket", "cluster", "container-registry", "database"),
        *("existing-network", "machine-group", "network", "queue", "secret"),
    ]
    assert archive.plural == "archives"
    assert (archive.clouds, archive.version) == (("sandbox",), "1.0.0")
    assert archive.module_dir("sandbox") == with_example.root / "blueprints/archive/sandbox"
    assert archive.outputs["archive_id"].type == "string"
    parameters = archive.validate({"keep_days": 30})
    cloud = catalog.cloud("sandbox")
    result = archive.variables(
        name="a",
        region=cloud.region(),
        parameters=parameters,
        reference_outputs={},
        tags={},
        cloud=cloud,
    )
    assert (result["keep_days"], result["prefix"]) == (30, "archive")


def test_the_documentation_names_every_key_and_keyword() -> None:
    keys = {*BLUEPRINT["properties"], *CLOUD["properties"], *PARAMETER_KEYWORDS}
    keys |= {keyword for keywords in KEYWORDS_OF.values() for keyword in keywords}
    prose = re.sub(r"```.*?```", "", DOC, flags=re.DOTALL)
    named = set(re.findall(r"[\w-]+", " ".join(re.findall(r"`([^`]+)`", prose))))
    assert keys - named == set()


def test_the_overview_names_every_shipped_kind(catalog: Catalog) -> None:
    readme = (SHIPPED / "README.md").read_text(encoding="utf-8")
    for kind in catalog.kinds.values():
        assert f"| `{kind.kind}` | `/api/v1/{kind.plural}` |" in readme


def test_the_shipped_kinds_are_what_clients_rely_on(catalog: Catalog) -> None:
    assert {kind.kind: list(kind.outputs) for kind in catalog.kinds.values()} == {
        "bucket": ["bucket_id", "url"],
        "cluster": [
            *("cluster_name", "kubernetes_version", "endpoint"),
            *("certificate_authority", "kubeconfig"),
        ],
        "container-registry": ["registry_id", "url"],
        "database": ["host", "port", "database_name", "username", "password"],
        "existing-network": ["network_id", "cidr", "subnet_ids", "gateway_address"],
        "machine-group": ["machine_ids", "private_ips", "size"],
        "network": ["network_id", "cidr", "subnet_ids", "gateway_address"],
        "queue": ["queue_id", "url", "dead_letter_url"],
        "secret": ["secret_id"],
    }
    group, network = catalog.kind("machine-group"), catalog.kind("network")
    assert group.references["network"].kind == "network"
    assert network.outputs["subnet_ids"].type == "array"
    assert network.outputs["subnet_ids"].schema["items"] == {"type": "string"}


def test_a_digest_follows_every_byte_and_every_name_of_the_folder(folder: CatalogFolder) -> None:
    bucket = folder.root / "blueprints/bucket"
    seen = {compute_digest(bucket), folder.load().kind("bucket").digest}
    assert len(seen) == 1
    folder.replace("blueprints/bucket/sandbox/main.tf", "0, 8)", "0, 9)")
    seen.add(compute_digest(bucket))
    (bucket / "sandbox/main.tf").rename(bucket / "sandbox/bucket.tf")
    seen.add(compute_digest(bucket))
    (bucket / "notes.md").write_text("", encoding="utf-8")
    seen.add(compute_digest(bucket))
    assert len(seen) == 4


def test_a_digest_ignores_what_terraform_init_leaves_behind(folder: CatalogFolder) -> None:
    bucket = folder.root / "blueprints/bucket"
    before = compute_digest(bucket)
    folder.write("blueprints/bucket/sandbox/.terraform/providers/x", "x")
    folder.write("blueprints/bucket/sandbox/.terraform.lock.hcl", "x")
    assert compute_digest(bucket) == before


def test_a_digest_does_not_depend_on_where_the_folder_is(
    folder: CatalogFolder, tmp_path: Path
) -> None:
    here = folder.root / "blueprints/bucket"
    shutil.copytree(here, tmp_path / "elsewhere")
    assert compute_digest(tmp_path / "elsewhere") == compute_digest(here)
