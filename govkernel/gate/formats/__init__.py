"""Report formats, one file each; every one renders a :class:`govkernel.domain.Report`."""
