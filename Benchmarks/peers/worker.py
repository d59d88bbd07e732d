"""The peer's side of a benchmark: reads lines, does what they say, answers each with one line.

prepare <words>     makes the workload and runs it once; answers «ok» or «no <reason>»
measure <seconds>   runs it until the time is over, at least once; answers the median time of a run
memory              answers the most memory this process has had in use, in bytes
"""
import os
import statistics
import sys
import time

import torch

torch.set_num_threads(int(os.environ.get("BENCH_THREADS", os.cpu_count() or 1)))
CLOCK = time.process_time if os.environ.get("BENCH_CLOCK") == "processor" else time.perf_counter
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def peak_bytes():
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def measure(run, seconds):
    times, total = [], 0.0
    while not times or total < seconds:
        begin = CLOCK()
        run()
        times.append(CLOCK() - begin)
        total += times[-1]
    return statistics.median(times)


def serve(make):
    """`make` turns the words of a benchmark into something to call, or raises ValueError."""
    run = None
    for line in sys.stdin:
        words = line.split()
        if words[:1] == ["prepare"]:
            run = None
            try:
                run = make(words[1:])
                run()
                answer = "ok"
            except (ValueError, RuntimeError) as error:
                answer = "no " + " ".join(str(error).split())
        elif words[:1] == ["measure"] and run and len(words) == 2:
            answer = repr(measure(run, float(words[1])))
        elif words[:1] == ["memory"]:
            answer = str(peak_bytes())
        else:
            answer = "no such line, or nothing is prepared: " + line.strip()
        print(answer, flush=True)
