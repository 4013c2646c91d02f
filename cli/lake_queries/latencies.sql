-- Milliseconds of each step, and of the whole request. Percentiles are exact; those of the counters are estimates.
WITH period AS (SELECT * FROM events WHERE day BETWEEN ? AND ?)
SELECT
    step,
    count(*) AS events,
    avg(ms) AS mean,
    min(CASE WHEN place >= 0.50 * total THEN ms END) AS p50,
    min(CASE WHEN place >= 0.95 * total THEN ms END) AS p95,
    min(CASE WHEN place >= 0.99 * total THEN ms END) AS p99,
    max(ms) AS maximum
FROM (
    SELECT
        step,
        ms,
        row_number() OVER (PARTITION BY step ORDER BY ms) AS place,
        count(*) OVER (PARTITION BY step) AS total
    FROM (
        SELECT step, step_ms AS ms FROM period WHERE step_ms IS NOT NULL
        UNION ALL
        SELECT 'request' AS step, request_ms AS ms FROM period WHERE request_ms IS NOT NULL
    ) AS durations
) AS placed
GROUP BY step
ORDER BY step
