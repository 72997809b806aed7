from __future__ import annotations

from pathlib import Path

import pytest
from batch_fakes import MODELS, open_fake

from echodepth_cli.batch.discover import find_inputs
from echodepth_cli.batch.executors import SerialExecutor
from echodepth_cli.batch.inputs import Naming
from echodepth_cli.batch.ledger import Ledger, RunFacts
from echodepth_cli.batch.plan import make_plan
from echodepth_cli.batch.runner import BatchResult, BatchRun
from echodepth_cli.batch.slots import WorkerSlots
from echodepth_cli.config import AnalysisConfig


class Recorder:
    """Remembers what a batch says."""

    def __init__(self) -> None:
        self.events: list = []
        self.outcomes: dict = {}

    def on_job_event(self, job, event):
        self.events.append((job.name, event))

    def on_planned(self, plan):
        self.events.append(("", "planned"))

    def on_submitted(self, job):
        self.events.append((job.name, "submitted"))

    def on_outcome(self, job, outcome):
        self.outcomes[job.name] = outcome


class Bench:
    """A directory of "recordings" and runs over it with the stand-in analysis."""

    def __init__(self, root: Path) -> None:
        self.input, self.out = root / "in", root / "out"
        self.input.mkdir()
        self.out.mkdir()
        self.recorder = Recorder()
        self.runs = 0

    def add(self, name: str, content: str) -> Path:
        path = self.input / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def run(
        self, *, workers: int = 0, config: AnalysisConfig | None = None, executor=None, **options
    ) -> BatchResult:
        self.runs += 1
        self.recorder = Recorder()
        config = config or AnalysisConfig()
        ledger = Ledger.load(self.out)
        plan = make_plan(
            find_inputs([str(self.input)], naming=Naming()),
            self.out,
            config,
            models=MODELS,
            sources_before=ledger.sources(),
            force=options.pop("force", False),
        )
        facts = RunFacts(
            run_id=f"run-{self.runs}",
            started_at="2026-11-23T09:00:00+00:00",
            software_version="0.1.0",
            workers=workers,
            scheduler=None,
            config=config.to_dict(),
            models=MODELS,
            host="test",
            pid=1,
        )
        if executor is None and workers:
            executor = WorkerSlots(workers, open_fake, self.recorder)
        run = BatchRun(plan, ledger, facts, self.recorder)
        return run.run(executor or SerialExecutor(open_fake, self.recorder), **options)

    def statuses(self) -> dict[str, str]:
        return {name: str(outcome.status) for name, outcome in self.recorder.outcomes.items()}


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)
