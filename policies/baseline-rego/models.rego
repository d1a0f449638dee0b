package govkernel.baseline_rego

forbid contains {
	"id": "baseline-rego/evaluation-missing",
	"reason": "No trusted evaluation result about this model.",
	"remedy": "Evaluate it and attest the result: `govkernel attest PATH --type evaluation-result`.",
	"controls": ["NIST-AI-RMF/MEASURE-2.3", "ISO-42001/A.6.2.4", "EU-AI-Act/Art-15"],
} if {
	model
	known
	not input.context.evidence.evaluation
}

forbid contains {
	"id": "baseline-rego/evaluation-failed",
	"reason": "A trusted evaluation of this model did not pass.",
	"remedy": "Correct the model, evaluate it again with the same suite, and attest the new result.",
	"controls": [
		"NIST-AI-RMF/MEASURE-2.3", "NIST-AI-RMF/MANAGE-1.1", "ISO-42001/A.6.2.4",
		"EU-AI-Act/Art-15",
	],
} if {
	model
	input.context.evidence.evaluation
	not input.context.evidence.evaluation.passed == true
}

forbid contains {
	"id": "baseline-rego/evaluation-score",
	"reason": "The model's worst trusted evaluation scores under the pack's minimumEvaluationScore.",
	"remedy": "Improve the model, or have the pack's owner lower minimumEvaluationScore.",
	"controls": [
		"NIST-AI-RMF/MEASURE-2.3", "NIST-AI-RMF/MANAGE-1.1", "ISO-42001/A.6.2.4",
		"EU-AI-Act/Art-15",
	],
} if {
	model
	input.context.evidence.evaluation
	not input.context.evidence.evaluation.score >= input.context.parameters.minimumEvaluationScore
}

forbid contains {
	"id": "baseline-rego/model-card-missing",
	"reason": "No trusted model card about this model.",
	"remedy": "Write one and attest it: `govkernel attest PATH --type model-card`.",
	"controls": ["ISO-42001/A.6.2.7", "EU-AI-Act/Art-11"],
} if {
	model
	known
	not input.context.evidence.modelCard
}

model if {
	lifecycle
	input.resource.type == "Model"
}
