-- What has been applied. The checksum is that of the file, before its settings were filled in.
CREATE TABLE IF NOT EXISTS schema_migrations{{.OnCluster}}
(
    version UInt32,
    name    String,
    sha256  String
)
ENGINE = {{.ReplacingMergeTree "version"}}
ORDER BY (version, sha256);
