package govkernel.baseline_rego

permit contains {
	"id": "baseline-rego/workload",
	"reason": "Workloads may run when nothing they use is forbidden.",
} if {
	lifecycle
	input.resource.type == "Workload"
}

permit contains {
	"id": "baseline-rego/image",
	"reason": "Container images may be used when nothing forbids them.",
} if {
	lifecycle
	input.resource.type == "Image"
}

permit contains {
	"id": "baseline-rego/resolved-artifact",
	"reason": "The artifact is known by its digest and nothing forbids it.",
} if {
	lifecycle
	input.context.artifact.resolved == true
}

permit contains {
	"id": "baseline-rego/infer",
	"reason": "Chats may pass when screening is complete and nothing in them is forbidden.",
} if {
	input.action == "infer"
	input.resource.type == "Endpoint"
}
