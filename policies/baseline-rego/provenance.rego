package govkernel.baseline_rego

forbid contains {
	"id": "baseline-rego/unresolved",
	"reason": "The name does not lead to a digest, so nothing can be known about what it stands for.",
	"remedy": "Name the artifact by digest, or store its signed bundle where govkernel looks for attestations.",
	"controls": ["NIST-AI-RMF/MAP-4.2", "OWASP-LLM-2025/LLM03", "SLSA-1.0/VERIFYING-ARTIFACTS"],
} if {
	governed
	not input.context.artifact.resolved == true
}

forbid contains {
	"id": "baseline-rego/unsigned",
	"reason": "The artifact has no signature that could be verified.",
	"remedy": "Sign it: `govkernel sign` with a key that the trust policy names.",
	"controls": ["OWASP-LLM-2025/LLM03", "SLSA-1.0/VERIFYING-ARTIFACTS"],
} if {
	governed
	not input.context.artifact.resolved == false
	not signed
	not refused
}

forbid contains {
	"id": "baseline-rego/untrusted",
	"reason": "There are signatures about the artifact, and the trust policy accepts none of them.",
	"remedy": "See the refused bundles for the reason; sign with a trusted key, or extend the trust policy.",
	"controls": ["OWASP-LLM-2025/LLM03", "SLSA-1.0/VERIFYING-ARTIFACTS"],
} if {
	governed
	not signed
	refused
	not mismatched
}

forbid contains {
	"id": "baseline-rego/tampered",
	"reason": "The content is not what was signed.",
	"remedy": "Restore the signed content. If the change was meant, sign and attest it anew.",
	"controls": [
		"NIST-AI-RMF/MEASURE-2.7", "EU-AI-Act/Art-15", "OWASP-LLM-2025/LLM04",
		"SLSA-1.0/VERIFYING-ARTIFACTS",
	],
} if {
	governed
	tampered
}

forbid contains {
	"id": "baseline-rego/revoked-ancestor",
	"reason": "Something the artifact was made from is revoked.",
	"remedy": "`govkernel lineage` names it. Make the artifact again without it, or from what takes its place.",
	"controls": [
		"EU-AI-Act/Art-10", "ISO-42001/A.7.5", "OWASP-LLM-2025/LLM03",
		"OWASP-LLM-2025/LLM04",
	],
} if {
	lifecycle
	input.context.lineage.revoked > 0
}

forbid contains {
	"id": "baseline-rego/mutable-reference",
	"reason": "The name can mean other content tomorrow: it has a tag or branch instead of a digest or commit.",
	"remedy": "Pin it: oci://…@sha256:…, hf://org/model@<commit>, mlflow://models/<name>/<number>.",
	"controls": ["OWASP-LLM-2025/LLM03", "SLSA-1.0/VERIFYING-ARTIFACTS"],
} if {
	governed
	not input.context.artifact.pinned == true
}

forbid contains {
	"id": "baseline-rego/mutable-image",
	"reason": "An image that runs or serves a model is named by a tag, which can mean other content tomorrow.",
	"remedy": "Name the image by digest: registry/repository@sha256:….",
	"controls": ["OWASP-LLM-2025/LLM03", "SLSA-1.0/VERIFYING-ARTIFACTS"],
} if {
	lifecycle
	input.resource.type == "Image"
	not input.context.workload.ai == false
	not input.context.artifact.pinned == true
}

forbid contains {
	"id": "baseline-rego/unsafe-format",
	"reason": "The weights are in a format that can run code when they are loaded.",
	"remedy": "Convert them to safetensors, then sign and attest them anew.",
	"controls": ["NIST-AI-RMF/MEASURE-2.7", "EU-AI-Act/Art-15", "OWASP-LLM-2025/LLM03"],
} if {
	lifecycle
	not input.resource.type in {"Workload", "Image"}
	some format in input.context.artifact.formats
	format in input.context.parameters.deniedFormats
}

forbid contains {
	"id": "baseline-rego/unknown-formats",
	"reason": "Nobody says which formats the weights are in, so they may be in one that can run code.",
	"remedy": "Sign the files (`govkernel sign model`), name its registry in the settings, or attest a scan of them.",
	"controls": ["NIST-AI-RMF/MEASURE-2.7", "EU-AI-Act/Art-15", "OWASP-LLM-2025/LLM03"],
} if {
	lifecycle
	not input.resource.type in {"Workload", "Image", "Tool", "Prompt", "Dataset"}
	known
	not told
	not input.context.evidence.fileSafety.verdict == "safe"
}

# somebody says of one file at least in which format it is
told if {
	some format in input.context.artifact.formats
	format != "unknown"
}

signed if input.context.evidence.signed == true

refused if count(input.context.evidence.rejections) > 0

mismatched if {
	some code in input.context.evidence.rejections
	code in {"provenance.files-changed", "provenance.subject-mismatch"}
}

tampered if {
	not signed
	mismatched
}

# what has no digest, or not the one that was signed, is denied for that; what else is missing follows from it
known if {
	not input.context.artifact.resolved == false
	not tampered
}
