"""Training beyond this machine: Slurm, ssh, kubectl, by a launcher that the host names. One pipe of JSON lines each way.

A run's own process stays on this machine (`proxy`): it starts the launcher, reads events and files from its output, and writes
them. So the record, the run's folder and the process that owns the run are where they are for every run. On the node runs `remote`,
which needs torch and torchvision alone. `settings` is the host's file, `lines` the pipe, `mirror` the files that go through it,
`slurm` what Slurm says of its jobs, `check` the look that the doctor takes.
"""
