"""The whole line as an Airflow DAG: one task for each stage, so that each is retried on its own.

The scheduler names the run and gives it its date; a stage that is tried again under the same run id goes on where it was
left and writes nothing twice. Needs Airflow 3 and the program on the worker.
"""

import json
import os
from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import dag

# Where the program, the pipeline and the lake are: the deployment's environment says.
ENVIRONMENT = {
    "AFFLUENT": os.environ.get("AFFLUENT", "affluent"),
    "PIPELINE": os.environ.get("AFFLUENT_PIPELINE", "/opt/affluent/pipeline.yaml"),
    "LAKE": os.environ.get("AFFLUENT_LAKE", "/opt/affluent/lake"),
}

# A run started by hand may have neither interval nor logical date.
AS_OF = "{{ (data_interval_end or logical_date or dag_run.run_after) | ts }}"


def stage(name: str) -> BashOperator:
    # Values reach the shell as variables, never as text of the command, so no run id can break out of its quotes.
    return BashOperator(
        task_id=name,
        bash_command='exec "$AFFLUENT" run "$PIPELINE" --lake "$LAKE" --stage "$STAGE" --run-id "$RUN_ID" --as-of "$AS_OF" --json',
        env={**ENVIRONMENT, "STAGE": name, "RUN_ID": "{{ run_id }}", "AS_OF": AS_OF},
        append_env=True,
        # The report of the stage, one JSON object, is what the task returns.
        output_processor=json.loads,
    )


@dag(
    dag_id="affluent_line",
    schedule="@daily",
    # Long ago, so that a past date can be run by hand; none is made up for by itself.
    start_date=datetime(1990, 1, 1),
    catchup=False,
    # Two runs would want the same tables; the second waits instead.
    max_active_runs=1,
    default_args={
        "retries": 3,
        "retry_delay": timedelta(seconds=float(os.environ.get("AFFLUENT_RETRY_SECONDS", "60"))),
        "retry_exponential_backoff": True,
        "execution_timeout": timedelta(hours=6),
    },
    tags=["affluent"],
)
def affluent_line():
    stage("extract") >> stage("transform") >> stage("marts")


affluent_line()
