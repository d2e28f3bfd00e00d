"""Matches sets with known truth with Affluent and with Splink and prints how they compare.

    python match.py --measure target/release/examples/measure --historical historical_50k.parquet

Splink runs by the settings of its own examples where it has one for the set, by sensible ones elsewhere; Affluent by its defaults
for persons everywhere, from even odds on. Neither sees a label; both are measured on their clusters, against all true pairs. Sets: FEBRL 3, Splink's `fake_1000` (both lie in this repository), `historical_50k`
(from Splink's public data sets, where a path is given), and made-up people of three systems, written by the measuring program.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass

from measure import Stopwatch, child

ROOT = os.path.join(os.path.dirname(__file__), "../..")


# Even odds, and what most of Splink's examples cluster at.
THRESHOLDS = [0.5, 0.95]
DESKS = r"(?:accueil|commande|contact|info)[.@]"


@dataclass
class Recipe:
    """How Splink goes about a set: as its example does, all rules as SQL or lists of columns."""

    comparisons: list
    blocking: list
    certain: list
    recall: float
    training: list
    pairs: float = 1e6


def recipes(name: str) -> Recipe:
    import splink.comparison_library as cl

    if name == "febrl3":
        return Recipe(
            [
                cl.NameComparison("given_name"),
                cl.NameComparison("surname"),
                cl.DateOfBirthComparison("date_of_birth", input_is_string=True, datetime_format="%Y%m%d"),
                cl.DamerauLevenshteinAtThresholds("soc_sec_id", [2]),
                cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
                cl.ExactMatch("postcode").configure(term_frequency_adjustments=True),
            ],
            [["soc_sec_id"], ["given_name"], ["surname"], ["date_of_birth"], ["postcode"]],
            [
                "l.soc_sec_id = r.soc_sec_id",
                "l.given_name = r.given_name and l.surname = r.surname and l.date_of_birth = r.date_of_birth",
                "l.given_name = r.surname and l.surname = r.given_name and l.date_of_birth = r.date_of_birth",
            ],
            0.9,
            [["date_of_birth"], ["postcode"]],
        )
    if name == "splink_fake_1000":
        return Recipe(
            [
                cl.NameComparison("first_name"),
                cl.NameComparison("surname"),
                cl.DateOfBirthComparison("dob", input_is_string=True),
                cl.ExactMatch("city").configure(term_frequency_adjustments=True),
                cl.EmailComparison("email"),
            ],
            # Its example blocks on the names alone; without the other two a third of the pairs is out of reach.
            [["first_name"], ["surname"], ["dob"], ["email"]],
            [
                "l.first_name = r.first_name and levenshtein(r.dob, l.dob) <= 1",
                "l.surname = r.surname and levenshtein(r.dob, l.dob) <= 1",
                "l.first_name = r.first_name and levenshtein(r.surname, l.surname) <= 2",
                "l.email = r.email",
            ],
            0.7,
            [["dob"], ["email"]],
        )
    if name == "historical_50k":
        area = "substr(postcode_fake, 1, 3)"
        return Recipe(
            [
                cl.ForenameSurnameComparison("first_name", "surname", forename_surname_concat_col_name="full_name_concat"),
                cl.DateOfBirthComparison("dob", input_is_string=True),
                cl.PostcodeComparison("postcode_fake"),
                cl.ExactMatch("birth_place").configure(term_frequency_adjustments=True),
                cl.ExactMatch("occupation").configure(term_frequency_adjustments=True),
            ],
            [
                ["substr(first_name, 1, 3)", "substr(surname, 1, 4)"],
                ["surname", "dob"],
                ["first_name", "dob"],
                ["postcode_fake", "first_name"],
                ["postcode_fake", "surname"],
                ["dob", "birth_place"],
                [area, "dob"],
                [area, "first_name"],
                [area, "surname"],
                ["substr(first_name, 1, 2)", "substr(surname, 1, 2)", "substr(dob, 1, 4)"],
            ],
            [
                "l.first_name = r.first_name and l.surname = r.surname and l.dob = r.dob",
                "substr(l.first_name, 1, 2) = substr(r.first_name, 1, 2) and l.surname = r.surname "
                "and substr(l.postcode_fake, 1, 2) = substr(r.postcode_fake, 1, 2)",
                "l.dob = r.dob and l.postcode_fake = r.postcode_fake",
            ],
            0.6,
            [["first_name", "surname"], ["dob"]],
            5e6,
        )
    if name.startswith("dupehell"):
        return Recipe(
            [
                cl.ForenameSurnameComparison("first_name", "last_name", forename_surname_concat_col_name="full_name_concat"),
                cl.EmailComparison("email"),
                cl.DamerauLevenshteinAtThresholds("phone", [1]),
                cl.JaroWinklerAtThresholds("company_name", [0.9]),
                cl.JaroWinklerAtThresholds("job_title", [0.9]),
                cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            ],
            [
                ["email"],
                ["phone"],
                ["first_name", "last_name"],
                ["last_name", "company_name"],
                ["first_name", "company_name"],
                ["last_name", "job_title"],
                ["substr(first_name, 1, 3)", "substr(last_name, 1, 4)", "city"],
            ],
            [
                "l.email = r.email",
                "l.first_name = r.first_name and l.last_name = r.last_name and l.company_name = r.company_name",
                "l.first_name = r.first_name and l.last_name = r.last_name and l.phone = r.phone",
            ],
            0.6,
            [["email"], ["first_name", "last_name"], ["phone"]],
        )
    return Recipe(
        [
            cl.ForenameSurnameComparison("first_name", "last_name", forename_surname_concat_col_name="full_name_concat"),
            cl.DateOfBirthComparison("birth_on", input_is_string=True),
            cl.EmailComparison("email"),
            cl.DamerauLevenshteinAtThresholds("phone", [1]),
            cl.JaroWinklerAtThresholds("street", [0.9]),
            cl.ExactMatch("postcode").configure(term_frequency_adjustments=True),
        ],
        [
            ["email"],
            ["phone"],
            ["first_name", "last_name"],
            ["last_name", "birth_on"],
            ["first_name", "birth_on"],
            ["last_name", "postcode"],
            ["first_name", "postcode"],
            ["substr(first_name, 1, 3)", "substr(last_name, 1, 4)"],
        ],
        [
            "l.email = r.email",
            "l.first_name = r.first_name and l.last_name = r.last_name and l.birth_on = r.birth_on",
            "l.first_name = r.first_name and l.last_name = r.last_name and l.phone = r.phone",
        ],
        0.7,
        [["email"], ["first_name", "last_name"], ["birth_on"]],
    )


def by_splink(name: str, path: str) -> None:
    """Matches the file and prints its figures as JSON; columns are the set's own, `id` and `truth` aside."""
    import logging

    import pandas as pd
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    logging.getLogger("splink").setLevel(logging.ERROR)
    recipe = recipes(name)
    watch = Stopwatch()
    frame = pd.read_csv(path, dtype=str)
    given, family = ("first_name", "last_name" if "last_name" in frame else "surname")
    if given in frame:
        frame["full_name_concat"] = frame[given] + " " + frame[family]
    if "email" in frame:
        # What anybody would take out beforehand: mailboxes of a desk.
        frame.loc[frame["email"].str.match(DESKS, na=False), "email"] = None
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="id",
        comparisons=recipe.comparisons,
        blocking_rules_to_generate_predictions=[block_on(*rule) for rule in recipe.blocking],
    )
    linker = Linker(DuckDBAPI().register(frame.drop(columns="truth")), settings)
    training = linker.training
    training.estimate_probability_two_random_records_match(recipe.certain, recall=recipe.recall)
    training.estimate_u_using_random_sampling(max_pairs=recipe.pairs, seed=1)
    for rule in recipe.training:
        training.estimate_parameters_using_expectation_maximisation(block_on(*rule))
    predicted = linker.inference.predict(threshold_match_probability=0.001)
    truth = dict(zip(frame["id"], frame["truth"]))
    found = {}
    for threshold in THRESHOLDS:
        clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(predicted, threshold_match_probability=threshold)
        found[threshold] = clusters.as_pandas_dataframe()[["id", "cluster_id"]]
    watch.stop()
    watch.report(at={threshold: quality(one["cluster_id"], one["id"].map(truth)) for threshold, one in found.items()})


def quality(clusters, truth) -> dict[str, float]:
    """Pairwise and B-cubed figures of clusters against true entities."""
    both, of_cluster, of_entity = Counter(zip(clusters, truth)), Counter(clusters), Counter(truth)
    pairs = lambda counts: sum(n * (n - 1) / 2 for n in counts.values())
    right, records = pairs(both), sum(both.values())
    precision, recall = right / max(pairs(of_cluster), 1), right / max(pairs(of_entity), 1)
    b_precision = sum(n * n / of_cluster[c] for (c, _), n in both.items()) / records
    b_recall = sum(n * n / of_entity[e] for (_, e), n in both.items()) / records
    mean = lambda a, b: 2 * a * b / (a + b) if a + b else 0.0
    return {
        "precision": precision,
        "recall": recall,
        "f1": mean(precision, recall),
        "b_cubed": mean(b_precision, b_recall),
        "largest": max(of_cluster.values()),
    }


# Our canonical names of the sets' columns.
CANONICAL = {
    "given_name": "first_name",
    "surname": "last_name",
    "dob": "birth_on",
    "date_of_birth": "birth_on",
    "suburb": "city",
    "birth_place": "city",
    "postcode_fake": "postcode",
    "gender": "sex",
    "soc_sec_id": "national_id",
}


# What of a generated contact may be compared: its own numbers and links survive duplication and give the answer away.
CONTACT = ["first_name", "last_name", "email", "phone", "job_title", "company_name", "city", "state_code", "country_code"]


def generated(name: str, size: int, folder: str) -> tuple[str, str]:
    """Contacts of dupehell: French, of its hardest kind, in no order that gives duplicates away."""
    import dupehell
    import pandas as pd

    made = dupehell.generate(
        domain="crm", size=size, locale="fr", difficulty="hell", seed=1, output_dir=f"{folder}/{size}", only_entity="contact"
    )
    frame = pd.read_parquet(made.dataset, columns=["record_id", "master_id", *CONTACT]).sample(frac=1, random_state=1)
    theirs, ours = f"{folder}/{size}.theirs.csv", f"{folder}/{size}.csv"
    frame.rename(columns={"record_id": "id", "master_id": "truth"}).to_csv(theirs, index=False)
    canonical = {"record_id": "id", "master_id": "truth", "state_code": "state", "country_code": "country"}
    frame.rename(columns=canonical).to_csv(ours, index=False)
    return theirs, ours


def prepared(name: str, source: str, folder: str, people: int, measure: str) -> tuple[str, str]:
    """Writes the set for Splink (its own columns) and for us (canonical ones); the two paths."""
    import pandas as pd

    theirs, ours = f"{folder}/{name}.theirs.csv", f"{folder}/{name}.csv"
    if name.startswith("dupehell"):
        return generated(name, people, folder)
    if people:
        if not measure:
            sys.exit("--measure is needed to make people up")
        subprocess.run([measure, "--write-made", str(people), ours], check=True)
        return ours, ours
    if source.endswith(".parquet"):
        frame = pd.read_parquet(source)
    else:
        frame = pd.read_csv(source, dtype=str, skipinitialspace=True)
    if name == "febrl3":
        frame["truth"] = frame["rec_id"].str.split("-").str[1]
        frame = frame.rename(columns={"rec_id": "id"})
    else:
        frame = frame.rename(columns={"unique_id": "id", "cluster": "truth"})
    frame.to_csv(theirs, index=False)
    if name == "febrl3":
        frame["street"] = frame["street_number"].fillna("") + " " + frame["address_1"].fillna("")
    frame.drop(columns="full_name", errors="ignore").rename(columns=CANONICAL).to_csv(ours, index=False)
    return theirs, ours


def row(set_name: str, runner: str, said: dict, measured) -> None:
    cells = [f"{said[key]:.4f}" for key in ("precision", "recall", "f1", "b_cubed")]
    print(
        f"| {set_name} | {runner} | {' | '.join(cells)} | {said['largest']} | {measured.seconds:.1f} | {measured.cpu_seconds:.1f} | {measured.peak_mib:.0f} |",
        flush=True,
    )


def by_affluent(program: str, path: str, folder: str):
    """The whole job, from a CSV file to one with the entity of each record; measured by its outcome."""
    import pandas as pd

    out = f"{folder}/out.csv"
    measured = child([program, "match", path, "--id", "id", "--out", out, "--json"])
    found = pd.read_csv(out, dtype=str).merge(pd.read_csv(path, dtype=str)[["id", "truth"]], on="id")
    return quality(found["entity_id"], found["truth"]), measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", help="the example program `measure` of affluent-match, a release build")
    parser.add_argument("--affluent", help="the program itself, a release build: `affluent match` from file to file")
    parser.add_argument("--without-peer", action="store_true", help="ours alone")
    parser.add_argument("--historical", help="historical_50k.parquet of Splink's data sets")
    parser.add_argument("--people", type=int, nargs="*", default=[1_000, 10_000, 50_000], help="sizes of the made-up sets")
    parser.add_argument("--contacts", type=int, nargs="*", default=[20_000], help="sizes of the sets of dupehell")
    parser.add_argument("--only", help="sets whose names begin with this")
    parser.add_argument("--worker", nargs=2, metavar=("SET", "FILE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        return by_splink(*given.worker)
    if not given.measure and not given.affluent:
        parser.error("--affluent or --measure is needed")
    sets = [("febrl3", f"{ROOT}/examples/febrl/febrl3.csv", 0), ("splink_fake_1000", f"{ROOT}/crates/affluent-match/tests/data/splink_fake_1000.csv", 0)]
    if given.historical:
        sets.append(("historical_50k", given.historical, 0))
    sets += [(f"dupehell, {contacts} contacts", "", contacts) for contacts in given.contacts]
    sets += [(f"three systems, {people} people", "", people) for people in given.people]
    sets = [one for one in sets if one[0].startswith(given.only or "")]
    print("| set | runner | precision | recall | F1 | B-cubed F1 | largest | seconds | CPU seconds | peak MiB |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, source, people in sets:
            theirs, ours = prepared(name, source, folder, people, given.measure)
            if given.affluent:
                row(name, "affluent match", *by_affluent(given.affluent, ours, folder))
            if given.measure:
                measured = child([given.measure, "--json", ours])
                row(name, "affluent", measured.said, measured)
            if given.without_peer:
                continue
            measured = child([sys.executable, __file__, "--worker", name, theirs])
            for threshold, said in measured.said["at"].items():
                row(name, f"splink from {threshold} on", said, measured)


if __name__ == "__main__":
    main()
