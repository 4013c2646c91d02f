-- Requests that asked for a model, and images that it generated with their costs: after a failover, another model's.
WITH period AS (SELECT * FROM events WHERE day BETWEEN ? AND ?)
SELECT model, sum(requests) AS requests, sum(images) AS images, sum(cost_usd) AS cost_usd
FROM (
    SELECT requested_model AS model, 1 AS requests, 0 AS images, CAST(0 AS DECIMAL(18, 6)) AS cost_usd
    FROM period
    WHERE requested_model IS NOT NULL
    UNION ALL
    SELECT model, 0 AS requests, model_images[place] AS images, model_costs_usd[place] AS cost_usd
    FROM period
    CROSS JOIN UNNEST(models) WITH ORDINALITY AS t (model, place)
) AS uses
GROUP BY model
ORDER BY cost_usd DESC, model
