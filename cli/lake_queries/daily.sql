-- Requests, images and costs per day.
SELECT
    day,
    count(CASE WHEN status = 'accepted' THEN 1 END) AS accepted,
    count(CASE WHEN status = 'succeeded' THEN 1 END) AS succeeded,
    count(CASE WHEN status = 'rejected' THEN 1 END) AS rejected,
    count(CASE WHEN status = 'failed' THEN 1 END) AS failed,
    count(CASE WHEN status = 'cancelled' THEN 1 END) AS cancelled,
    count(CASE WHEN status = 'expired' THEN 1 END) AS expired,
    count(CASE WHEN status = 'stalled' THEN 1 END) AS stalled,
    coalesce(sum(generated), 0) AS images,
    coalesce(sum(stored), 0) AS stored,
    coalesce(sum(cost_usd), 0) AS cost_usd
FROM events
WHERE day BETWEEN ? AND ?
GROUP BY day
ORDER BY day
