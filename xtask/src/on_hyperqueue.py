"""An experiment in shards, on a local cluster of HyperQueue: cbc, configuration, folder, shards."""

import sys

from hyperqueue.cluster import LocalCluster, WorkerConfig
from hyperqueue.job import Job

cbc, configuration, folder, shards = sys.argv[1:]
with LocalCluster() as cluster:
    cluster.start_worker(WorkerConfig(cores=2))
    client = cluster.client()
    job = Job(default_workdir=folder)
    for shard in range(1, int(shards) + 1):
        arguments = ["experiment", configuration, "--shard", f"{shard}/{shards}", "--jobs", "1"]
        job.program([cbc, *arguments, "--output", f"{folder}/shard-{shard}", "--resume"])
    submitted = client.submit(job)
    sys.exit(0 if client.wait_for_jobs([submitted], raise_on_error=False) else 1)
