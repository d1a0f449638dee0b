"""Provenance: digests, statements, bundles, trust; sign and verify. Key-based and offline.

The room's one job: turn bytes from strangers into verified statements about artifact digests, judged by a
trust policy, and make such statements. docs/reference/predicates.md and docs/reference/trust-policy.md.
"""

from govkernel.provenance.adjacent import AdjacentFiles
from govkernel.provenance.digest import describe, detect_kind
from govkernel.provenance.keys import LocalKey, LocalKeyProvider, PublicKey
from govkernel.provenance.limits import MAX_BUNDLE
from govkernel.provenance.manifest import ModelManifest
from govkernel.provenance.plugin import ProvenancePlugin
from govkernel.provenance.predicates import check_predicate, resolve_type
from govkernel.provenance.receipts import Receipts
from govkernel.provenance.resolvers import CatalogResolver, DigestResolver, FileResolver
from govkernel.provenance.revocation import PassedOver, RevocationList, read_list, sign_list
from govkernel.provenance.sign import NamedBundle, SignedArtifact, attest, sign_artifact
from govkernel.provenance.store import BundleStore
from govkernel.provenance.trust import TrustPolicy
from govkernel.provenance.trust_current import CurrentTrust
from govkernel.provenance.trust_file import trust_policy_schema
from govkernel.provenance.verify import KeyVerifier, TrustedKey
from govkernel.provenance.verify_path import verify_path

__all__ = [
    "MAX_BUNDLE",
    "AdjacentFiles",
    "BundleStore",
    "CatalogResolver",
    "CurrentTrust",
    "DigestResolver",
    "FileResolver",
    "KeyVerifier",
    "LocalKey",
    "LocalKeyProvider",
    "ModelManifest",
    "NamedBundle",
    "PassedOver",
    "ProvenancePlugin",
    "PublicKey",
    "Receipts",
    "RevocationList",
    "SignedArtifact",
    "TrustPolicy",
    "TrustedKey",
    "attest",
    "check_predicate",
    "describe",
    "detect_kind",
    "read_list",
    "resolve_type",
    "sign_artifact",
    "sign_list",
    "trust_policy_schema",
    "verify_path",
]
