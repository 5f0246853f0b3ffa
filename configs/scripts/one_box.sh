#!/usr/bin/env bash
# Refine a data set on one machine, with all its GPUs, or its CPU cores where it has none:
#
#     one_box.sh DATA_ROOT [options of `autorefiner run`]
#
# Made for cron, systemd and tmux alike: it is quiet unless something is wrong, logs JSON lines beside
# the results, and can be started again at any time: what is done is not done again. A second one on
# the same data set says so and ends with 3. SIGTERM (what systemd and `timeout` send) lets frames in
# hand finish and puts them on record.
set -euo pipefail
root=${1:?name the data root}
shift
mkdir -p "$root/autorefiner"
exec autorefiner run "$root" --quiet --log-json "$@" 2>>"$root/autorefiner/log.jsonl"
