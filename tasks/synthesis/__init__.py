"""Tasks made of repositories: bugs injected (`synth`), fixes mined from git history (`mine`)."""
