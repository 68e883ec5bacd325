CREATE DATABASE IF NOT EXISTS `hijackd` ON CLUSTER `main`;

-- migration 0 migrations, sha256 066ce66330c9eae0c8ff2910a21369c90200f874d63965d11831c4ff289a088f

-- What has been applied. The checksum is that of the file, before its settings were filled in.
CREATE TABLE IF NOT EXISTS schema_migrations ON CLUSTER `main`
(
    version UInt32,
    name    String,
    sha256  String
)
ENGINE = ReplicatedReplacingMergeTree(version)
ORDER BY (version, sha256);

-- migration 1 events, sha256 7f3af76c80569f30c58d1926d8d590ba0d6f04c147add8d9b9bd7101484d8934

-- One row per accepted event. The sorting key is the identity of an event: what is written twice collapses, and of several records with one
-- identity that of the smallest offset stays (version = -offset). Public is the view events, not this table.
-- Weeks and retention count Kafka's time: event time is written by whoever sends events.
-- Small granules in compact parts make looking up a thousand tokens cheap; sparse serialization costs inserts a fifth; deduplication of
-- inserted blocks stays off, it lost rows.
CREATE TABLE IF NOT EXISTS session_events ON CLUSTER `main`
(
    tenant         String,
    token          String,
    id             String,
    version        Int64,
    partition      Int32,
    record_time    DateTime64(3, 'UTC'),
    time           DateTime64(9, 'UTC'),
    type           UInt8,
    flags          UInt32,
    ip             IPv6,
    agent          UInt64,
    user           String,
    app            String,
    host           String,
    session        String,
    previous_token String,
    device         String,
    ja4            String,
    cnf            String,
    method         String,
    path           String,
    status         Int32,
    token_bits     Int32,
    repeat         Int32,
    auth_time      DateTime64(9, 'UTC'),
    expires_at     DateTime64(9, 'UTC'),
    country        String,
    city           String,
    lat            Float64,
    lon            Float64,
    accuracy_km    UInt16,
    asn            UInt32,
    as_org         String,
    note           String,
    INDEX by_time time TYPE minmax GRANULARITY 4
)
ENGINE = ReplicatedReplacingMergeTree(version)
PARTITION BY toMonday(record_time)
ORDER BY (tenant, token, id)
TTL toDateTime(record_time) + toIntervalDay(30)
SETTINGS index_granularity = 256, min_bytes_for_wide_part = 1099511627776, min_rows_for_wide_part = 0,
    ttl_only_drop_parts = 1, non_replicated_deduplication_window = 0, ratio_of_defaults_for_sparse_serialization = 1;

-- User agents by number. Each is written before the first event that needs it, and again in every week of use.
CREATE TABLE IF NOT EXISTS user_agents ON CLUSTER `main`
(
    id     UInt64,
    text   String,
    family String,
    os     String,
    class  UInt8,
    major  UInt16,
    seen   Date
)
ENGINE = ReplicatedReplacingMergeTree(seen)
ORDER BY id
TTL seen + toIntervalDay(58)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 0;

-- Every version of a finding. The view findings shows the strongest one of each id; of equally strong ones the one that was decided to do more
-- stays (version = response), since that was done.
CREATE TABLE IF NOT EXISTS finding_versions ON CLUSTER `main`
(
    id              String,
    strength        UInt64,
    time            DateTime64(9, 'UTC'),
    event_id        String,
    first_seen      DateTime64(9, 'UTC'),
    response        UInt8,
    rule            String,
    rule_version    UInt32,
    severity        String,
    confidence      Float64,
    conclusive      Bool,
    decision        String,
    would           String,
    suppressed_by   String,
    scope           String,
    subject         String,
    epoch           Int64,
    tenant          String,
    token           String,
    user            String,
    session         String,
    app             String,
    detected_at     DateTime64(9, 'UTC'),
    summary         String,
    attack          Array(String),
    evidence        String,
    events          Array(String),
    `from`          String,
    `to`            String,
    without_history Bool,
    informed        Int64,
    partition       Int32,
    recorded        DateTime('UTC') DEFAULT now()
)
ENGINE = ReplicatedReplacingMergeTree(response)
PARTITION BY toMonday(recorded)
PRIMARY KEY (tenant, id)
ORDER BY (tenant, id, strength, time, event_id, first_seen, events)
TTL recorded + toIntervalDay(30)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 0;

-- Actions in the state that ranks highest (version = state and attempts), whatever the order of writing.
CREATE TABLE IF NOT EXISTS action_states ON CLUSTER `main`
(
    tenant      String,
    action_id   String,
    version     UInt64,
    action      String,
    state       UInt8,
    subject     String,
    epoch       String,
    token       String,
    session     String,
    user        String,
    partition   Int32,
    reason      String,
    risk        Float64,
    mode        String,
    findings    String,
    decided_at  DateTime64(9, 'UTC'),
    released    Bool,
    attempts    Int64,
    finished_at DateTime64(9, 'UTC'),
    outcome     String,
    recorded    DateTime('UTC') DEFAULT now()
)
ENGINE = ReplicatedReplacingMergeTree(version)
PARTITION BY toMonday(recorded)
ORDER BY (tenant, action_id)
TTL recorded + toIntervalDay(30)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 0;

-- migration 2 views, sha256 49bab95d2ef837b058eed5ced852fdbfbaccb26344c5383206272e7d01b5073d

-- The public tables. They need no FINAL and show text where the storage has numbers; a condition on tenant and token reaches the primary key.

CREATE VIEW IF NOT EXISTS events ON CLUSTER `main` AS
SELECT
    e.tenant AS tenant,
    e.token AS token,
    e.id AS id,
    e.time AS time,
    ['session.used', 'session.started', 'session.rotated', 'session.elevated', 'session.reauthenticated', 'session.ended', 'session.revoked',
     'login.failed', 'hijackd.superseded', 'hijackd.inherited', 'hijackd.sentenced'][e.type + 1] AS type,
    if(bitTest(e.flags, 11), replaceOne(IPv6NumToString(e.ip), '::ffff:', ''), '') AS ip,
    e.user AS user,
    e.app AS app,
    e.host AS host,
    e.session AS session,
    e.previous_token AS previous_token,
    e.country AS country,
    e.city AS city,
    if(bitTest(e.flags, 12), e.lat, NULL) AS lat,
    if(bitTest(e.flags, 12), e.lon, NULL) AS lon,
    e.accuracy_km AS accuracy_km,
    e.asn AS asn,
    e.as_org AS as_org,
    ['', 'residential', 'mobile', 'hosting', 'vpn', 'tor', 'relay', 'satellite', 'corporate', 'anycast'][bitAnd(e.flags, 15) + 1] AS network,
    a.text AS user_agent,
    a.family AS ua_family,
    a.os AS ua_os,
    a.major AS ua_major,
    ['', 'desktop', 'mobile', 'tablet', 'bot', 'script'][a.class + 1] AS device_class,
    e.device AS device,
    e.ja4 AS ja4,
    e.cnf AS cnf,
    ['', 'ok', 'failed'][bitAnd(bitShiftRight(e.flags, 4), 3) + 1] AS binding,
    ['', 'https', 'http'][bitAnd(bitShiftRight(e.flags, 6), 3) + 1] AS scheme,
    ['', 'cookie', 'header', 'query', 'body'][bitAnd(bitShiftRight(e.flags, 16), 7) + 1] AS token_in,
    ['', 'accepted', 'rejected'][bitAnd(bitShiftRight(e.flags, 8), 3) + 1] AS outcome,
    e.method AS method,
    e.path AS path,
    e.status AS status,
    bitTest(e.flags, 10) AS sensitive,
    if(e.auth_time = 0, NULL, e.auth_time) AS auth_time,
    if(e.expires_at = 0, NULL, e.expires_at) AS expires_at,
    e.token_bits AS token_bits,
    e.repeat AS repeat,
    bitTest(e.flags, 13) AS raw_token,
    bitTest(e.flags, 14) AS clock_ahead,
    e.note AS note,
    e.record_time AS record_time,
    e.partition AS partition,
    -e.version AS offset
FROM session_events AS e FINAL
LEFT ANY JOIN user_agents AS a ON a.id = e.agent;

-- Of the versions of a finding the strongest: in the order of contract section 3, whatever the order of writing.
CREATE VIEW IF NOT EXISTS findings ON CLUSTER `main` AS
SELECT
    id, rule, rule_version, severity, confidence, conclusive, decision, would, suppressed_by, scope, subject, epoch, tenant, token, user, session, app,
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
    without_history, informed, partition
FROM finding_versions FINAL
ORDER BY tenant, finding_versions.id, strength DESC, finding_versions.time, finding_versions.event_id, finding_versions.first_seen DESC,
    finding_versions.events DESC
LIMIT 1 BY tenant, finding_versions.id;

CREATE VIEW IF NOT EXISTS actions ON CLUSTER `main` AS
SELECT
    action_id, action, tenant, token,
    ['', 'pending', 'held', 'pending', 'discarded', 'failed', 'delivered'][state + 1] AS state,
    subject, epoch, session, user, reason, risk, mode, findings, decided_at, released,
    attempts,
    if(finished_at = 0, NULL, finished_at) AS finished_at,
    outcome, partition
FROM action_states FINAL;

-- Per token, by least, greatest and distinct alone, so that a row read twice counts once.
-- vantages_at_once: distinct (network, user agent) used in five successive minutes of the clock, so never overstated.
CREATE VIEW IF NOT EXISTS tokens ON CLUSTER `main` AS
SELECT
    tenant,
    token,
    min(first) AS first_use,
    max(last) AS last_use,
    arrayMap(x -> replaceOne(IPv6NumToString(x), '::ffff:', ''), groupUniqArrayArray(addresses)) AS ips,
    groupUniqArrayArray(places) AS countries,
    groupUniqArrayArray(towns) AS cities,
    groupUniqArrayArray(systems) AS asns,
    groupUniqArrayArray(agents) AS user_agents,
    groupUniqArrayArray(people) AS users,
    groupUniqArrayArray(seen_by) AS apps,
    max(vantages) AS vantages_at_once,
    multiIf(max(revoked) > 0 AND max(revoked) >= max(started), 'revoked',
            max(ended) > 0 AND max(ended) >= max(started), 'ended',
            max(superseded) > 0 AND max(superseded) >= max(started), 'rotated',
            'active') AS state
FROM
(
    SELECT
        tenant, token, minute + later AS window,
        min(first) AS first, max(last) AS last,
        max(started) AS started, max(ended) AS ended, max(revoked) AS revoked, max(superseded) AS superseded,
        groupUniqArrayArray(addresses) AS addresses, groupUniqArrayArray(places) AS places, groupUniqArrayArray(towns) AS towns,
        groupUniqArrayArray(systems) AS systems, groupUniqArrayArray(people) AS people, groupUniqArrayArray(seen_by) AS seen_by,
        groupUniqArrayIf(a.text, a.text != '') AS agents,
        uniqExactIf((network, agent), used) AS vantages
    FROM
    (
        SELECT
            tenant, token, agent, intDiv(toUnixTimestamp64Nano(time), 60000000000) AS minute,
            if(tupleElement(IPv6CIDRToRange(ip, 96), 1) = toIPv6('::ffff:0.0.0.0'), ip, tupleElement(IPv6CIDRToRange(ip, 64), 1)) AS network,
            max(type <= 4) AS used,
            minOrNullIf(time, type <= 4) AS first, maxOrNullIf(time, type <= 4) AS last,
            maxIf(time, type = 1) AS started, maxIf(time, type = 5) AS ended, maxIf(time, type = 6) AS revoked, maxIf(time, type = 8) AS superseded,
            groupUniqArrayIf(ip, bitTest(flags, 11)) AS addresses,
            groupUniqArrayIf(country, country != '') AS places,
            groupUniqArrayIf(city, city != '') AS towns,
            groupUniqArrayIf(asn, asn != 0) AS systems,
            groupUniqArrayIf(user, user != '') AS people,
            groupUniqArrayIf(app, app != '') AS seen_by
        FROM session_events FINAL
        WHERE token != ''
        GROUP BY tenant, token, agent, minute, network
    ) AS uses
    LEFT ANY JOIN user_agents AS a ON a.id = uses.agent
    ARRAY JOIN range(5) AS later
    GROUP BY tenant, token, window
)
GROUP BY tenant, token;

-- migration 3 sightings, sha256 8ad22e702e48d2c0f884bb59d79a0f6fd503c86252b5058e258cabc4d80564af

-- One row per sighting: what token lanes told about users, networks, sessions and apps. It is the changelog of subject lanes, as
-- session_events is that of token lanes, with the same settings for the same reasons: the sorting key is the identity, of several records
-- with one identity that of the smallest offset stays (version = -offset), and deduplication of inserted blocks stays off.
CREATE TABLE IF NOT EXISTS sightings ON CLUSTER `main`
(
    tenant      String,
    scope       String,
    subject     String,
    id          String,
    version     Int64,
    partition   Int32,
    record_time DateTime64(3, 'UTC'),
    time        DateTime64(9, 'UTC'),
    kind        String,
    event_id    String,
    token       String,
    user        String,
    session     String,
    app         String,
    lane        Int32,
    epoch       Int32,
    flags       UInt32,
    ip          IPv6,
    country     String,
    city        String,
    lat         Float64,
    lon         Float64,
    accuracy_km UInt16,
    asn         UInt32,
    as_org      String,
    ua_family   String,
    ua_os       String,
    ua_major    UInt16,
    device      String,
    ja4         String,
    counts      String
)
ENGINE = ReplicatedReplacingMergeTree(version)
PARTITION BY toMonday(record_time)
ORDER BY (tenant, scope, subject, id)
TTL toDateTime(record_time) + toIntervalDay(30)
SETTINGS index_granularity = 256, min_bytes_for_wide_part = 1099511627776, min_rows_for_wide_part = 0,
    ttl_only_drop_parts = 1, non_replicated_deduplication_window = 0, ratio_of_defaults_for_sparse_serialization = 1;

-- migration 4 audit, sha256 21e3b3e51c495aa0aacee8e473fd4cdbb2b9f08280f0e1f4c16015d771ee742f

-- One row per fact: who decided, did or ordered what, when and why. A fact written again is the same row.
CREATE TABLE IF NOT EXISTS audit_log ON CLUSTER `main`
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
ENGINE = ReplicatedReplacingMergeTree(recorded)
PARTITION BY toMonday(recorded)
ORDER BY (tenant, id)
TTL recorded + toIntervalDay(30)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 0;

CREATE VIEW IF NOT EXISTS audit ON CLUSTER `main` AS
SELECT id, time, tenant, kind, what, about, subject, `by`, via, why, detail
FROM audit_log FINAL;

-- What a finding adds up to, what its confidence was made of, and the tokens that it asks to respond to.
ALTER TABLE finding_versions ON CLUSTER `main`
    ADD COLUMN IF NOT EXISTS risk    Float64,
    ADD COLUMN IF NOT EXISTS signals String,
    ADD COLUMN IF NOT EXISTS targets String;

CREATE OR REPLACE VIEW findings ON CLUSTER `main` AS
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
ALTER TABLE action_states ON CLUSTER `main`
    ADD COLUMN IF NOT EXISTS destination String,
    ADD COLUMN IF NOT EXISTS round       Int64,
    ADD COLUMN IF NOT EXISTS ordered_by  String;

CREATE OR REPLACE VIEW actions ON CLUSTER `main` AS
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
