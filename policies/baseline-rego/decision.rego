# What govkernel asks for: every satisfied permit and forbid.
#
# Facts that may be absent are tested with `not`: an absent fact must make a forbid fire, never keep it silent.
package govkernel.baseline_rego

decision := {"permit": permit, "forbid": forbid}

lifecycle if input.action in {"admit", "deploy", "promote"}

screened if input.action in {"infer", "egress", "invokeTool"}

# Everything that is signed with our statements: all but what is known to be signed elsewhere or not at all.
governed if {
	lifecycle
	not input.resource.type in {"Workload", "Image", "Tool"}
}
