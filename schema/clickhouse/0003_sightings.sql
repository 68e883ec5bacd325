-- One row per sighting: what token lanes told about users, networks, sessions and apps. It is the changelog of subject lanes, as
-- session_events is that of token lanes, with the same settings for the same reasons: the sorting key is the identity, of several records
-- with one identity that of the smallest offset stays (version = -offset), and deduplication of inserted blocks stays off.
CREATE TABLE IF NOT EXISTS sightings{{.OnCluster}}
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
ENGINE = {{.ReplacingMergeTree "version"}}
PARTITION BY toMonday(record_time)
ORDER BY (tenant, scope, subject, id)
TTL toDateTime(record_time) + toIntervalDay({{.RetentionDays}})
SETTINGS index_granularity = 256, min_bytes_for_wide_part = 1099511627776, min_rows_for_wide_part = 0,
    ttl_only_drop_parts = 1, non_replicated_deduplication_window = 0, ratio_of_defaults_for_sparse_serialization = 1;
