# input.context.lineage is there when an accepted statement says that the artifact was made from something.
package govkernel.lineage_rego

decision := {"permit": set(), "forbid": forbid}

model if {
	input.action in {"admit", "deploy", "promote"}
	input.resource.type == "Model"
}

lineage := input.context.lineage

forbid contains {
	"id": "lineage-rego/unknown-origin",
	"reason": "Nobody who may say so says what the model was made from.",
	"remedy": "Attest it: `govkernel attest PATH --type derivation`.",
} if {
	model
	not lineage
}

forbid contains {
	"id": "lineage-rego/dataset-licences",
	"reason": "It was trained on a dataset whose licence is not stated, or not one of those that are accepted.",
	"remedy": "`govkernel lineage` shows the licences. State them with a dataset card, or train without that dataset.",
} if {
	model
	lineage.unlicensedDatasets > 0
}

forbid contains {
	"id": "lineage-rego/dataset-licence-refused",
	"reason": "It was trained on a dataset under a licence that is not accepted.",
	"remedy": "Train without that dataset.",
} if {
	model
	some licence in lineage.datasetLicenses
	not licence in input.context.parameters.datasetLicenses
}

forbid contains {
	"id": "lineage-rego/revoked",
	"reason": "Something it was made from is revoked.",
	"remedy": "`govkernel lineage` names it. Make the model again without it.",
} if {
	model
	lineage.revoked > 0
}

forbid contains {
	"id": "lineage-rego/unsigned",
	"reason": "Something it was made from is signed by nobody who is trusted.",
	"remedy": "Sign it, or have its owner sign it.",
} if {
	model
	lineage.unsigned > 0
}

forbid contains {
	"id": "lineage-rego/base-not-approved",
	"reason": "It was built upon a base model that is not approved.",
	"remedy": "Build upon an approved base, or have this one approved.",
} if {
	model
	some base in lineage.bases
	not base in input.context.parameters.approvedBases
}
