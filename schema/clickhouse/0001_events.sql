-- One row per accepted event. The sorting key is the identity of an event: what is written twice collapses, and of several records with one
-- identity that of the smallest offset stays (version = -offset). Public is the view events, not this table.
-- Weeks and retention count Kafka's time: event time is written by whoever sends events.
-- Small granules in compact parts make looking up a thousand tokens cheap; sparse serialization costs inserts a fifth; deduplication of
-- inserted blocks stays off, it lost rows.
CREATE TABLE IF NOT EXISTS session_events{{.OnCluster}}
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
ENGINE = {{.ReplacingMergeTree "version"}}
PARTITION BY toMonday(record_time)
ORDER BY (tenant, token, id)
TTL toDateTime(record_time) + toIntervalDay({{.RetentionDays}})
SETTINGS index_granularity = 256, min_bytes_for_wide_part = 1099511627776, min_rows_for_wide_part = 0,
    ttl_only_drop_parts = 1, non_replicated_deduplication_window = 0, ratio_of_defaults_for_sparse_serialization = 1;

-- User agents by number. Each is written before the first event that needs it, and again in every week of use.
CREATE TABLE IF NOT EXISTS user_agents{{.OnCluster}}
(
    id     UInt64,
    text   String,
    family String,
    os     String,
    class  UInt8,
    major  UInt16,
    seen   Date
)
ENGINE = {{.ReplacingMergeTree "seen"}}
ORDER BY id
TTL seen + toIntervalDay({{.AgentDays}})
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 0;

-- Every version of a finding. The view findings shows the strongest one of each id; of equally strong ones the one that was decided to do more
-- stays (version = response), since that was done.
CREATE TABLE IF NOT EXISTS finding_versions{{.OnCluster}}
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
ENGINE = {{.ReplacingMergeTree "response"}}
PARTITION BY toMonday(recorded)
PRIMARY KEY (tenant, id)
ORDER BY (tenant, id, strength, time, event_id, first_seen, events)
TTL recorded + toIntervalDay({{.RetentionDays}})
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 0;

-- Actions in the state that ranks highest (version = state and attempts), whatever the order of writing.
CREATE TABLE IF NOT EXISTS action_states{{.OnCluster}}
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
ENGINE = {{.ReplacingMergeTree "version"}}
PARTITION BY toMonday(recorded)
ORDER BY (tenant, action_id)
TTL recorded + toIntervalDay({{.RetentionDays}})
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 0;
