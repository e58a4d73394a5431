"""Settings: profiles are read into types, and what is wrong is named."""

import json

import pytest
from cdk.config import CDK_JSON, SettingError, config_of, read_context


def context(**more: object) -> dict[str, object]:
    return {**read_context(), **more}


@pytest.mark.parametrize("profile", ["dev", "small", "large"])
def test_every_profile_is_read(profile: str) -> None:
    config = config_of(context(profile=profile))
    assert config.profile == profile
    assert config.actors.most >= 1
    assert list(json.loads(CDK_JSON.read_text())["context"]["profiles"]) == ["dev", "small", "large"]


def test_the_command_line_stands_above_the_profile() -> None:
    config = config_of(context(tag="v1", budget_dollars="7", keep_data="true"))
    assert (config.tag, config.budget_dollars, config.keep_data) == ("v1", 7, True)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"profile": "huge"}, 'profile "huge" is unknown; known: dev, small, large'),
        ({"budget_dollars": "much"}, 'budget_dollars is "much"; accepted: a whole number'),
        ({"keep_data": "yes"}, 'keep_data is "yes"; accepted: true, false'),
        ({"log_days": "8"}, "log_days is 8; accepted: 1, 3"),
        ({"github": "stratagem"}, 'github is "stratagem"; accepted: OWNER/REPOSITORY'),
        ({"budget": "7"}, 'setting "budget" is unknown; known: budget_dollars, log_days'),
        (
            {"prefix": "mine"},
            'setting "prefix" is the profile\'s own; accepted: a profile of cdk.json that has another',
        ),
        ({"server": "512"}, 'setting "server" is the profile\'s own'),
        ({"github_provider_exists": "true"}, "github_provider_exists is set without github"),
        ({"nat_gateways": "1"}, "nat_gateways is set without private_subnets"),
    ],
)
def test_what_is_wrong_is_named(more: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        config_of(context(**more))


def test_names_of_the_cdk_s_own_are_passed_over() -> None:
    assert config_of(context(**{"aws:cdk:version": "2", "@aws-cdk/core:x": True, "cli-telemetry": False}))


def test_an_unknown_setting_of_a_profile_is_named() -> None:
    told = read_context()
    told["profiles"]["dev"]["colour"] = "red"
    with pytest.raises(SettingError, match='setting "colour" is unknown'):
        config_of(told)
