#!/usr/bin/env bash
# Starts a Slurm of one node with two pretended GPUs, as root, without systemd: start.sh DIR; then export SLURM_CONF=DIR/slurm.conf
# Needs: apt-get install --no-install-recommends slurm-wlm slurm-wlm-basic-plugins munge
set -euo pipefail
dir=$(realpath -m "${1:?a folder for its files}")
host=$(hostname -s)
mkdir -p "$dir"/{state,spool,log}
for number in 0 1; do
    [ -e "/dev/fakegpu$number" ] || mknod "/dev/fakegpu$number" c 1 3
done
printf 'Name=gpu File=/dev/fakegpu%s\n' 0 1 >"$dir/gres.conf"
cat >"$dir/slurm.conf" <<CONFIGURATION
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
AuthType=auth/munge
SlurmUser=root
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
KillWait=10
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=1000
GresTypes=gpu
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000 Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONFIGURATION
mkdir -p /run/munge
chown munge:munge /run/munge
pgrep -u munge munged >/dev/null || setpriv --reuid=munge --regid=munge --clear-groups munged --pid-file=/run/munge/munged.pid
export SLURM_CONF="$dir/slurm.conf"
slurmctld -i
slurmd
for _ in $(seq 50); do
    if sinfo -h -o %T 2>/dev/null | grep -q idle; then
        echo "export SLURM_CONF=$SLURM_CONF"
        exit 0
    fi
    sleep 0.2
done
echo "Slurm did not become idle; see $dir/log" >&2
exit 1
