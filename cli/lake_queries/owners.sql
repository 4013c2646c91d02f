-- What the 100 owners with the highest costs used. "-" stands for all who opted out of analytics.
SELECT
    owner,
    count(CASE WHEN status = 'accepted' THEN 1 END) AS accepted,
    coalesce(sum(requested), 0) AS requested,
    coalesce(sum(generated), 0) AS images,
    coalesce(sum(stored), 0) AS stored,
    coalesce(sum(deleted), 0) AS deleted,
    coalesce(sum(cost_usd), 0) AS cost_usd
FROM events
WHERE day BETWEEN ? AND ?
GROUP BY owner
HAVING sum(requested) > 0 OR sum(generated) > 0 OR sum(stored) > 0 OR sum(deleted) > 0
ORDER BY cost_usd DESC, owner
LIMIT 100
