"""The tables that are computed: rounds, errors and comparisons; the table of requests is `records/schema.py`.

Its rule: long tables, one value a row, so that a new metric needs no new column. What is undefined is null, never zero,
and a column says why.
"""

import pyarrow as pa

# One row for each round, engine, metric and statistic.
ROUNDS = pa.schema(
    [
        pa.field("round", pa.int32(), nullable=False),
        pa.field("engine", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),  # a name of `catalog.py`
        pa.field("statistic", pa.string(), nullable=False),  # p50, p90, p95, p99, mean, rate
        pa.field("value", pa.float64()),  # seconds, tokens or requests per second, tokens, shares 0…1, currency
        pa.field("n", pa.int32(), nullable=False),  # of how many values, or requests
        pa.field("void", pa.string()),  # why the whole round of this engine does not count; null: it does
        pa.field("undefined", pa.string()),  # why there is no value
    ]
)

# One row for each round, engine and kind of failure that occurred.
ERRORS = pa.schema(
    [
        pa.field("round", pa.int32(), nullable=False),
        pa.field("engine", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # a value of `ErrorKind`
        pa.field("count", pa.int32(), nullable=False),
        pa.field("share", pa.float64(), nullable=False),  # of all requests that were measured, sent or not
    ]
)

# One row for each metric, statistic and engine but the baseline.
COMPARISON = pa.schema(
    [
        pa.field("metric", pa.string(), nullable=False),
        pa.field("statistic", pa.string(), nullable=False),
        pa.field("baseline", pa.string(), nullable=False),
        pa.field("engine", pa.string(), nullable=False),
        pa.field("ratio", pa.float64()),  # geometric mean over rounds of engine / baseline
        pa.field("low", pa.float64()),  # the interval of the ratio
        pa.field("high", pa.float64()),
        pa.field("confidence", pa.float64(), nullable=False),
        pa.field("p_value", pa.float64()),
        pa.field("p_holm", pa.float64()),  # corrected; null outside of the primary metrics
        pa.field("rounds", pa.int32(), nullable=False),  # pairs that counted
        pa.field("ratios", pa.list_(pa.float64()), nullable=False),  # one for each, in the order of rounds
        pa.field("better", pa.string(), nullable=False),  # lower, higher
        pa.field("verdict", pa.string(), nullable=False),  # a value of `verdicts.py`
        pa.field("paired", pa.bool_(), nullable=False),
    ]
)
