#!/usr/bin/env bash
# Refine a data set in a SLURM job with the GPUs of one node:
#
#     sbatch --export=ALL,DATA_ROOT=/data/scans configs/scripts/slurm.sh
#
# A job that is cut goes on in the next one, so submit it as often as it takes, or let it requeue. SLURM
# sends SIGTERM ten minutes before the time is up; frames in hand are finished and put on record.
# For workers on several nodes, see cluster.kind=slurm in docs/clusters.md.
#SBATCH --job-name=autorefiner
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --gres=gpu:4
#SBATCH --cpus-per-task=16
#SBATCH --mem=128G
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@600
#SBATCH --requeue
set -euo pipefail
# In the background, so that this shell hears the signal and can pass it on.
autorefiner run "${DATA_ROOT:?name the data root}" --set cluster.kind="${CLUSTER_KIND:-cuda}" "$@" &
trap 'kill -TERM $!' TERM
wait $! || { status=$?; [ "$status" -gt 128 ] && wait $!; exit "$status"; }
