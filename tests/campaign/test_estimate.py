"""What a campaign costs is measured on its own shots, and nine of them are drawn."""

from __future__ import annotations

import pytest
from campaign.plans import SCAN, STILLS, write_plan
from nbnumba_cli.main import run as nbnumba
from PIL import Image

import nbnumba.campaign as campaign
from nbnumba.campaign.estimate import spread_shots


@pytest.mark.parametrize("text", [STILLS, SCAN, STILLS + "[image]\ndownsample = {size = 16}\n"])
def test_the_size_on_disk_is_that_of_the_shards(tmp_path, text):
    path = write_plan(tmp_path, text.replace("images_per_shard = 3", "images_per_shard = 10"))
    estimated = campaign.estimate(campaign.prepare(path), tmp_path / "out")
    campaign.run(path, workers=1)
    taken = sum(shard.stat().st_size for shard in (tmp_path / "out").glob("shard_*"))
    assert estimated.images == len(campaign.open(tmp_path / "out"))
    # three shots stand for ten, and HDF5 grows in pages
    assert estimated.total_bytes == pytest.approx(taken, rel=0.25)
    assert 0.0 < estimated.seconds < 10.0


def test_the_command_says_what_it_costs_and_draws_a_sheet(tmp_path, capsys):
    path = write_plan(tmp_path)
    assert nbnumba(["campaign", "plan", str(path), "--workers", "1"]) == 0
    words = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert words == ["images", "time", "disk", "memory", "sheet"]
    with Image.open(tmp_path / "plan.png") as sheet:
        assert min(sheet.size) > 500
        assert len(sheet.convert("L").getcolors()) > 50
    assert not (tmp_path / "out").exists()


def test_no_plan_is_overwritten_by_its_sheet(tmp_path, capsys):
    path = write_plan(tmp_path)
    assert nbnumba(["campaign", "plan", str(path), "--sheet", str(path)]) == 2
    assert "would overwrite an input file" in capsys.readouterr().err


def test_shots_are_spread_from_the_first_to_the_last():
    assert spread_shots(100, 3) == [0, 50, 99]
    assert spread_shots(2, 9) == [0, 1]
