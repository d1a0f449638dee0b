package govkernel.baseline_rego

forbid contains {
	"id": "baseline-rego/approval-missing",
	"reason": "A high-risk use of this model is not approved by enough people of the right role.",
	"remedy": "Ask for approval; the approver attests it: `govkernel attest PATH --type approval`.",
	"controls": [
		"NIST-AI-RMF/MAP-3.5", "NIST-AI-RMF/MANAGE-1.1", "ISO-42001/A.6.2.5",
		"EU-AI-Act/Art-14",
	],
	"obligations": [{"type": "requireApproval"}],
} if {
	lifecycle
	input.resource.type in {"Model", "Adapter"}
	"high" in {input.context.risk, card_risk}
	not approved
}

forbid contains {
	"id": "baseline-rego/unacceptable-use",
	"reason": "The declared use is of unacceptable risk; no approval can allow it.",
	"remedy": "Do not do this. If the class is wrong, correct the declaration.",
	"controls": ["EU-AI-Act/Art-5", "NIST-AI-RMF/MANAGE-1.1"],
} if {
	input.context.risk == "unacceptable"
}

forbid contains {
	"id": "baseline-rego/unacceptable-model",
	"reason": "The model card says that the model's use is of unacceptable risk; no approval can allow it.",
	"remedy": "Do not use it. If the class is wrong, attest a corrected model card.",
	"controls": ["EU-AI-Act/Art-5", "NIST-AI-RMF/MANAGE-1.1"],
} if {
	lifecycle
	card_risk == "unacceptable"
}

default card_risk := ""

card_risk := input.context.evidence.modelCard.risk

approved if {
	input.context.evidence.approvals >= input.context.parameters.requiredApprovals
	some role in input.context.evidence.approverRoles
	role in input.context.parameters.approverRoles
}
