"""The admission door: Kubernetes AdmissionReview in, AdmissionReview out."""
