# Labels are those of the detectors (docs/reference/guard.md).
package govkernel.baseline_rego

forbid contains {
	"id": "baseline-rego/screening-incomplete",
	"reason": "Not every detector answered, so the text is not known to be safe.",
	"remedy": "Try again; if it lasts, ask the operator to see which detector fails.",
	"controls": ["OWASP-LLM-2025/LLM01", "OWASP-LLM-2025/LLM02"],
	"obligations": [{"type": "block"}],
} if {
	screened
	not input.context.screening.complete == true
}

forbid contains {
	"id": "baseline-rego/prompt-injection",
	"reason": "The text tries to override the instructions that the application gave the model.",
	"remedy": "Remove the instructions to the model from the text, or ask the operator to review the finding.",
	"controls": ["OWASP-LLM-2025/LLM01", "NIST-AI-RMF/MEASURE-2.7", "EU-AI-Act/Art-15"],
	"obligations": [{"type": "block"}],
} if {
	screened
	not input.context.screening.direction == "response"
	some label in input.context.screening.labels
	label in {"prompt_injection", "jailbreak"}
}

forbid contains {
	"id": "baseline-rego/hidden-text",
	"reason": "The text holds characters that a person does not see and a model reads.",
	"remedy": "Remove the invisible characters; they are often copied along with text from elsewhere.",
	"controls": ["OWASP-LLM-2025/LLM01", "NIST-AI-RMF/MEASURE-2.7"],
	"obligations": [{"type": "block"}],
} if {
	screened
	not input.context.screening.direction == "response"
	"hidden_text" in input.context.screening.labels
}

permit contains {
	"id": "baseline-rego/redact-personal-data",
	"reason": "Personal data is masked before the text moves on.",
	"controls": ["NIST-AI-RMF/MEASURE-2.10", "OWASP-LLM-2025/LLM02"],
	"obligations": [{"type": "redact", "arguments": sort(personal)}],
} if {
	input.action == "infer"
	input.resource.type == "Endpoint"
	masked
	some label in input.context.screening.labels
	label in personal
}

permit contains {
	"id": "baseline-rego/redact-secrets",
	"reason": "Credentials are masked before the text moves on.",
	"controls": ["OWASP-LLM-2025/LLM02"],
	"obligations": [{"type": "redact", "arguments": ["SECRET"]}],
} if {
	input.action == "infer"
	input.resource.type == "Endpoint"
	"SECRET" in input.context.screening.labels
}

permit contains {
	"id": "baseline-rego/redact-exfiltration",
	"reason": "An address that is loaded by itself and carries data away is masked before the text moves on.",
	"controls": ["OWASP-LLM-2025/LLM02"],
	"obligations": [{"type": "redact", "arguments": ["EXFILTRATION"]}],
} if {
	input.action == "infer"
	input.resource.type == "Endpoint"
	"EXFILTRATION" in input.context.screening.labels
}

permit contains {
	"id": "baseline-rego/restore-surrogates",
	"reason": "Who sent a value gets it back where the answer holds its surrogate.",
	"controls": ["NIST-AI-RMF/MEASURE-2.10"],
	"obligations": [{"type": "detokenize"}],
} if {
	input.action == "infer"
	input.resource.type == "Endpoint"
	input.context.screening.direction == "response"
	input.context.parameters.restoreSurrogates == true
}

# Requests may be left to another pack, which gives surrogates; what is not known to be one is masked.
masked if not input.context.screening.direction == "request"

masked if not input.context.parameters.redactRequests == false

personal := {
	"CREDIT_CARD", "CRYPTO", "EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS", "MEDICAL_LICENSE", "PERSON",
	"PHONE_NUMBER", "UK_NHS", "US_BANK_NUMBER", "US_DRIVER_LICENSE", "US_ITIN", "US_PASSPORT", "US_SSN",
}
