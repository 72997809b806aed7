"""The real work of a worker: the pipeline, with models loaded once for many recordings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from echodepth_cli.batch.jobs import AnalysisJob, JobOutcome, RunJob, run_job
from echodepth_cli.config import AnalysisConfig
from echodepth_cli.events import EventSink
from echodepth_cli.models import registered_models, verified_bytes

if TYPE_CHECKING:
    from echodepth_cli.engine import Engine
    from echodepth_cli.pipeline import AnalysisResult


def model_digests() -> dict[str, str]:
    """Return name and sha256 of the models that ship here."""
    return {spec.name: spec.sha256 for spec in registered_models()}


def check_models() -> dict[str, str]:
    """Return the digests after reading every model; raises ModelError if one is not as shipped."""
    for spec in registered_models():
        verified_bytes(spec.name)
    return model_digests()


@contextmanager
def open_pipeline() -> Iterator[RunJob]:
    """Give the job function of a worker; see `jobs.OpenRunJob`.

    Models are loaded when the first recording needs them: a run that only finds finished
    sessions never does.
    """
    with _Engines() as engines:
        models = model_digests()

        def run(job: AnalysisJob, sink: EventSink) -> JobOutcome:
            return run_job(job, sink, analyse=engines.analyse, models=models)

        yield run


class _Engines(ExitStack):
    """Engines by the settings that are fixed when they are opened."""

    def __init__(self) -> None:
        super().__init__()
        self._opened: dict[tuple[int, bool], Engine] = {}

    def analyse(
        self,
        path: Path,
        config: AnalysisConfig,
        out_dir: Path,
        *,
        force: bool,
        sink: EventSink,
        command_line: Sequence[str],
        baseline_from: Path | None,
    ) -> AnalysisResult:
        """Analyse with an engine that may have been opened before."""
        from echodepth_cli import engine, pipeline

        fixed = config.max_faces, config.small_faces
        if fixed not in self._opened:
            self._opened[fixed] = self.enter_context(engine.open_engine(config))
        return pipeline.analyse(
            path,
            config,
            out_dir,
            force=force,
            sink=sink,
            engine=self._opened[fixed],
            command_line=command_line,
            baseline_from=baseline_from,
        )
