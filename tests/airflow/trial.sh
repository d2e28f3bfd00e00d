#!/usr/bin/env bash
# The example DAG under a real Airflow, its second stage killed at the first try: the lake must be that of a quiet run.
#
#   tests/airflow/trial.sh AIRFLOW AFFLUENT [PYTHON]
#
# AIRFLOW is Airflow's command in an environment of its own, AFFLUENT the program, PYTHON any Python 3 (default python3).
set -euo pipefail

airflow=$(realpath -s "$1")
affluent=$(realpath "$2")
python=${3:-python3}
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1

export AIRFLOW_HOME=$work/airflow AIRFLOW__CORE__LOAD_EXAMPLES=False
export AIRFLOW__CORE__DAGS_FOLDER=$root/examples/airflow
export AFFLUENT=$root/tests/airflow/killed_once AFFLUENT_RETRY_SECONDS=1
export AFFLUENT_PIPELINE=$root/examples/cdnow/pipeline.yaml AFFLUENT_LAKE=$work/lake
export REAL_AFFLUENT=$affluent KILL_STAGE=transform KILL_MARK=$work/killed
# Persons are there, the orders that belong to them are not yet.
export KILL_TABLE=$work/lake/silver/persons

"$airflow" version
"$airflow" db migrate >"$work/migrate.log" 2>&1 || { cat "$work/migrate.log"; exit 1; }
"$airflow" dags test affluent_line 1998-07-01 >"$work/run.log" 2>&1 || { cat "$work/run.log"; exit 1; }

fail() {
  cat "$work/run.log"
  echo "airflow trial: $1" >&2
  exit 1
}
# `dags test` ends with 0 even where a task failed or none ran.
grep -q 'DagRun Finished.*state=success' "$work/run.log" || fail "the run did not succeed"
[[ -e $KILL_MARK ]] || fail "the first try of $KILL_STAGE was not killed"
grep -q 'new_state=up_for_retry' "$work/run.log" || fail "the killed stage was not tried again"

"$affluent" run "$AFFLUENT_PIPELINE" --lake "$work/quiet" --as-of 1998-07-01T00:00:00Z --json >"$work/quiet.json"
"$python" "$root/tests/interop/lakes.py" "$affluent" "$work/lake" "$work/quiet"
