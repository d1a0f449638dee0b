"""Policy engines: Cedar in process, Rego in OPA; one protocol."""
