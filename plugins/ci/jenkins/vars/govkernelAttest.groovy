// Jenkins shared step: a signed statement about an artifact, archived with the build.
//   withCredentials([file(credentialsId: 'release-key', variable: 'KEY')]) {
//       govkernelAttest(path: 'models/minilm', type: 'file-safety', key: env.KEY)
//   }
def call(Map settings) {
    def out = settings.out ?: 'govkernel-attestation.sigstore.json'
    def variables = [
        "ATTEST_PATH=${settings.path}",
        "ATTEST_TYPE=${settings.type}",
        "ATTEST_PREDICATE=${settings.predicate ?: ''}",
        "ATTEST_SUITE=${settings.suite ?: ''}",
        "ATTEST_KIND=${settings.kind ?: ''}",
        "ATTEST_SIGNER=${settings.key}",
        "ATTEST_OUT=${out}",
    ]
    withEnv(variables) {
        sh label: 'govkernel attest', script: '''#!/bin/sh
            set -euf
            if [ -n "$ATTEST_PREDICATE" ]; then set -- --predicate "$ATTEST_PREDICATE"; else set -- --compute; fi
            govkernel attest --type "$ATTEST_TYPE" --key "$ATTEST_SIGNER" --out "$ATTEST_OUT" "$@" \\
                ${ATTEST_SUITE:+--suite "$ATTEST_SUITE"} \\
                ${ATTEST_KIND:+--kind "$ATTEST_KIND"} -- "$ATTEST_PATH"
        '''
    }
    archiveArtifacts artifacts: out, fingerprint: true
}
