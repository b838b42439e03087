"""Chat templates, rendered in a child process with limits: only here is anything of a repository executed."""
