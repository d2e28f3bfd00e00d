"""Google Analytics by the messages of Google's own client: a member or type that a report has not is refused.

python ga4.py REQUESTS
"""

import re

from google.analytics.data_v1beta.types import RunReportRequest
from google.protobuf import json_format
from verdicts import Wrong, verdicts


def judge(request):
    named = re.fullmatch(r"/v1beta/(properties/\d+):runReport", request["path"])
    if request["method"] != "POST" or not named or request["query"]:
        raise Wrong("no report is asked for so")
    json_format.Parse(request["body"], RunReportRequest.pb()(property=named[1]))


verdicts(judge)
