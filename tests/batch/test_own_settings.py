"""Settings of one recording of a batch that reach into how it is analysed."""

import json
from contextlib import contextmanager

from faces import face_clip

from echodepth_cli import engine, pipeline
from echodepth_cli.batch.discover import find_inputs
from echodepth_cli.batch.inputs import Naming
from echodepth_cli.batch.jobs import JobStatus
from echodepth_cli.batch.plan import make_plan
from echodepth_cli.batch.work import _Engines, model_digests, open_pipeline
from echodepth_cli.config import AnalysisConfig
from echodepth_cli.events import NullSink


def planned(manifest):
    inputs = find_inputs([str(manifest)], naming=Naming())
    out = manifest.parent / "out"
    return make_plan(inputs, out, AnalysisConfig(), models=model_digests(), sources_before={})


def test_a_baseline_is_carried_over_by_manifest_and_the_result_is_found_again(tmp_path):
    pipeline.analyse(face_clip(tmp_path / "first.mp4", 4.0), AnalysisConfig(), tmp_path / "first")
    face_clip(tmp_path / "second.mp4", 4.0, seed=1)
    (tmp_path / "list.csv").write_text("path,baseline_from\nsecond.mp4,first\n")
    (job,) = planned(tmp_path / "list.csv").jobs
    with open_pipeline() as run:
        done, again = run(job, NullSink()), run(job, NullSink())
    assert (done.status, again.status) == (JobStatus.DONE, JobStatus.SKIPPED), done.message
    report = json.loads((job.out_dir / "report.json").read_text())
    assert report["baseline"]["source"] == "carried"


def test_each_recording_has_faces_looked_for_as_its_own_settings_say(monkeypatch, tmp_path):
    @contextmanager
    def opened(config):
        yield config.max_faces, config.small_faces

    monkeypatch.setattr(engine, "open_engine", opened)
    monkeypatch.setattr(pipeline, "analyse", lambda *_, engine, **__: engine)
    common = {"force": False, "sink": NullSink(), "command_line": (), "baseline_from": None}
    with _Engines() as engines:
        for fixed in [(4, False), (4, True), (2, False), (4, False)]:
            config = AnalysisConfig(max_faces=fixed[0], small_faces=fixed[1])
            assert engines.analyse(tmp_path, config, tmp_path, **common) == fixed
