DROP TABLE labels;
DROP TABLE quota_buckets;
DROP TABLE mailboxes;
