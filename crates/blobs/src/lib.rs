//! Bytes of attachments and sources outside Postgres: in files, S3 or Google Cloud Storage.
