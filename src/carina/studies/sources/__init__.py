"""Where manifests come from, one file a source."""
