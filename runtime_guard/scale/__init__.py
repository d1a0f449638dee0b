"""Past one machine: screening as a Ray Serve deployment, scans as a Ray Data job. docs/adr/0032-past-one-machine.md.

Needs the extra ``ray``. Import from the modules, so that importing this package stays light.
"""
