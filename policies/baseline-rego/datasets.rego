package govkernel.baseline_rego

forbid contains {
	"id": "baseline-rego/pii-scan-missing",
	"reason": "No trusted scan of this dataset for personal data.",
	"remedy": "Scan it and attest the result: `govkernel attest PATH --type pii-scan`.",
	"controls": [
		"NIST-AI-RMF/MEASURE-2.10", "ISO-42001/A.7.4", "ISO-42001/A.7.5", "EU-AI-Act/Art-10",
		"OWASP-LLM-2025/LLM02",
	],
} if {
	dataset
	known
	not input.context.evidence.piiScan
}

forbid contains {
	"id": "baseline-rego/pii-scan-incomplete",
	"reason": "The scan of this dataset for personal data did not reach its end.",
	"remedy": "Scan the whole dataset and attest the result.",
	"controls": [
		"NIST-AI-RMF/MEASURE-2.10", "ISO-42001/A.7.4", "EU-AI-Act/Art-10",
		"OWASP-LLM-2025/LLM02",
	],
} if {
	dataset
	input.context.evidence.piiScan
	not input.context.evidence.piiScan.complete == true
}

forbid contains {
	"id": "baseline-rego/pii-findings",
	"reason": "The dataset holds more personal data than the pack's maximumPiiFindings.",
	"remedy": "Remove or mask the personal data, scan again, sign and attest the result.",
	"controls": [
		"NIST-AI-RMF/MEASURE-2.10", "ISO-42001/A.7.4", "EU-AI-Act/Art-10",
		"OWASP-LLM-2025/LLM02",
	],
} if {
	dataset
	input.context.evidence.piiScan
	not input.context.evidence.piiScan.findings <= input.context.parameters.maximumPiiFindings
}

dataset if {
	lifecycle
	input.resource.type == "Dataset"
}
