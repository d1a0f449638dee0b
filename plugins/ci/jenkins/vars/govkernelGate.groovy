// Jenkins shared step: the gate, with a test report on the build.
//   govkernelGate(paths: ['models/minilm', 'prompts/support.yaml'], pack: 'baseline', environment: 'production')
def call(Map settings) {
    def variables = [
        "GATE_PATHS=${(settings.paths as List).join('\n')}",
        "GATE_PACK=${settings.pack ?: ''}",
        "GATE_ENVIRONMENT=${settings.environment ?: ''}",
        "GATE_RISK=${settings.risk ?: ''}",
        "GATE_VSA_KEY=${settings.vsaKey ?: ''}",
    ]
    try {
        withEnv(variables) {
            sh label: 'govkernel gate', script: '''#!/bin/sh
                set -euf
                IFS='
'
                set -- $GATE_PATHS
                unset IFS
                govkernel gate --report junit=govkernel.xml \\
                    ${GATE_PACK:+--pack "$GATE_PACK"} \\
                    ${GATE_ENVIRONMENT:+--environment "$GATE_ENVIRONMENT"} \\
                    ${GATE_RISK:+--risk "$GATE_RISK"} \\
                    ${GATE_VSA_KEY:+--vsa-key "$GATE_VSA_KEY"} -- "$@"
            '''
        }
    } finally {
        junit testResults: 'govkernel.xml', allowEmptyResults: true
    }
}
