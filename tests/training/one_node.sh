#!/usr/bin/env bash
# A SLURM of this machine alone, for the tests: as root, with slurmctld, slurmd and munge installed.
#   one_node.sh start DIR CPUS    prints the path of its slurm.conf, to be set as SLURM_CONF
#   one_node.sh stop DIR
# What it writes lies in DIR, munge's key and socket excepted. No accounting: sacct has no answer, as on many small clusters.
set -euo pipefail
verb=$1 dir=$2

if [ "$verb" = stop ]; then
  export SLURM_CONF=$dir/slurm.conf
  scancel --user=root 2> /dev/null || true
  for _ in $(seq 40); do [ -z "$(squeue --noheader 2> /dev/null)" ] && break; sleep .25; done
  for daemon in slurmd slurmctld munged; do
    [ -f "$dir/$daemon.pid" ] && kill "$(cat "$dir/$daemon.pid")" 2> /dev/null || true
  done
  exit 0
fi

cpus=$3 host=$(hostname -s) port=$((20000 + RANDOM % 10000))
mkdir -p "$dir/state" "$dir/spool" /etc/munge /run/munge /var/log/munge /var/lib/munge
[ -f /etc/munge/munge.key ] || head -c 1024 /dev/urandom > /etc/munge/munge.key
chown -R munge: /etc/munge /run/munge /var/log/munge /var/lib/munge
chmod 400 /etc/munge/munge.key
chmod 755 /run/munge
if ! munge --no-input > /dev/null 2>&1; then # another's is used, and left running
  runuser -u munge -- munged
  cp /run/munge/munged.pid "$dir/munged.pid"
fi
getent hosts "$host" > /dev/null || echo "127.0.0.1 $host" >> /etc/hosts

cat > "$dir/slurm.conf" << CONF
ClusterName=tests
SlurmctldHost=$host
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=cred_expire=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,sched_min_interval=100000,bf_interval=1,batch_sched_delay=0
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ReturnToService=2
MpiDefault=none
MaxArraySize=1001
KillWait=2
SlurmdParameters=config_overrides
NodeName=$host CPUs=$cpus RealMemory=2000 State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=short Nodes=ALL MaxTime=3 State=UP
CONF
export SLURM_CONF=$dir/slurm.conf
slurmctld > /dev/null 2>&1
slurmd > /dev/null 2>&1
for _ in $(seq 120); do
  [ "$(sinfo --noheader --partition=test --format=%t 2> /dev/null)" = idle ] && { echo "$SLURM_CONF"; exit 0; }
  sleep .25
done
echo "the node did not become idle; see $dir/slurmctld.log" >&2
"$0" stop "$dir"
exit 1
