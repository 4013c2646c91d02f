-- Why there was no image: categories of rejections, reasons of failures, and steps that stalled.
WITH period AS (SELECT * FROM events WHERE day BETWEEN ? AND ?)
SELECT kind, reason, count(*) AS events, min(day) AS first_day, max(day) AS last_day
FROM (
    SELECT 'rejection' AS kind, rejection AS reason, day FROM period WHERE rejection IS NOT NULL
    UNION ALL
    SELECT 'failure' AS kind, failure AS reason, day FROM period WHERE failure IS NOT NULL
    UNION ALL
    SELECT 'stall' AS kind, step AS reason, day FROM period WHERE status = 'stalled'
) AS refused
GROUP BY kind, reason
ORDER BY kind, events DESC, reason
