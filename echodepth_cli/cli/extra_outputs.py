"""What `analyse` writes beside its session directory: the report on stdout, frame results."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from echodepth_cli.errors import OutputError, UsageError


@dataclass(frozen=True, slots=True)
class ExtraOutputs:
    """What is wanted beside the session directory."""

    report_on_stdout: bool
    frames_to: str | None
    """A path, or - for stdout."""
    aus: bool

    @property
    def want_stdout(self) -> bool:
        """Tell whether data goes to stdout."""
        return self.report_on_stdout or self.frames_to == "-"

    def check(self, *, force: bool) -> None:
        """Raise UsageError or OutputError for what cannot work, before any work is done."""
        if self.frames_to is None:
            return
        if self.frames_to == "-":
            if self.report_on_stdout:
                raise UsageError(
                    "--json and --frames-jsonl - both want stdout; give the frames a file"
                )
            return
        path = Path(self.frames_to)
        if path.is_file() and not force:
            raise OutputError(f"{path}: exists; use --force to replace it")
        if path.is_dir() or not os.access(path.parent, os.W_OK):
            raise OutputError(f"{path}: cannot be written; choose another --frames-jsonl")

    def write(self, report: Mapping[str, Any], frames: Path, stdout: TextIO | None) -> None:
        """Write the report and the frame results where they are wanted."""
        if self.report_on_stdout and stdout is not None:
            stdout.write(json.dumps(report, ensure_ascii=False, indent=2) + "\n")
        if self.frames_to is None:
            return
        from echodepth_cli.output.atomic import replacing
        from echodepth_cli.output.frames_jsonl import frame_results, json_line

        lines = map(json_line, frame_results(frames, aus=self.aus))
        if stdout is not None and self.frames_to == "-":
            stdout.writelines(lines)
            return
        with replacing(Path(self.frames_to)) as file:
            file.writelines(line.encode() for line in lines)
