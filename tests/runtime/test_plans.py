"""Plans side by side, in a simulation of processes in which jobs last a given time."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sissi.runtime.jobs import Job, Outcome
from sissi.runtime.plans import Schedule


def plan(index, steps, log):
    """A plan of steps of jobs that last these times; its result is what the jobs returned."""
    log.append(f"plan {index} begins")
    found = []
    for number, times in enumerate(steps):
        jobs = [Job(f"{index}.{number}.{k}", print, (time,)) for k, time in enumerate(times)]
        outcomes = yield jobs
        assert len(outcomes) == len(jobs)
        found.append([outcomes[job.name].value for job in jobs])
    log.append(f"plan {index} ends")
    return found


@dataclass
class Machine:
    """Processes in simulated time."""

    processes: int
    now: float = 0.0
    busy: float = 0.0

    def run(self, schedule, log=None):
        jobs, running = schedule.jobs(), []
        while True:
            while len(running) < self.processes and (job := next(jobs, None)):
                running.append((self.now + job.arguments[0], job))
                if log is not None:
                    log.append(job.name)
            if not running:
                return
            running.sort(key=lambda one: one[0])
            self.now, job = running.pop(0)
            self.busy += job.arguments[0]
            schedule.ended(job.name, Outcome(2 * job.arguments[0]))


STEPS = st.lists(st.lists(st.lists(st.integers(1, 9), max_size=4), max_size=4), min_size=1, max_size=4)


@given(STEPS, st.integers(1, 4))
def test_each_plan_gets_its_own_outcomes_and_no_process_idles_while_a_job_could_run(plans, processes):
    log = []
    schedule, machine = Schedule([plan(k, steps, log) for k, steps in enumerate(plans)]), Machine(processes)
    machine.run(schedule)
    wanted = {k: [[2 * time for time in times] for times in steps] for k, steps in enumerate(plans)}
    assert schedule.results == wanted and len(log) == 2 * len(plans)
    longest = max(sum(max(times, default=0) for times in steps) for steps in plans)
    assert max(longest, machine.busy / processes) <= machine.now <= longest * len(plans) + machine.busy


def test_steps_of_several_plans_fill_the_processes():
    # a trunk of 1 and two branches of 2 each: one after another 3 * (1 + 2), side by side 15 / 2
    machine = Machine(2)
    machine.run(Schedule([plan(k, [[1], [2, 2]], []) for k in range(3)]))
    assert machine.now == 8 and machine.busy == 15


def test_one_process_runs_them_one_after_another():
    log = []
    Machine(1).run(Schedule([plan(k, [[1], [], [2, 1]], log) for k in range(2)]), log)
    of = [["plan {0} begins", "{0}.0.0", "{0}.2.0", "{0}.2.1", "plan {0} ends"]] * 2
    assert log == [text.format(k) for k, texts in enumerate(of) for text in texts]


def test_a_plan_that_fails_ends_the_others_with_its_error():
    closed = []

    def careful(index):
        try:
            yield [Job(str(index), print, (1,))]
            raise ValueError("broken")
        finally:
            closed.append(index)

    schedule = Schedule([careful(0), careful(1), careful(2)])
    with pytest.raises(ValueError, match="broken") as raised:
        Machine(2).run(schedule)
    schedule.fail(raised.value)
    assert closed == [0, 1] and schedule.results == {}
