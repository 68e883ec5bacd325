-- One row per fact: who decided, did or ordered what, when and why. A fact written again is the same row.
CREATE TABLE IF NOT EXISTS audit_log{{.OnCluster}}
(
    tenant   String,
    id       String,
    time     DateTime64(9, 'UTC'),
    kind     String,
    what     String,
    about    String,
    subject  String,
    `by`     String,
    via      String,
    why      String,
    detail   String,
    recorded DateTime('UTC') DEFAULT now(),
    INDEX by_time time TYPE minmax GRANULARITY 1
)
ENGINE = {{.ReplacingMergeTree "recorded"}}
PARTITION BY toMonday(recorded)
ORDER BY (tenant, id)
TTL recorded + toIntervalDay({{.RetentionDays}})
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 0;

CREATE VIEW IF NOT EXISTS audit{{.OnCluster}} AS
SELECT id, time, tenant, kind, what, about, subject, `by`, via, why, detail
FROM audit_log FINAL;

-- What a finding adds up to, what its confidence was made of, and the tokens that it asks to respond to.
ALTER TABLE finding_versions{{.OnCluster}}
    ADD COLUMN IF NOT EXISTS risk    Float64,
    ADD COLUMN IF NOT EXISTS signals String,
    ADD COLUMN IF NOT EXISTS targets String;

CREATE OR REPLACE VIEW findings{{.OnCluster}} AS
SELECT
    id, rule, rule_version, severity, confidence, conclusive, decision, would, suppressed_by, risk, scope, subject, epoch, tenant, token, user, session, app,
    event_id, time, first_seen, detected_at, summary, attack, evidence, events, `from`, `to`,
    JSONExtractString(`from`, 'ip') AS from_ip,
    JSONExtractUInt(`from`, 'asn') AS from_asn,
    JSONExtractString(`from`, 'country') AS from_country,
    JSONExtractString(`from`, 'city') AS from_city,
    JSONExtract(`from`, 'lat', 'Nullable(Float64)') AS from_lat,
    JSONExtract(`from`, 'lon', 'Nullable(Float64)') AS from_lon,
    JSONExtractUInt(`from`, 'accuracy_km') AS from_accuracy_km,
    JSONExtractString(`from`, 'ua') AS from_ua,
    JSONExtractString(`to`, 'ip') AS to_ip,
    JSONExtractUInt(`to`, 'asn') AS to_asn,
    JSONExtractString(`to`, 'country') AS to_country,
    JSONExtractString(`to`, 'city') AS to_city,
    JSONExtract(`to`, 'lat', 'Nullable(Float64)') AS to_lat,
    JSONExtract(`to`, 'lon', 'Nullable(Float64)') AS to_lon,
    JSONExtractUInt(`to`, 'accuracy_km') AS to_accuracy_km,
    JSONExtractString(`to`, 'ua') AS to_ua,
    signals, targets,
    without_history, informed, partition
FROM finding_versions FINAL
ORDER BY tenant, finding_versions.id, strength DESC, finding_versions.time, finding_versions.event_id, finding_versions.first_seen DESC,
    finding_versions.events DESC
LIMIT 1 BY tenant, finding_versions.id;

-- An action has a row at each destination. The sorting key stays (tenant, action_id), and of a row at another destination than the primary one
-- action_id is "act_…@destination", so that no table has to be copied and the program before this one may go on writing. The version puts
-- the round before state and attempts: rows from before have round 0, and their versions are what they were.
ALTER TABLE action_states{{.OnCluster}}
    ADD COLUMN IF NOT EXISTS destination String,
    ADD COLUMN IF NOT EXISTS round       Int64,
    ADD COLUMN IF NOT EXISTS ordered_by  String;

CREATE OR REPLACE VIEW actions{{.OnCluster}} AS
SELECT
    if(s.destination = '', s.action_id, left(s.action_id, length(s.action_id) - length(s.destination) - 1)) AS action_id,
    s.action AS action,
    s.tenant AS tenant,
    s.token AS token,
    ['', 'pending', 'held', 'pending', 'discarded', 'failed', 'delivered'][s.state + 1] AS state,
    s.destination AS destination,
    s.round AS round,
    s.ordered_by AS ordered_by,
    s.subject AS subject,
    s.epoch AS epoch,
    s.session AS session,
    s.user AS user,
    s.reason AS reason,
    s.risk AS risk,
    s.mode AS mode,
    s.findings AS findings,
    s.decided_at AS decided_at,
    s.released AS released,
    s.attempts AS attempts,
    if(s.finished_at = 0, NULL, s.finished_at) AS finished_at,
    s.outcome AS outcome,
    s.partition AS partition
FROM action_states AS s FINAL;
