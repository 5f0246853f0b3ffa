"""The exit codes of the command."""

FAILED_FRAMES = 1
WRONG_USE = 2
STOPPED = 3
BUG = 70
INTERRUPTED = 130

EXPLAINED = """\b
Exit codes: 0 every frame is done; 1 some frames failed or hold results of other settings;
2 wrong use: a setting, the data root, the model or the cluster;
3 the run had to stop: a full disk, a lost cluster, too many failures, another run at work;
70 a bug; 130 interrupted."""
