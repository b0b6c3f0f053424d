"""One declaration: option, widget, recipe key and reference of each field say the same."""

import inspect
import json
import math
from dataclasses import is_dataclass
from functools import reduce

import pytest

from deepsxt_core.cli.main import build_app
from deepsxt_core.cli.options import option_name
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.meshes import MESH_FORMATS
from deepsxt_core.io.readers import choosing
from deepsxt_core.parameters import declared, declared_field, parsed, plain
from deepsxt_core.training.params import TrainingParams
from deepsxt_core.workflow.recipe import ExportParams, Recipe
from pages.shared import inputs
from tools import parameter_reference as reference

FIELDS = [
    pytest.param(params_type, field, id=f"{params_type.__name__}.{field.name}")
    for params_type in reference.CLASSES
    for field in declared(params_type)
]
NO_OPTION = {"z0", "z1", "seed", "mask", "format"}
APP = build_app()
OPTIONS = {
    command: {
        name: each
        for each in reduce(
            lambda app, name: app[name], command.split(), APP
        ).assemble_argument_collection()
        for name in each.names
    }
    for command in {name for commands in reference.CLASSES.values() for name in commands}
}


def wrong_values(field):
    yield object()
    if field.type is bool:
        yield from ("auto", "false", 0, 1)
    elif field.type in (int, float):
        limits = field.limits
        ends = (limits.least, -1), (limits.most, 1), (limits.above, 0), (limits.below, 0)
        yield from (end + beyond for end, beyond in ends if end is not None)
        yield from (True, "1", math.nan, math.inf)
        if field.type is int:
            yield 1.5
    elif field.choices:
        yield "none of these"
    if not field.optional:
        yield None


@pytest.mark.parametrize(("params_type", "field"), FIELDS)
def test_a_field_has_help_and_refuses_what_is_not_declared(params_type, field):
    assert field.help.endswith(".")
    for wrong in wrong_values(field):
        with pytest.raises(InvalidParameterError, match=field.name):
            params_type(**{field.name: wrong})


@pytest.mark.parametrize(("params_type", "field"), FIELDS)
def test_each_command_has_the_option_with_help_and_default(params_type, field):
    name = option_name(params_type, field)
    if name is None:
        assert field.name in NO_OPTION or is_dataclass(field.type)
        return
    for command in reference.CLASSES[params_type]:
        option = OPTIONS[command][name]
        assert option.parameter.help.startswith(field.help.replace("`", ""))
        assert field.limits.form in option.parameter.help
        assert field.limits.form or field.limits.words in option.parameter.help
        if field.type in (int, float, str) or field.choices:
            assert option.field_info.default == field.default
        if field.choices:
            assert list(option.get_choices()) == [str(each) for each in field.choices]


@pytest.mark.parametrize(("params_type", "field"), FIELDS)
def test_json_and_toml_carry_the_field(params_type, field):
    params = params_type()
    content = json.loads(json.dumps(plain(params)))
    assert parsed(params_type, {field.name: content[field.name]}, "The test") == params


@pytest.mark.parametrize(("params_type", "field"), FIELDS)
def test_a_widget_lets_through_what_the_class_takes(params_type, field):
    if field.type not in (int, float):
        return
    for end in inputs.ends(field, 1e-6):
        if end is not None:
            # A second threshold is not above the first.
            others = {"threshold": end} if field.name == "low" else {}
            assert getattr(params_type(**others | {field.name: end}), field.name) == end


def test_the_reference_is_current():
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page(), (
        "Write it anew: python -m tools.parameter_reference"
    )


def test_the_reference_knows_every_class_with_declared_fields():
    from deepsxt_core import annotation, evaluation, inference, phantom, surface
    from deepsxt_core.export import film_plan
    from deepsxt_core.training import datasets, splits
    from deepsxt_core.workflow import recipe

    found = {TrainingParams}
    modules = (annotation, evaluation, inference, phantom, surface, datasets, splits, recipe)
    for module in (*modules, choosing, film_plan):
        members = inspect.getmembers(module, inspect.isclass)
        found |= {each for name, each in members if name.endswith("Params")}
    assert found - {phantom.SliceParams} == set(reference.CLASSES)


def test_mesh_formats_are_the_choices_of_a_recipe():
    choices = declared_field(ExportParams, "meshes").hint.__args__[0].__args__
    assert [f".{each}" for each in choices] == list(MESH_FORMATS)


def test_a_recipe_file_carries_every_choice():
    recipe = Recipe()
    assert Recipe.from_toml(recipe.to_toml(), "of the test") == recipe
