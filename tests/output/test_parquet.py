"""frames.parquet: one row per frame, typed, documented, readable back."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from echodepth_cli.errors import InputError
from echodepth_cli.output.columns import CORE_COLUMNS, RowContext
from echodepth_cli.output.parquet import (
    ROWS_PER_GROUP,
    FrameTableWriter,
    read_frames,
    with_alerts,
)
from echodepth_cli.records import Box, FrameResult, FrameStatus, HeadPose, Vad

CONTEXT = RowContext("ses_" + "0123456789abcdef01234567", origin_ms=1_704_067_200_000)


def _seen(index, value=0.5):
    aus = np.zeros(46, dtype=np.float32)
    aus[[0, 3]] = 0.3, 0.2999
    aus[2] = np.nan
    return FrameResult(
        index=index,
        offset_s=index / 2,
        status=FrameStatus.OK,
        confidence=0.9,
        vad=Vad(value, 0.6, 0.4),
        delta=Vad(0.0, 0.1, -0.1),
        aus=aus,
        box=Box(0.1, 0.2, 0.3, 0.4),
        pose=HeadPose(1.0, 2.0, 3.0),
        iod_px=64.0,
    )


def _unseen(index):
    return FrameResult(index=index, offset_s=index / 2, status=FrameStatus.NO_FACE)


@pytest.fixture
def table_path(tmp_path):
    path = tmp_path / "frames.parquet"
    with FrameTableWriter(path, CORE_COLUMNS, CONTEXT, {"session_id": "x"}) as writer:
        writer.write([_seen(0), _unseen(1)])
        writer.write([_seen(i) for i in range(2, ROWS_PER_GROUP + 10)])
    return path


def test_every_result_is_a_row_and_missing_is_null(table_path):
    table, metadata = read_frames(table_path)
    assert table.num_rows == ROWS_PER_GROUP + 10
    assert metadata == {"session_id": "x"}
    first, second = table.slice(0, 2).to_pylist()
    assert first["active_aus"] == [1], "0.30 is active, 0.2999 is not"
    assert first["AU03"] is None, "a unit that cannot be seen is null, not 0"
    assert first["timestamp_ms"] == 1_704_067_200_000
    assert second["status"] == "no_face_detected"
    assert {second[c] for c in ("valence", "AU12", "active_aus", "face_x", "confidence")} == {None}
    assert second["alert_triggered"] is False


def test_frame_ids_are_unique_and_columns_documented(table_path):
    table, _ = read_frames(table_path)
    assert len(set(table["frame_id"].to_pylist())) == table.num_rows
    assert all(field.metadata[b"meaning"] for field in table.schema)
    assert table.schema.field("timestamp_ms").metadata[b"unit"] == b"ms"


def test_alerts_are_filled_in_and_nothing_else_changes(table_path, tmp_path):
    reasons = [("arousal_high", "valence_low") if i % 5 == 0 else () for i in range(2058)]
    target = tmp_path / "final.parquet"
    with_alerts(table_path, target, reasons, {"session_id": "x"})
    before, after = pq.read_table(table_path), pq.read_table(target)
    assert after["alert_reason"].to_pylist()[0] == "arousal_high,valence_low"
    assert after["alert_triggered"].to_pylist() == [bool(r) for r in reasons]
    rest = [n for n in before.column_names if not n.startswith("alert")]
    assert before.select(rest).equals(after.select(rest))
    assert pq.ParquetFile(target).num_row_groups == 2


def test_the_same_results_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        with FrameTableWriter(tmp_path / name, CORE_COLUMNS, CONTEXT, {"b": 1, "a": 2}) as writer:
            writer.write([_seen(0), _unseen(1)])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("content", [b"", b"PAR1 not really", json.dumps({}).encode()])
def test_damaged_tables_are_our_error(tmp_path, content):
    path = tmp_path / "frames.parquet"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"frames\.parquet"):
        read_frames(path)
