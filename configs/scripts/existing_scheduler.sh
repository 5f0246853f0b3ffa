#!/usr/bin/env bash
# Refine a data set on a Dask scheduler that runs already, and leave it running:
#
#     existing_scheduler.sh SCHEDULER_FILE DATA_ROOT [options of `autorefiner run`]
#
# Scheduler and workers are started once, where and how you like, with the same versions as here:
#
#     dask scheduler --scheduler-file scheduler.json
#     dask cuda worker --scheduler-file scheduler.json            # on every GPU machine
#     dask worker --scheduler-file scheduler.json --nthreads 1    # or without GPUs
#
# Scheduler file and data root have to be at the same path on every machine.
set -euo pipefail
file=${1:?name the scheduler file}
root=${2:?name the data root}
shift 2
exec autorefiner run "$root" --scheduler-file "$file" "$@"
