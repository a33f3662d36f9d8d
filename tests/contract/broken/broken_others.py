"""A sound encoder, metric, reader and command, and one for each check of their kits that it must not pass."""

import json
import pickle
import time
from datetime import date

import numpy as np
import typer
from typer.core import TyperGroup

from firstlight.testing import CliCommandContract, DatasetReaderContract, FeatureEncoderContract, MetricContract


class SoundEncoder:
    """One column a first letter of ``taste``, 1 where it holds, slightly scaled by chance."""

    side = "users"

    def __init__(self):
        self.letters, self.scale = "", 1.0

    @property
    def names(self):
        return tuple(f"taste={letter}…" for letter in self.letters)

    @property
    def fields(self):
        return ("taste",) * len(self.letters)

    def fit(self, schema, rows, *, seed):
        known = "taste" in {attribute.name for attribute in schema}
        self.letters = "".join(sorted({row["taste"][:1] for row in rows if row.get("taste")})) if known else ""
        self.scale = 1 + 0.01 * float(self.generator(seed).random())

    def generator(self, seed):
        return np.random.default_rng(seed)

    def encode(self, rows):
        out = np.zeros((len(rows), len(self.letters)), np.float32)
        for n, row in enumerate(rows):
            letter = str(row.get("taste", ""))[:1]
            if letter and letter in self.letters:
                out[n, self.letters.index(letter)] = self.scale
        return out

    def export(self, directory):
        (directory / "state.json").write_text(json.dumps([self.letters, self.scale]))

    def load(self, directory):
        self.letters, self.scale = json.loads((directory / "state.json").read_text())


class SoundMetric:
    """Share of the targets among the first five."""

    higher_is_better = True

    def measure(self, lists, targets, counts):
        found = [
            np.isin(targets.of(n), row[:5]).mean() if len(targets.of(n)) else np.nan for n, row in enumerate(lists)
        ]
        return np.array(found, np.float64)


class SoundReader:
    """One JSON document."""

    suffixes = (".doc.json5",)

    def read(self, path):
        return json.loads(path.read_text("utf-8"))


def sound_command(name: str = "you") -> None:
    """Greet somebody."""
    print(f"hello {name}")


def write(self, path, columns):
    path.write_text(json.dumps(dict(columns)))


class TestSoundEncoder(FeatureEncoderContract):
    component = SoundEncoder


class TestSoundMetric(MetricContract):
    component = SoundMetric


class TestSoundReader(DatasetReaderContract):
    component = SoundReader
    write = write


class TestSoundCommand(CliCommandContract):
    component = staticmethod(sound_command)
    arguments = ("--name", "me")
    expected = "hello me"


several = typer.Typer(help="Greet in two ways.")
several.command("loudly")(sound_command)
several.command("softly")(sound_command)


class TestSoundCommands(CliCommandContract):
    component = several
    arguments = ("loudly",)


def faulty(name, breaks, kit, component, **body):
    """A kit ``Test<name>`` over ``component``."""
    body |= {"component": component, "breaks": breaks, "__module__": __name__}
    globals()[f"Test{name}"] = type(f"Test{name}", (kit,), body)


def encoder(name, breaks, **members):
    faulty(f"Encoder{name}", breaks, FeatureEncoderContract, type(name, (SoundEncoder,), members))


def encode_with(change):
    """``change(rows, columns)`` gives other columns."""
    return lambda self, rows: change(rows, SoundEncoder.encode(self, rows))


def encode_the_last_caller(self, rows):
    self.rows = rows
    time.sleep(1e-4)
    return SoundEncoder.encode(self, self.rows)


def load_something_else(self, directory):
    SoundEncoder.load(self, directory)
    self.scale += 0.5


def export_pickle(self, directory):
    SoundEncoder.export(self, directory)
    (directory / "state.bin").write_bytes(pickle.dumps(self.letters))


def fit_needs_rows(self, schema, rows, *, seed):
    SoundEncoder.fit(self, schema, [rows[0], *rows], seed=seed)


encoder("NoMethod", "test_has_the_role", encode=None)
encoder("EarlyNames", "test_has_the_role", names=("taste=c…", "taste=l…"))
encoder("OneName", "test_columns_are_named", names=property(lambda self: ("taste=x",) * len(self.letters)))
encoder("NoLabels", "test_columns_are_named", names=property(lambda self: tuple(self.letters)))
encoder("OtherField", "test_columns_are_named", fields=property(lambda self: ("shelf",) * len(self.letters)))
encoder("Nan", "test_rows_are_shaped_and_finite", encode=encode_with(lambda rows, c: np.where(c > 0, np.nan, c)))
encoder("Zeros", "test_rows_are_shaped_and_finite", encode=encode_with(lambda rows, c: 0 * c))
encoder("Wide", "test_rows_are_shaped_and_finite", encode=encode_with(lambda rows, c: np.repeat(c, 2, axis=1)))
encoder("Flat", "test_no_rows", encode=encode_with(lambda rows, c: c if len(rows) else np.zeros(0, np.float32)))
encoder("Ones", "test_nothing_known", encode=encode_with(lambda rows, c: c + 1))
encoder("Trusts", "test_odd_values", encode=encode_with(lambda r, c: [row.get("taste", "")[:1] for row in r] and c))
encoder("ByBatch", "test_batch_equals_single", encode=encode_with(lambda rows, c: c * len(rows)))
encoder("Forgets", "test_loaded_equals_fitted", load=load_something_else)
encoder("Unseeded", "test_same_seed_same_columns", generator=lambda self, seed: np.random.default_rng())
encoder("NeedsRows", "test_nothing_to_learn_from", fit=fit_needs_rows)
encoder("OneThread", "test_many_threads", encode=encode_the_last_caller)
encoder("Pickles", "test_no_pickle", export=export_pickle)


def metric(name, breaks, change=None, **members):
    """``change(lists, targets, values)`` gives other values."""
    if change is not None:
        members["measure"] = lambda self, lists, t, c: change(lists, t, SoundMetric.measure(self, lists, t, c))
    faulty(f"Metric{name}", breaks, MetricContract, type(name, (SoundMetric,), members))


def measure_counting(self, lists, targets, counts):
    self.asked = getattr(self, "asked", 0) + 1
    return SoundMetric.measure(self, lists, targets, counts) + self.asked


def in_place(lists, targets, values):
    lists[:] = -1
    return values


def needs_places(lists, targets, values):
    return values + 0 * lists[:, 0]


def needs_targets(lists, targets, values):
    return values + 0 * targets.items.max()


metric("NoMethod", "test_has_the_role", measure=None)
metric("Floats", "test_one_number_a_list", lambda lists, t, v: v.astype(np.float32))
metric("OneForAll", "test_one_number_a_list", lambda lists, t, v: v.mean())
metric("Infinite", "test_one_number_a_list", lambda lists, t, v: v + np.inf)
metric("NeedsLists", "test_no_lists", lambda lists, t, v: v + 0 * np.max(v))
metric("NeedsPlaces", "test_empty_and_short_lists", needs_places)
metric("NeedsTargets", "test_nothing_to_find", needs_targets)
metric("ByBatch", "test_batch_equals_single", lambda lists, t, v: v / max(1, len(v)))
metric("Remembers", "test_asked_twice_it_answers_the_same", measure=measure_counting)
metric("UpsideDown", "test_a_perfect_list_is_worth_more", higher_is_better=False)
metric("WritesIntoLists", "test_inputs_are_left_alone", in_place)


def reader(name, breaks, **members):
    faulty(f"Reader{name}", breaks, DatasetReaderContract, type(name, (SoundReader,), members), write=write)


def read_with(change):
    """``change(path, columns)`` gives other columns."""
    return lambda self, path: change(path, SoundReader.read(self, path))


def read_and_mark(path, columns):
    path.write_text(path.read_text() + " ")
    return columns


def forgive(self, path):
    try:
        return SoundReader.read(self, path)
    except OSError:
        raise
    except ValueError:
        return {}


def forgive_all(self, path):
    return SoundReader.read(self, path) if path.exists() else {}


reader("NoMethod", "test_has_the_role", read=None)
reader("TakesCsv", "test_has_the_role", suffixes=(".csv",))
reader("NoDot", "test_has_the_role", suffixes=("json5",))
reader("LosesARow", "test_it_reads_what_was_written", read=read_with(lambda p, c: {n: v[1:] for n, v in c.items()}))
reader("Dates", "test_columns_are_plain_and_equally_long", read=read_with(lambda p, c: {"day": [date(2024, 1, 1)]}))
reader("Ragged", "test_columns_are_plain_and_equally_long", read=read_with(lambda p, c: {**c, "more": [1]}))
reader("NeedsRows", "test_a_file_without_rows", read=read_with(lambda p, c: {n: [v[0], *v[1:]] for n, v in c.items()}))
reader("Marks", "test_read_twice_it_is_the_same", read=read_with(read_and_mark))
reader("InventsAFile", "test_a_file_that_is_not_there", read=forgive_all)
reader("Forgives", "test_a_file_of_another_format", read=forgive)


def silent() -> None:
    pass


def failing() -> None:
    """Fail."""
    raise ValueError("no")


class Forgiving(TyperGroup):
    """Drops what it does not know."""

    def parse_args(self, ctx, args):
        return super().parse_args(ctx, [arg for arg in args if arg != "--no-such-option"])


forgiving = typer.Typer(help="Forgive.", cls=Forgiving)
forgiving.callback(invoke_without_command=True)(sound_command)
faulty("CommandIsText", "test_has_the_role", CliCommandContract, "hello")
faulty("CommandFails", "test_it_runs", CliCommandContract, failing)
faulty("CommandSaysAnother", "test_it_runs", CliCommandContract, sound_command, expected="good night")
faulty("CommandWithoutHelp", "test_it_helps", CliCommandContract, silent)
faulty("CommandForgives", "test_an_option_that_does_not_exist", CliCommandContract, forgiving)
