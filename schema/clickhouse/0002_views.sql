-- The public tables. They need no FINAL and show text where the storage has numbers; a condition on tenant and token reaches the primary key.

CREATE VIEW IF NOT EXISTS events{{.OnCluster}} AS
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
CREATE VIEW IF NOT EXISTS findings{{.OnCluster}} AS
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

CREATE VIEW IF NOT EXISTS actions{{.OnCluster}} AS
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
CREATE VIEW IF NOT EXISTS tokens{{.OnCluster}} AS
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
